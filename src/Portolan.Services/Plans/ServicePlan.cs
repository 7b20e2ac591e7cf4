using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Plans;

/// <summary>What this node serves for one Service; replaced as a whole, never changed. Equal if the content is.</summary>
/// <param name="Service">The service.</param>
/// <param name="Ports">
/// A plan per port and family, in the service's order, IPv4 before IPv6 of the same port. A port for which this service holds no frontend
/// is left out.
/// </param>
/// <param name="ClusterIPs">
/// The cluster IPs of the service, whether or not a port of it is served: unknown ports there are rejected. Of several services with one
/// cluster IP only the oldest lists it, so that no two plans have the same address.
/// </param>
/// <param name="HealthCheck">The load-balancer health check this node answers for the service, or null.</param>
/// <param name="Problems">What is wrong with the service or its slices.</param>
public sealed record ServicePlan(
    ObjectName Service,
    ImmutableArray<PortPlan> Ports,
    ImmutableArray<InetAddress> ClusterIPs,
    HealthCheckPlan? HealthCheck,
    ImmutableArray<Problem> Problems)
{
    /// <summary>Annotation portolan.dev/ipvs-scheduler, as written; empty for the configured scheduler. Mode ipvs alone reads it.</summary>
    public string IpvsScheduler { get; init; } = "";

    /// <summary>Equality by content.</summary>
    public bool Equals(ServicePlan? other) => ReferenceEquals(this, other) || (other is not null
        && Service == other.Service && IpvsScheduler == other.IpvsScheduler && HealthCheck == other.HealthCheck
        && PortPlan.SameContent(ClusterIPs, other.ClusterIPs)
        && PortPlan.SameContent(Ports, other.Ports) && PortPlan.SameContent(Problems, other.Problems));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Service, Ports.Length);
}

/// <summary>
/// A listener for load balancers' health checks (spec.healthCheckNodePort of a LoadBalancer service with externalTrafficPolicy Local). A
/// family counts its own endpoints, as the two proxies of a dual-stack kube-proxy do, and has no listener if the service lacks it.
/// </summary>
/// <param name="Port">The node port to listen on, 1 to 65535.</param>
/// <param name="ReadyLocalIPv4">
/// Number of ready endpoints on this node, unique by address, for listeners on IPv4 addresses: 0 answers 503. Null: no such listener.
/// </param>
/// <param name="ReadyLocalIPv6">The same for IPv6.</param>
public sealed record HealthCheckPlan(ushort Port, int? ReadyLocalIPv4, int? ReadyLocalIPv6);
