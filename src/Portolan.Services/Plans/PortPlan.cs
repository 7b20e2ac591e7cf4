using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Plans;

/// <summary>An endpoint in use.</summary>
/// <param name="Endpoint">Address and port that packets are sent to.</param>
/// <param name="IsLocal">True if it runs on this node (nodeName is this node's name).</param>
public readonly record struct Backend(InetEndpoint Endpoint, bool IsLocal);

/// <summary>
/// What this node serves for one port of one service in one family: every decision is made here, once; data planes only translate.
/// </summary>
/// <remarks>
/// Backends are unique and sorted by address and port, so that equal inputs give equal rules. Plans are equal if their content is.
/// <para>The two backend lists follow kube-proxy's CategorizeEndpoints (pkg/proxy/topology.go): ready endpoints, or, decided separately for
/// each list, those that are still serving while terminating.</para>
/// </remarks>
public sealed record PortPlan
{
    /// <summary>Service, port name and protocol.</summary>
    public required ServicePortName Name { get; init; }

    /// <summary>The family of frontends and backends.</summary>
    public required IpFamily Family { get; init; }

    /// <summary>What clients connect to, cluster IP first. A frontend that another service holds is left out (and reported).</summary>
    public required ImmutableArray<Frontend> Frontends { get; init; }

    /// <summary>
    /// Backends for traffic that may go to any node, with topology hints applied; empty if no frontend of the port lets traffic go
    /// anywhere.
    /// </summary>
    public ImmutableArray<Backend> ClusterBackends { get; init; } = [];

    /// <summary>
    /// Backends for traffic that must stay on this node, hints ignored; empty if no policy of the service requires it. May contain a
    /// terminating endpoint that <see cref="ClusterBackends"/> does not. The same array as that one where both have the same content.
    /// </summary>
    public ImmutableArray<Backend> LocalBackends { get; init; } = [];

    /// <summary>
    /// UDP ports only, otherwise empty: every endpoint that this port may have flows to, in use or draining (ready or serving), which
    /// conntrack entries may point to without being stale. Sorted, unique.
    /// </summary>
    public ImmutableArray<InetEndpoint> ServingEndpoints { get; init; } = [];

    /// <summary>Seconds a client sticks to its backend since its last new connection; 0 for no affinity.</summary>
    public int AffinitySeconds { get; init; }

    /// <summary>
    /// Source ranges of the family that may use source-restricted frontends. If a frontend is restricted and this is empty, no source may.
    /// Sorted, none inside another. If a range of the service contains the node's own address, the load balancer's addresses are in here
    /// too: on a node that has such an address locally, its own connections to it have it as source.
    /// </summary>
    public ImmutableArray<InetPrefix> SourceRanges { get; init; } = [];

    /// <summary>spec.externalTrafficPolicy is Local and the service is of a kind that it applies to.</summary>
    public bool ExternalPolicyLocal { get; init; }

    /// <summary>spec.internalTrafficPolicy is Local.</summary>
    public bool InternalPolicyLocal { get; init; }

    /// <summary>Equality by content.</summary>
    public bool Equals(PortPlan? other) => ReferenceEquals(this, other) || (other is not null
        && Name == other.Name && Family == other.Family && AffinitySeconds == other.AffinitySeconds
        && ExternalPolicyLocal == other.ExternalPolicyLocal && InternalPolicyLocal == other.InternalPolicyLocal
        && SameContent(Frontends, other.Frontends) && SameContent(ClusterBackends, other.ClusterBackends)
        && SameContent(LocalBackends, other.LocalBackends) && SameContent(ServingEndpoints, other.ServingEndpoints)
        && SameContent(SourceRanges, other.SourceRanges));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Family, Frontends.Length, ClusterBackends.Length, LocalBackends.Length);

    internal static bool SameContent<T>(ImmutableArray<T> left, ImmutableArray<T> right)
        where T : IEquatable<T> => left == right || left.AsSpan().SequenceEqual(right.AsSpan());
}
