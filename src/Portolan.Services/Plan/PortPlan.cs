using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Plan;

/// <summary>An endpoint in use.</summary>
/// <param name="Endpoint">Address and port packets are sent to.</param>
/// <param name="IsLocal">True when it runs on this node (nodeName is this node's name).</param>
public readonly record struct Backend(InetEndpoint Endpoint, bool IsLocal);

/// <summary>
/// What this node serves for one port of one service in one family: every decision is made here, once; data planes only translate.
/// </summary>
/// <remarks>Backends are unique and sorted by address and port, so that equal inputs give equal rules.</remarks>
public sealed record PortPlan
{
    /// <summary>Service, port name and protocol.</summary>
    public required ServicePortName Name { get; init; }

    /// <summary>The family of frontends and backends.</summary>
    public required IpFamily Family { get; init; }

    /// <summary>What clients dial, cluster IP first. A frontend that another service holds is left out (and reported).</summary>
    public required ImmutableArray<Frontend> Frontends { get; init; }

    /// <summary>Backends for traffic that policies let go anywhere.</summary>
    public ImmutableArray<Backend> ClusterBackends { get; init; } = [];

    /// <summary>Backends for traffic that must stay on this node; empty when no policy of the service asks for it.</summary>
    public ImmutableArray<Backend> LocalBackends { get; init; } = [];

    /// <summary>
    /// Every endpoint address that this port may have open connections to, in use or draining (serving endpoints): what UDP conntrack
    /// entries may point to without being stale. Sorted, unique.
    /// </summary>
    public ImmutableArray<InetEndpoint> ServingEndpoints { get; init; } = [];

    /// <summary>Seconds a client sticks to its backend since its last new connection; 0 for no affinity.</summary>
    public int AffinitySeconds { get; init; }

    /// <summary>
    /// Source ranges of the family that may use source-restricted frontends. When a frontend is restricted and this is empty, nobody may.
    /// </summary>
    public ImmutableArray<InetPrefix> SourceRanges { get; init; } = [];

    /// <summary>spec.externalTrafficPolicy is Local.</summary>
    public bool ExternalPolicyLocal { get; init; }

    /// <summary>spec.internalTrafficPolicy is Local.</summary>
    public bool InternalPolicyLocal { get; init; }
}

/// <summary>What this node serves for one Service; replaced as a whole, never changed.</summary>
/// <param name="Service">The service.</param>
/// <param name="Ports">A plan per port and family, in the service's order, IPv4 first.</param>
/// <param name="ClusterIPs">All cluster IPs of the service, whether or not a port of it is served: unknown ports there are refused.</param>
/// <param name="HealthCheck">The load-balancer health check this node answers for the service, or null.</param>
/// <param name="Problems">What is wrong with the service or its slices.</param>
public sealed record ServicePlan(
    ObjectName Service,
    ImmutableArray<PortPlan> Ports,
    ImmutableArray<InetAddress> ClusterIPs,
    HealthCheckPlan? HealthCheck,
    ImmutableArray<Problem> Problems);

/// <summary>A listener for load balancers' health checks (spec.healthCheckNodePort).</summary>
/// <param name="Port">The node port to listen on.</param>
/// <param name="ReadyLocalEndpoints">Number of ready endpoints on this node, unique by address: 0 answers 503.</param>
public sealed record HealthCheckPlan(ushort Port, int ReadyLocalEndpoints);
