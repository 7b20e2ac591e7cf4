using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>A chain that is written as a whole: its rules depend on one service, on one branch of the tree, or on none.</summary>
/// <param name="id">The chain.</param>
/// <remarks>
/// Rules are generated on demand: a first sync needs the names of all chains before the first rule, and the rules of all
/// services would take too much memory. For the same reason a chain keeps no more than what its rules are generated from.
/// </remarks>
internal abstract class RuleChain(ChainId id)
{
    public ChainId Id { get; } = id;

    public string Name => Id.Name;

    /// <summary>The service it is for; null for none, or for several.</summary>
    public abstract ObjectName? Owner { get; }

    /// <summary>All of its rules, generated on each call.</summary>
    public abstract IReadOnlyList<IpRule> Rules();

    /// <summary>The service that one of its rules is for; null for none.</summary>
    public virtual ObjectName? OwnerOf(int rule) => Owner;

    /// <summary>True for a chain with the same rules in the same order.</summary>
    public bool HasRulesOf(RuleChain other) => Rules().SequenceEqual(other.Rules());
}

/// <summary>A chain whose rules depend on no service.</summary>
internal sealed class FixedChain(ChainId id, params IpRule[] rules) : RuleChain(id)
{
    public override ObjectName? Owner => null;

    public override IReadOnlyList<IpRule> Rules() => rules;
}
