using System.Collections.Immutable;

namespace Portolan.Inspect.Graphs;

/// <summary>A path of packets from a client to a frontend: the decisions on it, and the ends at which they arrive from there.</summary>
/// <param name="Foreign">The rule of somebody else that comes first; null when the service's own rules are asked.</param>
/// <param name="Decisions">How many of the frontend's decisions it passes.</param>
/// <param name="Leaves">The ends.</param>
/// <param name="When">The conditions under which it is taken, any of them being enough; empty when the leaves have their own.</param>
internal sealed record ClientRoute(RouteTarget? Foreign, int Decisions, ImmutableArray<RouteLeaf> Leaves, ImmutableArray<string> When)
{
    /// <summary>What the masquerading of all ends is; null when it differs.</summary>
    internal (MasqueradeMark Mark, string? Source)? Common
    {
        get
        {
            RouteLeaf[] arriving = [.. Leaves.Where(static leaf => leaf.Target.Kind is not (GraphNodeKind.DeadEnd or GraphNodeKind.Unknown
                or GraphNodeKind.Missing))];
            return arriving.Length == 0 ? (MasqueradeMark.No, null)
                : Array.TrueForAll(arriving, leaf => leaf.Masquerade == arriving[0].Masquerade && leaf.Source == arriving[0].Source)
                    ? (arriving[0].Masquerade, arriving[0].Source) : null;
        }
    }

    /// <summary>The leaves as they are drawn: without what is drawn on the arrow to them all.</summary>
    internal ImmutableArray<RouteLeaf> DrawnLeaves => Common is null ? Leaves
        : [.. Leaves.Select(static leaf => leaf with { Masquerade = MasqueradeMark.No, Source = null })];

    /// <summary>Equal for routes that differ in nothing that is drawn.</summary>
    internal string Key =>
        $"{Foreign?.Label} {Decisions} {string.Join(';', Leaves.Select(static leaf => leaf.Key).Order(StringComparer.Ordinal))}"
        + $" if {string.Join(" or ", When)}";
}
