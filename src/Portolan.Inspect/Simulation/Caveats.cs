using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>What an input does not show for any packet: stated once with the answer instead of making each answer unknown.</summary>
internal static class Caveats
{
    private static readonly string[] s_iptablesTables = ["raw", "mangle", "nat", "filter"];

    internal const string NoFilter = "The input does not show table filter: whether rules there reject or drop packets is unknown.";

    internal static bool LacksFilter(Ruleset ruleset, TableFamily family)
    {
        var iptables = ruleset.Tables.Where(table => table.Family == family && table.Backend != RuleBackend.Nftables).ToList();
        return iptables.Exists(table => table.Name == "nat" && IsOfKubeProxy(table)) && !iptables.Exists(table => table.Name == "filter");
    }

    private static bool IsOfKubeProxy(RuleTable table) => table.Chains.Any(chain =>
        KubeProxyIptables.RoleOf(chain.Name) is var role && (role.IsServicePort() || role
            is KubeChainRole.Services or KubeChainRole.Endpoint
            or KubeChainRole.Forward or KubeChainRole.ExternalServices));

    internal static ImmutableArray<string> Of(Ruleset ruleset, IpFamily family)
    {
        TableFamily own = family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6;
        var caveats = ImmutableArray.CreateBuilder<string>();
        var iptables = ruleset.Tables.Where(table => table.Family == own && table.Backend != RuleBackend.Nftables).ToList();
        // iptables-save shows all tables; a listing shows the one that was asked for.
        if (iptables.Exists(table => table.Format is RuleFormat.IptablesListing or RuleFormat.IptablesListingVerbose))
        {
            var missing = s_iptablesTables.Where(name => !iptables.Exists(table => table.Name == name)).ToList();
            if (missing.Count > 0)
            {
                caveats.Add($"The input does not show the {(missing.Count == 1 ? "table" : "tables")} {string.Join(", ", missing)}: "
                    + "what rules there do with the packet is unknown.");
            }
        }
        // Where kube-proxy translates it filters too; a dump of only one of the tables does not show what the other does.
        else if (iptables.Exists(table => table.Name == "nat" && IsOfKubeProxy(table)) && !iptables.Exists(table => table.Name == "filter"))
        {
            caveats.Add(NoFilter);
        }
        else if (iptables.Exists(table => table.Name == "filter" && IsOfKubeProxy(table)) && !iptables.Exists(table => table.Name == "nat")
            && !ruleset.Tables.Any(table => table.Backend == RuleBackend.Nftables))
        {
            caveats.Add("The input does not show table nat: whether the packet is translated is unknown.");
        }
        foreach (RuleTable table in iptables)
        {
            if (ExcerptEntries.Caveat(table) is { } caveat)
                caveats.Add(caveat);
        }
        if (iptables.Exists(table => table.Format == RuleFormat.IptablesListing))
            caveats.Add("The listing was made without -v and hides interfaces: a rule shown may concern one interface only.");
        int others = ruleset.Tables.Count(table => table.Family is TableFamily.Bridge or TableFamily.Netdev
            && table.Chains.Any(chain => chain.Base is not null && !chain.Rules.IsEmpty));
        if (others > 0)
            caveats.Add("Rules of the bridge and netdev families are in the input, but not traced.");
        if (ruleset.IsPartial)
            caveats.Add("Parts of the input could not be read; see the messages.");
        return caveats.ToImmutable();
    }

    /// <summary>The answer depends on an assumed order.</summary>
    /// <param name="ties">The chains with equal priorities.</param>
    /// <param name="others">What happens to the packet in the other order.</param>
    internal static string OfOrder(IReadOnlyList<string> ties, ImmutableArray<Outcome> others) =>
        $"Chains of equal priority at one hook: {string.Join("; ", ties)}. The table that is listed last is assumed to come first, as it " +
        "does when each table was "
        + $"made with its chains; a chain that was added to its table later comes before the others. In the other order: " +
            $"{string.Join("; ", others.Select(OutcomeText.Of))}.";
}
