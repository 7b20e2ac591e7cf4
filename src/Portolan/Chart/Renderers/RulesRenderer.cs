using System.Globalization;
using Portolan.Inspect.Answers;
using Portolan.Rules.Model;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>The annotated listing as text: chain by chain, each rule as it was read, with its meaning.</summary>
internal static class RulesRenderer
{
    internal static void Print(RulesAnswer answer, int start, ChartOutput chart)
    {
        foreach (ChainAnswer chain in answer.Chains)
        {
            string hook = chain.Base is { } place
                ? $" ({place.Hook.ToString().ToLowerInvariant()}, priority {Number(place.Priority)}, "
                    + $"policy {place.Policy.ToString().ToLowerInvariant()})"
                : string.Empty;
            string purpose = chain.Purpose is { } words ? $": {words}" : string.Empty;
            // The name identifies a table of iptables; nftables may use the same name in several families.
            string family = chain.Backend == RuleBackend.Nftables ? $"{chain.Family.ToString().ToLowerInvariant()} " : string.Empty;
            chart.Line($"{family}{chain.Table} {chain.Chain}{hook}{purpose}", new Style(decoration: Decoration.Bold));
            foreach (RuleAnswer rule in chain.Rules)
            {
                string counters = rule.Packets is > 0 and { } packets
                    ? $"  {packets.ToString(CultureInfo.InvariantCulture)} packets"
                    : string.Empty;
                string annotation = rule.Service is null ? rule.Meaning : $"{rule.Service}: {rule.Meaning}";
                // A rule that was not read from text has only our text.
                bool isOneText = annotation.EndsWith(rule.Text, StringComparison.Ordinal);
                chart.Line($"  {Number(rule.Rule),4}  {(isOneText ? annotation + counters : rule.Text)}");
                if (!isOneText)
                    chart.Line($"        {annotation}{counters}", new Style(Color.Grey));
            }
            if (chain.Omitted > 0)
            {
                string next = Number(start + chain.Rules.Length);
                chart.Line($"        ... {Number(chain.Omitted)} more; --start {next} shows the next, --all every one");
            }
            chart.Line();
        }
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
