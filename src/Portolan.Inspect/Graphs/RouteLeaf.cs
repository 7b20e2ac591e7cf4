using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Graphs;

/// <summary>One end of a client's packets.</summary>
/// <param name="Target">Where they end.</param>
/// <param name="Share">The share of the connections that end so, under the conditions.</param>
/// <param name="Masquerade">Whether the source becomes an address of this node.</param>
/// <param name="Source">The source that a rule names; null when it stays or masquerading chooses it.</param>
/// <param name="OnTheWayTo">The endpoint to which it was on its way when it was stopped; empty for other ends.</param>
/// <param name="When">The conditions, any of them being enough.</param>
internal sealed record RouteLeaf(RouteTarget Target, double Share, MasqueradeMark Masquerade, string? Source,
    ImmutableArray<string> OnTheWayTo, ImmutableArray<string> When)
{
    /// <summary>Equal for leaves that differ in nothing that is drawn.</summary>
    internal string Key => $"{Target.Kind} {Target.Label} {ShareText.Of(Share)} {Masquerade} {Source} > {string.Join(',', OnTheWayTo)} if "
        + string.Join(" or ", When);

    /// <summary>Equal for leaves that are drawn as one arrow.</summary>
    internal string ArrowKey => $"{Target.Kind} {Target.Label} {Masquerade} {Source} {OnTheWayTo.IsEmpty} if {string.Join(" or ", When)}";
}
