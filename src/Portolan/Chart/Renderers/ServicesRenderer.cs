using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>Services as text: a table, or lines on a narrow terminal; one service with all its endpoints.</summary>
internal static class ServicesRenderer
{
    // Below, the table's seven columns wrap to single words.
    private const int NarrowWidth = 140;

    /// <param name="answer">The services.</param>
    /// <param name="isWide">True for a table, with the endpoints' addresses, however narrow the terminal is.</param>
    /// <param name="chart">Where they are printed.</param>
    internal static void PrintAll(ServicesAnswer answer, bool isWide, ChartOutput chart)
    {
        if (answer.Services.IsEmpty)
            chart.Line("The rules serve no services.");
        else if (chart.Width < NarrowWidth && !isWide)
            PrintCards(answer.Services, chart);
        else
            PrintTable(answer.Services, isWide, chart);
        PrintNotes(answer, chart);
    }

    private static void PrintNotes(ServicesAnswer answer, ChartOutput chart)
    {
        foreach (string note in answer.Notes)
            chart.Line($"note: {note}");
    }

    /// <summary>Each service with its frontends and endpoints.</summary>
    internal static void PrintDetails(ServicesAnswer answer, ChartOutput chart)
    {
        foreach (ServiceAnswer service in answer.Services)
        {
            chart.Line($"{service.DisplayName}/{service.Protocol.ToRuleText()}  {Policies(service)}");
            foreach (FrontendAnswer frontend in service.Frontends)
            {
                string before = frontend.RulesBefore is { } rules ? $", {Number(rules)} rules before it" : string.Empty;
                chart.Line($"  {Frontend(frontend)}{before}");
            }
            chart.Table(["endpoint", "share", "as printed", "chain"], service.Endpoints.Select(endpoint => (string[])
            [
                endpoint.Address ?? "(not in the input)",
                ShareText.Of(endpoint.Share),
                endpoint.Printed ?? string.Empty,
                endpoint.Chain ?? string.Empty,
            ]));
            chart.Line();
        }
        PrintNotes(answer, chart);
    }

    private static void PrintTable(ImmutableArray<ServiceAnswer> services, bool isWide, ChartOutput chart)
    {
        string[] headers = ["service", "proto", "status", "frontends", "endpoints", "share each", "policies", "rules before",
            .. (ReadOnlySpan<string>)(isWide ? ["addresses"] : [])];
        chart.Table(headers, services.Select(service => (string[])
        [
            service.DisplayName,
            service.Protocol.ToRuleText(),
            StatusOf(service),
            string.Join(", ", service.Frontends.Select(Frontend)),
            Count(service),
            Shares(service.Endpoints),
            Policies(service),
            RulesBefore(service),
            .. (ReadOnlySpan<string>)(isWide ? [string.Join(" ", service.Endpoints.Select(endpoint => endpoint.Address ?? "?"))] : []),
        ]));
    }

    /// <summary>Each service in lines of its own, where a table would be too narrow.</summary>
    private static void PrintCards(ImmutableArray<ServiceAnswer> services, ChartOutput chart)
    {
        foreach (ServiceAnswer service in services)
        {
            chart.Line($"{service.DisplayName}/{service.Protocol.ToRuleText()}  {StatusOf(service)}",
                new Style(decoration: Decoration.Bold));
            foreach (FrontendAnswer frontend in service.Frontends)
                chart.Line($"  {Frontend(frontend)}");
            string shares = service.Endpoints.IsEmpty ? string.Empty : $", {Shares(service.Endpoints)} each";
            chart.Line($"  endpoints {Count(service)}{shares}; rules before {RulesBefore(service)}");
            if (Policies(service) is { Length: > 0 } policies)
                chart.Line($"  {policies}");
        }
    }

    // "fails: rejected (no-ready-endpoint), from outside".
    private static string StatusOf(ServiceAnswer service)
    {
        if (service.Why is not { } why)
            return service.Status;
        if (why.State == DiagnosisState.Works)
            return "works";
        string who = why.Who.IsEmpty ? string.Empty : $", {string.Join(" and ", why.Who.Select(Sender))}";
        return why.AsConfigured ? $"as configured: {why.Verdict} ({why.Code}){who}"
            : why.State == DiagnosisState.Fails ? $"fails: {why.Verdict} ({why.Code}){who}"
            : $"unknown{who}";
    }

    private static string Sender(ClientPlace place) => place switch
    {
        ClientPlace.Pod => "from a pod",
        ClientPlace.Node => "from this node",
        _ => "from outside",
    };

    // No rule shows how many endpoints a virtual server of IPVS, or kube-proxy itself, has.
    private static string Count(ServiceAnswer service) =>
        service.Writer == RuleWriter.KubeProxyUserspace
        || (service.Writer is { } writer && writer.IsIpvs() && service.Endpoints.IsEmpty && service.Frontends.Any(static frontend =>
            frontend.Outside == ProgrammedState.Unknown)) ? "not in rules" : Number(service.Endpoints.Length);

    private static string Frontend(FrontendAnswer frontend)
    {
        string state = frontend.Outside switch
        {
            ProgrammedState.Rejected => " (rejected: no endpoints)",
            ProgrammedState.Dropped => " (dropped: none on this node)",
            ProgrammedState.Untouched => " (passes untouched)",
            ProgrammedState.Unknown => " (unknown)",
            _ => string.Empty,
        };
        string obstacle = frontend.Obstacle is { } text ? $" (but {text})" : string.Empty;
        return $"{KindText(frontend.Kind)} {frontend.Text}{state}{obstacle}";
    }

    private static string KindText(ProgrammedKind kind) => kind switch
    {
        ProgrammedKind.ClusterIP => "cluster",
        ProgrammedKind.NodePort => "node",
        ProgrammedKind.LoadBalancer => "lb",
        ProgrammedKind.ExternalIP => "external",
        ProgrammedKind.VirtualServer => "vip",
        _ => "external|lb",
    };

    private static string Shares(ImmutableArray<EndpointAnswer> endpoints)
    {
        if (endpoints.IsEmpty)
            return "-";
        double least = endpoints.Min(endpoint => endpoint.Share), most = endpoints.Max(endpoint => endpoint.Share);
        if (endpoints.Any(endpoint => double.IsNaN(endpoint.Share)))
            return ShareText.Of(double.NaN);
        return most - least < ShareText.Rounding ? ShareText.Of(endpoints[0].Share) : $"{ShareText.Of(least)} to {ShareText.Of(most)}";
    }

    private static string Policies(ServiceAnswer service)
    {
        var words = new List<string>();
        if (service.ExternalTrafficPolicyLocal == true)
            words.Add("externalTrafficPolicy Local");
        if (service.InternalTrafficPolicyLocal == true)
            words.Add("internalTrafficPolicy Local");
        if (service.AffinitySeconds is { } affinity)
            words.Add($"affinity {affinity.ToString(CultureInfo.InvariantCulture)} s");
        if (!service.SourceRanges.IsEmpty)
            words.Add($"sources {string.Join(" ", service.SourceRanges)}");
        return string.Join(", ", words);
    }

    private static string RulesBefore(ServiceAnswer service)
    {
        var counts = service.Frontends.Select(frontend => frontend.RulesBefore).OfType<int>().ToList();
        return counts.Count == 0 ? "-"
            : counts.Min() == counts.Max() ? Number(counts[0])
            : $"{Number(counts.Min())} to {Number(counts.Max())}";
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
