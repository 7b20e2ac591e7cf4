using Portolan.Chart.Renderers;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Netlink.Core;

namespace Portolan.Chart;

/// <summary>portolan services --counters: what the kernel counted at each frontend.</summary>
internal static class CountersView
{
    internal static int Show(string? networkNamespace, string? service, bool asJson, ChartOutput chart)
    {
        IReadOnlyList<FrontendCounter> counters;
        try
        {
            counters = FrontendCounter.ReadAll(networkNamespace);
        }
        catch (NetlinkException failure)
        {
            chart.Error($"the counters cannot be read: {failure.Message}");
            return ExitStatus.CouldNotRun;
        }
        if (service is not null)
            counters = [.. counters.Where(counter => counter.Service == service
                || counter.Service.StartsWith(service + ":", StringComparison.Ordinal))];
        var answer = new CountersAnswer { Counters = [.. counters.Select(Answer)] };
        if (asJson)
            chart.Json(answer, AnswersJsonContext.Default.CountersAnswer);
        else
            CountersRenderer.Print(answer, chart);
        return ExitStatus.Ok;
    }

    private static CounterAnswer Answer(FrontendCounter counter) => new()
    {
        Service = counter.Service,
        Frontend = new InetEndpoint(counter.Address, counter.Port),
        Protocol = counter.Protocol,
        Connections = counter.Connections,
        Rejected = counter.Rejected,
        Dropped = counter.Dropped,
        Denied = counter.Denied,
    };
}
