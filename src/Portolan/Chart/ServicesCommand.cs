using System.CommandLine;
using System.Text;
using System.Text.Json;
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
        var space = new Option<string?>("--namespace", "-n") { Description = "Services of this namespace only.", HelpName = "NAME" };
        var sort = new Option<string>("--sort")
        {
            Description = "Order: by name, by status (what is not ok first), by number of endpoints or of rules before (most first).",
            DefaultValueFactory = _ => "name",
        };
        sort.AcceptOnlyFromAmong("name", "status", "endpoints", "rules");
        var form = new Option<string>("--output", "-o")
        {
            Description = "table, wide (with the endpoints' addresses), json or yaml.",
            DefaultValueFactory = _ => "table",
        };
        form.AcceptOnlyFromAmong("table", "wide", "json", "yaml");
        command.Options.Add(space);
        command.Options.Add(sort);
        command.Options.Add(form);
        command.Options.Add(counters);
        options.CompleteServices(filter);
        options.AddTo(command);
        options.Run(command, parsed =>
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
            if (parsed.GetValue(space) is { } only)
            {
                services = [.. services.Where(service => service.Service?.StartsWith(only + "/", StringComparison.Ordinal) == true)];
                if (services.Count == 0)
                {
                    chart.Error($"The rules have no service in namespace '{only}'.");
                    return ExitStatus.Findings;
                }
            }
            services = ServiceStates.WithObstacles(services, new FrontendWalker(input.Rules, input.Services, input.Node));
            var answer = ServicesAnswer.Of(services, input.ReportedInput, ServiceStates.Notes(input.Rules));
            answer = answer with { Services = [.. Sorted(answer.Services, parsed.GetValue(sort)!)] };
            string shape = parsed.GetValue(options.Json) ? "json" : parsed.GetValue(form)!;
            if (shape == "json")
                ChartOutput.Json(answer, AnswersJsonContext.Default.ServicesAnswer);
            else if (shape == "yaml")
                ChartOutput.Raw(Encoding.UTF8.GetBytes(YamlText.Of(JsonSerializer.SerializeToElement(answer,
                    AnswersJsonContext.Default.ServicesAnswer))));
            else if (name is not null)
                ServicesRenderer.PrintDetails(answer, chart);
            else
                ServicesRenderer.PrintAll(answer, shape == "wide", chart);
            return input.AnsweredStatus;
        });
        return command;
    }

    // Of equal ones the catalogue's order stays: by name.
    private static IEnumerable<ServiceAnswer> Sorted(IEnumerable<ServiceAnswer> services, string by) => by switch
    {
        "status" => services.OrderBy(service => service.Status == "ok").ThenBy(service => service.Status, StringComparer.Ordinal),
        "endpoints" => services.OrderByDescending(service => service.Endpoints.Length),
        "rules" => services.OrderByDescending(service => service.Frontends.Max(frontend => frontend.RulesBefore) ?? -1),
        _ => services,
    };
}
