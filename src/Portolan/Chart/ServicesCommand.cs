using System.CommandLine;
using System.Text;
using System.Text.Json;
using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Services.Cluster;

namespace Portolan.Chart;

/// <summary>portolan services: the services that the rules serve.</summary>
internal static class ServicesCommand
{
    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var cluster = new ClusterOptions(options);
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
        var why = new Option<bool>("--why")
        {
            Description = "Ask for each service what 'why' says, for clients in pods, on this node and outside. Sorted by status, those " +
                "that fail come first. Where live rules are read, the first TCP endpoint of up to 64 services gets a connection, as with " +
                "'why'.",
        };
        var noProbe = WhyCommand.NoProbeOption();
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
        command.Options.Add(why);
        command.Options.Add(noProbe);
        command.Options.Add(counters);
        cluster.AddTo(command);
        options.CompleteServices(filter);
        options.AddTo(command);
        options.Run(command, async (parsed, chart, cancel) =>
        {
            if (parsed.GetValue(counters))
                return CountersView.Show(parsed.GetValue(options.Netns), parsed.GetValue(filter), parsed.GetValue(options.Json), chart);
            (bool isGood, ClusterFacts? facts) = await cluster.ReadFactsAsync(parsed, chart, cancel);
            if (!isGood || ChartInput.Read(parsed, options, chart, canBeEmpty: facts is not null) is not { } input)
                return ExitStatus.CouldNotRun;
            if (facts is not null)
                input.Name(services => services.Named(facts.Services));
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
            if (facts is not null)
                answer = answer with { Services = [.. answer.Services.Select(service => WithCluster(service, facts))] };
            if (parsed.GetValue(why))
            {
                LiveFacts live = await LiveEvidence.OfAsync(input, parsed.GetValue(options.Netns), !parsed.GetValue(noProbe), services,
                    cancel);
                var asker = new Diagnostician(input.Rules, input.Services, input.Node, facts, live, []);
                IEnumerable<ServiceAnswer> shown = answer.Services.Zip(services, (shown, service) => shown with
                {
                    Why = VerdictOf(service, asker, facts, cluster.NodeName(parsed)),
                });
                if (facts is not null && name is null)
                    shown = shown.Concat(NotInRules(facts, input, parsed.GetValue(space)));
                answer = answer with { Services = [.. shown] };
            }
            answer = answer with { Services = [.. Sorted(answer.Services, parsed.GetValue(sort)!)] };
            string shape = parsed.GetValue(options.Json) ? "json" : parsed.GetValue(form)!;
            if (shape == "json")
                chart.Json(answer, AnswersJsonContext.Default.ServicesAnswer);
            else if (shape == "yaml")
                chart.Raw(Encoding.UTF8.GetBytes(YamlText.Of(JsonSerializer.SerializeToElement(answer,
                    AnswersJsonContext.Default.ServicesAnswer))));
            else if (name is not null)
                ServicesRenderer.PrintDetails(answer, chart);
            else
                ServicesRenderer.PrintAll(answer, shape == "wide", chart);
            return input.AnsweredStatus;
        });
        return command;
    }

    private static ServiceAnswer WithCluster(ServiceAnswer service, ClusterFacts facts) =>
        service.Service is not { } name ? service
        : service with { EndpointsInCluster = facts.CountEndpoints(name, service.Port, service.Family) };

    private static ServiceVerdictAnswer? VerdictOf(ProgrammedService service, Diagnostician asker, ClusterFacts? facts, string node)
    {
        IEnumerable<Diagnosis> diagnoses =
            asker.Ask(service, service.Frontends, [ClientPlace.Pod, ClientPlace.Node, ClientPlace.Outside], null);
        // An endpoint that is its own client needs masquerading that others do not, and only on its own node, which the cluster tells:
        // packets that it sends itself pass no other.
        if (service.Service is { } name && facts is not null
            && service.Endpoints.FirstOrDefault(endpoint => facts.IsOn(node, name, endpoint.Address)) is { } itself
            && service.Frontends.FirstOrDefault(static frontend => frontend.Kind == ProgrammedKind.ClusterIP) is { } clusterIP)
            diagnoses = diagnoses.Concat(asker.Ask(service, [clusterIP], [], itself.Address));
        return diagnoses.ToArray() is { Length: > 0 } all ? ServiceVerdictAnswer.Of(all) : null;
    }

    // Those that a proxy would serve: headless services, those of other proxies and names in DNS have no rules anywhere.
    private static IEnumerable<ServiceAnswer> NotInRules(ClusterFacts facts, ChartInput input, string? space)
    {
        var known = input.Services.Services.Select(static service => service.Service).ToHashSet();
        return facts.Services.Where(service => !known.Contains(service.Name.ToString())
                && (space ?? service.Name.Namespace) == service.Name.Namespace
                && service is { IsHeadless: false, HasOtherProxy: false } && service.Type != ServiceType.ExternalName)
            .OrderBy(static service => service.Name.ToString(), StringComparer.Ordinal)
            .Select(service => ServiceAnswer.NotInRules(service, Diagnostician.NotProgrammed(service, input.Rules)));
    }

    // Of equal ones the catalogue's order stays: by name.
    private static IEnumerable<ServiceAnswer> Sorted(IEnumerable<ServiceAnswer> services, string by) => by switch
    {
        "status" => services.OrderBy(service => service.Why?.State ?? DiagnosisState.Unknown)
            .ThenBy(service => service.Status == "ok").ThenBy(service => service.Status, StringComparer.Ordinal),
        "endpoints" => services.OrderByDescending(service => service.Endpoints.Length),
        "rules" => services.OrderByDescending(service => service.Frontends.Max(frontend => frontend.RulesBefore) ?? -1),
        _ => services,
    };
}
