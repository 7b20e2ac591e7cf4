using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;

namespace Portolan.Chart.Renderers;

/// <summary>Counters of frontends as a table.</summary>
internal static class CountersRenderer
{
    internal static void Print(CountersAnswer answer, ChartOutput chart)
    {
        if (answer.Counters.IsEmpty)
        {
            chart.Line("There are no counters here: the proxy counts only with --counters, in mode nftables.");
            return;
        }
        string[] headers = ["service", "proto", "frontend", "connections", "rejected", "dropped", "denied"];
        chart.Table(headers, answer.Counters.Select(counter => (string[])
        [
            counter.Service,
            counter.Protocol.ToRuleText(),
            counter.Frontend.Address.IsUnspecified ? $"node port {Text(counter.Frontend.Port)}" : counter.Frontend.ToString(),
            Text(counter.Connections),
            Text(counter.Rejected),
            Text(counter.Dropped),
            Text(counter.Denied),
        ]));
    }

    private static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
