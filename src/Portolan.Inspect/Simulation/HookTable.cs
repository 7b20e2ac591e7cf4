using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>The base chains of each hook, in the order the kernel calls them for packets of one family.</summary>
internal sealed class HookTable
{
    /// <summary>Priority of conntrack's own hook (NF_IP_PRI_CONNTRACK, linux/netfilter_ipv4.h).</summary>
    internal const int ConntrackPriority = -200;

    private readonly Dictionary<Hook, List<HookStep>> _steps = [];
    private readonly Lazy<bool> _usesConntrack;

    /// <summary>Orders the base chains.</summary>
    /// <param name="ruleset">The rules.</param>
    /// <param name="family">The packets' family.</param>
    /// <param name="order">The tables in the order in which they were made; null for that of the ruleset.</param>
    internal HookTable(Ruleset ruleset, IpFamily family, IReadOnlyList<RuleTable>? order = null)
    {
        _usesConntrack = new Lazy<bool>(() => ConntrackUse.IsIn(ruleset, family));
        TableFamily own = family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6;
        var chains = (order ?? ruleset.Tables)
            .Where(table => !table.IsDormant && (table.Family == own || table.Family == TableFamily.Inet))
            .SelectMany(table => table.Chains.Where(chain => chain.Base is not null).Select(chain => (table: table, chain: chain))
                .Concat(ExcerptEntries.Of(table).Select(entry => (table: entry.Table, chain: entry.Chain))))
            .ToList();
        // The omitted part of an excerpt may need connections.
        bool hasNat = chains.Exists(item => item.chain.Base!.Type == ChainType.Nat)
            && (UsesConntrack || ruleset.Tables.Any(table => table.IsExcerpt));
        foreach (Hook hook in Enum.GetValues<Hook>())
        {
            // Of two chains with the same priority the kernel calls the one added last first (nf_hook_entries_grow, net/netfilter/core.c).
            // Tables are listed in order of creation; that a chain was added to its table after the next table was created is not shown.
            var ofHook = chains.Where(item => item.chain.Base!.Hook == hook).Reverse().ToList();
            var steps = ofHook
                .Where(item => item.chain.Base!.Type != ChainType.Nat)
                .Select(item => new HookStep(PriorityOf(item.table, item.chain), [item], IsNat: false))
                .ToList();
            // All nat chains of a hook are called from one place, in the order of their priorities, whatever these are (nf_nat_core.c).
            var nat = ofHook.Where(item => hasNat && item.chain.Base!.Type == ChainType.Nat)
                .OrderBy(item => item.chain.Base!.Priority).ToList();
            // With any nat chain the kernel decides about translation at all four hooks.
            if (nat.Count > 0 || (hasNat && hook is Hook.Prerouting or Hook.Input or Hook.Output or Hook.Postrouting))
                steps.Add(new HookStep(hook is Hook.Prerouting or Hook.Output ? -100 : 100, nat, IsNat: true));
            _steps[hook] = [.. steps.OrderBy(step => step.Priority)];
            Ties.AddRange(
                ofHook
                    .Where(item => !item.chain.Rules.IsEmpty || item.chain.Base!.Policy == VerdictKind.Drop)
                    .GroupBy(item => (item.chain.Base!.Type == ChainType.Nat, PriorityOf(item.table, item.chain)))
                    .Where(group => group.Select(item => item.table).Distinct().Skip(1).Any())
                    .Select(group =>
                        (
                            string.Join(" and ", group.Select(item => $"{Kind(item.table, group)}{item.table.Name} {item.chain.Name}")),
                            group.Select(item => item.table).Distinct().ToArray()
                        )
                    )
            );
        }
    }

    // A table of legacy iptables and one of iptables-nft have the same name.
    private static string Kind(RuleTable table, IEnumerable<(RuleTable table, Chain chain)> group) =>
        TableOrders.IsLegacy(table) && group.Any(item => !TableOrders.IsLegacy(item.table)) ? "legacy " : string.Empty;

    // iptables-nft hooks its security table in behind address translation, the kernel's own iptables before it (xtables_ipv4 in iptables'
    // nft.c). A dump of an unknown back-end counts as legacy.
    private static int PriorityOf(RuleTable table, Chain chain) =>
        table is { Backend: RuleBackend.IptablesNft, Name: "security", Format: not (RuleFormat.NftText or RuleFormat.NftJson) }
        ? 150 : chain.Base!.Priority;

    /// <summary>True when rules of the family make the kernel track connections.</summary>
    internal bool UsesConntrack => _usesConntrack.Value;

    /// <summary>
    /// Chains of different tables whose calling order the input does not prove, for an answer ("nat OUTPUT and other out"), and the tables.
    /// </summary>
    internal List<(string Chains, RuleTable[] Tables)> Ties { get; } = [];

    internal IReadOnlyList<HookStep> At(Hook hook) => _steps[hook];

    /// <summary>A step of a hook: one chain, or all nat chains.</summary>
    internal sealed record HookStep(int Priority, IReadOnlyList<(RuleTable Table, Chain Chain)> Chains, bool IsNat);
}
