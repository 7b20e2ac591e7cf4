using System.CommandLine;
using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Chart;

/// <summary>portolan explain: the path of a service's packets, in words.</summary>
internal static class ExplainCommand
{
    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var name = new Argument<string>("service") { Description = "The service: namespace/name, or namespace/name:port." };
        var port = new Option<string?>("--port") { Description = "The port, by name or number; default: all ports." };
        var from = new Option<string?>("--from") { Description = "Where the client is; default: everywhere." };
        from.AcceptOnlyFromAmong("pod", "node", "outside");
        var command =
            new Command("explain", "Explain the path of a service's packets in words: each rule and why it matches, marks, masquerading, "
            + "how the endpoint is chosen, and the end.\n\nExample: portolan explain default/testsvc --from outside")
        {
            name, port, from,
        };
        options.CompleteServices(name);
        options.AddTo(command);
        options.Run(command, (parsed, chart) =>
        {
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            IReadOnlyList<ProgrammedService> services = input.Find(parsed.GetValue(name)!, parsed.GetValue(port), chart);
            if (services.Count == 0)
                return ExitStatus.Findings;
            ClientPlace[] places = parsed.GetValue(from) is { } place
                ? [Enum.Parse<ClientPlace>(place, ignoreCase: true)]
                : [ClientPlace.Outside, ClientPlace.Pod, ClientPlace.Node];
            var explainer = new Explainer(input.Rules, input.Services, input.Node, input.Guide);
            var answer = ExplainAnswer.Of(services, places, explainer, input.ReportedInput);
            if (parsed.GetValue(options.Json))
                chart.Json(answer, AnswersJsonContext.Default.ExplainAnswer);
            else
                ExplainRenderer.Print(answer, chart);
            return input.AnsweredStatus;
        });
        return command;
    }
}
