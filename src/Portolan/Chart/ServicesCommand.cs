using System.CommandLine;
using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Programmed;

namespace Portolan.Chart;

/// <summary>portolan services: the services that the rules serve.</summary>
internal static class ServicesCommand
{
    internal static Command Create()
    {
        var options = new ChartOptions();
        var filter = new Argument<string?>("service")
        {
            Description = "Show this service only, with every endpoint.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command =
            new Command("services", "List the services that the rules serve: addresses, policies, endpoints with their effective shares, "
            + "and how many rules a packet is checked against before.\n\nExample: portolan services --rules iptables-save.txt")
        {
            filter,
        };
        var counters = new Option<bool>("--counters")
        {
            Description = "Show instead what the kernel counted at each frontend: new connections, and of them those rejected because " +
                "there is no endpoint, dropped "
                + "because this node has no endpoint, and denied by source ranges. Live only, and only where the proxy runs with " +
                    "--counters.",
        };
        command.Options.Add(counters);
        options.CompleteServices(filter);
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            var chart = new ChartOutput();
            if (parsed.GetValue(counters))
                return CountersView.Show(parsed.GetValue(options.Netns), parsed.GetValue(filter), parsed.GetValue(options.Json), chart);
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            IReadOnlyList<ProgrammedService> services = input.Services.Services;
            string? name = parsed.GetValue(filter);
            if (name is not null)
            {
                services = input.Find(name, null, chart);
                if (services.Count == 0)
                    return ExitStatus.Findings;
            }
            services = ServiceStates.WithObstacles(services, new FrontendWalker(input.Rules, input.Services, input.Node));
            var answer = ServicesAnswer.Of(services, input.ReportedInput, ServiceStates.Notes(input.Rules));
            if (parsed.GetValue(options.Json))
                ChartOutput.Json(answer, AnswersJsonContext.Default.ServicesAnswer);
            else if (name is not null)
                ServicesRenderer.PrintDetails(answer, chart);
            else
                ServicesRenderer.PrintAll(answer, chart);
            return input.AnsweredStatus;
        });
        return command;
    }
}
