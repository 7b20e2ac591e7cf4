using System.Globalization;
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
            counters = [.. counters.Where(counter => counter.Service == service || counter.Service.StartsWith(service + ":", StringComparison.Ordinal))];
        if (asJson)
        {
            ChartOutput.Json(
                new CountersAnswer([.. counters.Select(counter => new CounterAnswer(
                    counter.Service,
                    new InetEndpoint(counter.Address, counter.Port).ToString(),
                    counter.Protocol.ToRuleText(),
                    counter.Connections,
                    counter.Rejected,
                    counter.Dropped,
                    counter.Denied))]),
                AnswersJsonContext.Default.CountersAnswer);
        }
        else if (counters.Count == 0)
        {
            chart.Line("No counters are kept here: the proxy counts when it runs with --counters, in mode nftables.");
        }
        else
        {
            chart.Table(["service", "proto", "frontend", "connections", "rejected", "dropped", "denied"], counters.Select(counter => (string[])
            [
                ChartOutput.Clean(counter.Service),
                counter.Protocol.ToRuleText(),
                counter.Address.IsUnspecified ? $"node port {Text(counter.Port)}" : new InetEndpoint(counter.Address, counter.Port).ToString(),
                Text(counter.Connections),
                Text(counter.Rejected),
                Text(counter.Dropped),
                Text(counter.Denied),
            ]));
        }
        return ExitStatus.Ok;
    }

    private static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
