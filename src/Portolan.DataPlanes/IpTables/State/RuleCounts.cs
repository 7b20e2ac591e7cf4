using System.Collections.Immutable;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>How many rules are ours, by table; the mangle table has none.</summary>
internal readonly record struct RuleCounts(int Filter, int Nat)
{
    /// <summary>Those of one service.</summary>
    public static RuleCounts Of(Fragment fragment)
    {
        RuleCounts counts = default;
        foreach (RuleChain chain in fragment.Chains)
            counts += In(chain.Id.Table, chain.Rules().Count);
        foreach (SharedRule rule in fragment.Shared)
            counts += In(rule.Chain.Table, 1);
        return counts;
    }

    /// <summary>Those that depend on no service.</summary>
    public static RuleCounts Of(ChainLayout layout)
    {
        RuleCounts counts = default;
        foreach (FixedChain chain in layout.FixedChains())
            counts += In(chain.Id.Table, chain.Rules().Count);
        foreach (SharedRule rule in layout.NodePortDispatch().Concat(layout.Hooks()))
            counts += In(rule.Chain.Table, 1);
        return counts;
    }

    /// <summary>By table, as the metrics page shows them.</summary>
    public ImmutableDictionary<IpTable, int> ByTable() =>
        ImmutableDictionary<IpTable, int>.Empty.Add(IpTable.Filter, Filter).Add(IpTable.Nat, Nat);

    public static RuleCounts operator +(RuleCounts left, RuleCounts right) => new(left.Filter + right.Filter, left.Nat + right.Nat);

    public static RuleCounts operator -(RuleCounts left, RuleCounts right) => new(left.Filter - right.Filter, left.Nat - right.Nat);

    private static RuleCounts In(IpTable table, int rules) => table switch
    {
        IpTable.Filter => new(rules, 0),
        IpTable.Nat => new(0, rules),
        _ => default,
    };
}
