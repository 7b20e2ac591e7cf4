using System.CommandLine;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Spectre.Console;

namespace Portolan.Chart;

/// <summary>portolan explain: the path of a service's packets, in words.</summary>
internal static class ExplainCommand
{
    internal static Command Create()
    {
        var options = new ChartOptions();
        var name = new Argument<string>("service") { Description = "The service: namespace/name, or namespace/name:port." };
        var port = new Option<string?>("--port") { Description = "The port, by name or number; all ports without it." };
        var from = new Option<string?>("--from") { Description = "Where the client is; everywhere without it." };
        from.AcceptOnlyFromAmong("pod", "node", "outside");
        var command = new Command("explain", "Explain the path of a service's packets in words: each hop and why it is taken, marks, masquerading, "
            + "how the endpoint is chosen, and the end.\n\nExample: portolan explain default/testsvc --from outside")
        {
            name, port, from,
        };
        options.CompleteServices(name);
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            var chart = new ChartOutput();
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            IReadOnlyList<ProgrammedService> services = input.Find(parsed.GetValue(name)!, parsed.GetValue(port), chart);
            if (services.Count == 0)
                return ExitStatus.Findings;
            ClientPlace[] places = parsed.GetValue(from) is { } place
                ? [Enum.Parse<ClientPlace>(place, ignoreCase: true)]
                : [ClientPlace.Outside, ClientPlace.Pod, ClientPlace.Node];
            var explainer = new Explainer(input.Rules, input.Services, input.Node, input.Guide);
            var paths = services.Select(service => (service, explainer.Explain(service, places))).ToList();
            if (parsed.GetValue(options.Json))
            {
                ChartOutput.Json(ExplainAnswer.Of(paths), AnswersJsonContext.Default.ExplainAnswer);
                return input.AnsweredStatus;
            }
            foreach ((ProgrammedService service, IReadOnlyList<ExplainedPath> ofService) in paths.Select(item => (item.service, (IReadOnlyList<ExplainedPath>)item.Item2)))
                Print(service, ofService, chart);
            return input.AnsweredStatus;
        });
        return command;
    }

    private static void Print(ProgrammedService service, IReadOnlyList<ExplainedPath> paths, ChartOutput chart)
    {
        chart.Line($"{service.DisplayName}, {service.Protocol.ToRuleText()}", new Style(decoration: Decoration.Bold));
        foreach (string line in ExplainText.Facts(service))
            chart.Line($"  {line}");
        EndpointChoice? shown = null;
        var said = new HashSet<string>(StringComparer.Ordinal);
        foreach (ExplainedPath path in paths)
        {
            chart.Line();
            chart.Line(char.ToUpperInvariant(path.Title[0]) + path.Title[1..], new Style(decoration: Decoration.Bold));
            PrintSteps(path, chart);
            if (path.Choice is { } choice && (shown is null || !shown.Endpoints.SequenceEqual(choice.Endpoints)))
            {
                PrintChoice(choice, chart);
                shown = choice;
            }
            foreach (string sentence in path.Conclusions)
                chart.Line($"  {sentence}", new Style(Color.Green));
            foreach (string unknown in path.Unknowns.Where(said.Add))
                chart.Line($"  unknown: {unknown}", new Style(Color.Yellow));
        }
        chart.Line();
    }

    private static void PrintSteps(ExplainedPath path, ChartOutput chart)
    {
        string hook = string.Empty;
        int number = 0;
        string destination = path.Steps.FirstOrDefault()?.Destination ?? string.Empty;
        foreach (ExplainedStep step in path.Steps)
        {
            if (step.Hook != hook)
                chart.Line($"  {hook = step.Hook}, to {destination = step.Destination}");
            string why = step.Why.Length == 0 ? "every packet" : step.Why;
            chart.Line($"  {(++number).ToString(CultureInfo.InvariantCulture),2}. {step.Place.Table.Name} {step.Place.Chain.Name} rule "
                + $"{(step.Place.Index + 1).ToString(CultureInfo.InvariantCulture)}: {why}");
            chart.Line($"      {step.What}");
        }
        if (path.Steps.Length == 0)
            chart.Line("  no rule matches");
    }

    private static void PrintChoice(EndpointChoice choice, ChartOutput chart)
    {
        foreach (string line in ExplainText.Choice(choice))
            chart.Line($"  {line}");
    }
}
