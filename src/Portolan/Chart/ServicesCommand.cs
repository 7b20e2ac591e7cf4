using System.CommandLine;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Chart;

/// <summary>portolan services: what the rules serve.</summary>
internal static class ServicesCommand
{
    // Below, the table's seven columns become towers of single words.
    private const int NarrowWidth = 140;

    internal static Command Create()
    {
        var options = new ChartOptions();
        var filter = new Argument<string?>("service") { Description = "Show this service only, with every endpoint.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("services", "List the services that the rules serve: addresses, policies, endpoints with their effective shares, "
            + "and how many rules a packet meets before it gets there.\n\nExample: portolan services --rules iptables-save.txt")
        {
            filter,
        };
        var counters = new Option<bool>("--counters")
        {
            Description = "Show instead what the kernel counted at each frontend: new connections, and of them those rejected for lack of endpoints, dropped for"
                + " lack of endpoints on this node, and denied by source ranges. Live only, "
                + "and only where the proxy runs with --counters.",
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
            if (parsed.GetValue(options.Json))
                ChartOutput.Json(ServicesAnswer.Of(services), AnswersJsonContext.Default.ServicesAnswer);
            else if (name is not null)
                PrintDetails(services, chart);
            else
                PrintTable(services, chart);
            return input.AnsweredStatus;
        });
        return command;
    }

    private static void PrintTable(IReadOnlyList<ProgrammedService> services, ChartOutput chart)
    {
        if (services.Count == 0)
        {
            chart.Line("The rules serve no services.");
            return;
        }
        if (chart.Width < NarrowWidth)
        {
            PrintCards(services, chart);
            return;
        }
        chart.Table(["service", "proto", "frontends", "endpoints", "share each", "policies", "rules before"], services.Select(service => (string[])
        [
            service.DisplayName,
            service.Protocol.ToRuleText(),
            string.Join(", ", service.Frontends.Select(Frontend)),
            service.Endpoints.Length.ToString(CultureInfo.InvariantCulture),
            Shares(service.Endpoints),
            Policies(service),
            RulesBefore(service),
        ]));
    }

    /// <summary>Each service in lines of its own, where a table would break its cells into pieces.</summary>
    private static void PrintCards(IReadOnlyList<ProgrammedService> services, ChartOutput chart)
    {
        foreach (ProgrammedService service in services)
        {
            chart.Line($"{service.DisplayName}/{service.Protocol.ToRuleText()}", new Spectre.Console.Style(decoration: Spectre.Console.Decoration.Bold));
            foreach (ProgrammedFrontend frontend in service.Frontends)
                chart.Line($"  {Frontend(frontend)}");
            string shares = service.Endpoints.IsEmpty ? string.Empty : $", {Shares(service.Endpoints)} each";
            chart.Line($"  endpoints {service.Endpoints.Length.ToString(CultureInfo.InvariantCulture)}{shares}; rules before {RulesBefore(service)}");
            if (Policies(service) is { Length: > 0 } policies)
                chart.Line($"  {policies}");
        }
    }

    private static void PrintDetails(IReadOnlyList<ProgrammedService> services, ChartOutput chart)
    {
        foreach (ProgrammedService service in services)
        {
            chart.Line($"{service.DisplayName}/{service.Protocol.ToRuleText()}  {Policies(service)}");
            foreach (ProgrammedFrontend frontend in service.Frontends)
            {
                string before = frontend.RulesBefore is { } rules ? $", {rules.ToString(CultureInfo.InvariantCulture)} rules before it" : string.Empty;
                chart.Line($"  {Frontend(frontend)}{before}");
            }
            chart.Table(["endpoint", "share", "as printed", "chain"], service.Endpoints.Select(endpoint => (string[])
            [
                endpoint.Address.Family == IpFamily.None ? "(not in the input)" : endpoint.Text,
                ShareText.Of(endpoint.Share),
                endpoint.Printed,
                endpoint.Chain,
            ]));
            chart.Line();
        }
    }

    private static string Frontend(ProgrammedFrontend frontend)
    {
        string state = frontend.State switch
        {
            ProgrammedState.Rejected => " (rejected: no endpoints)",
            ProgrammedState.Dropped => " (dropped: none on this node)",
            ProgrammedState.Untouched => " (passes untouched)",
            _ => string.Empty,
        };
        return $"{KindText(frontend.Kind)} {frontend.Text}{state}";
    }

    private static string KindText(ProgrammedKind kind) => kind switch
    {
        ProgrammedKind.ClusterIP => "cluster",
        ProgrammedKind.NodePort => "node",
        ProgrammedKind.LoadBalancer => "lb",
        ProgrammedKind.ExternalIP => "external",
        _ => "external|lb",
    };

    private static string Shares(IReadOnlyList<ProgrammedEndpoint> endpoints)
    {
        if (endpoints.Count == 0)
            return "-";
        double least = endpoints.Min(endpoint => endpoint.Share), most = endpoints.Max(endpoint => endpoint.Share);
        return most - least < ShareText.Rounding ? ShareText.Of(endpoints[0].Share) : $"{ShareText.Of(least)} to {ShareText.Of(most)}";
    }

    private static string Policies(ProgrammedService service)
    {
        var words = new List<string>();
        if (service.IsExternalLocal == true)
            words.Add("externalTrafficPolicy Local");
        if (service.IsInternalLocal == true)
            words.Add("internalTrafficPolicy Local");
        if (service.Affinity is { } affinity)
            words.Add($"affinity {affinity.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s");
        if (!service.SourceRanges.IsEmpty)
            words.Add($"sources {string.Join(" ", service.SourceRanges)}");
        return string.Join(", ", words);
    }

    private static string RulesBefore(ProgrammedService service)
    {
        var counts = service.Frontends.Select(frontend => frontend.RulesBefore).OfType<int>().ToList();
        return counts.Count == 0 ? "-" : counts.Min() == counts.Max() ? Text(counts[0]) : $"{Text(counts.Min())} to {Text(counts.Max())}";

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
