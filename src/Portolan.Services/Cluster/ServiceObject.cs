using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Cluster;

/// <summary>The kind of a Service (core/v1 ServiceSpec.type).</summary>
public enum ServiceType : byte
{
    /// <summary>Reachable by its cluster IPs (and external IPs).</summary>
    ClusterIP,

    /// <summary>Also by a port of every node.</summary>
    NodePort,

    /// <summary>Also by its load balancer's addresses.</summary>
    LoadBalancer,

    /// <summary>A DNS alias: never programmed.</summary>
    ExternalName,
}

/// <summary>
/// A Kubernetes Service (core/v1), reduced to the fields a service proxy reads, typed. Text that did not parse is left out of the typed
/// fields and reported in <see cref="Problems"/>.
/// </summary>
/// <remarks>Equality of records compares arrays by reference: two reads of one object are not equal.</remarks>
public sealed record ServiceObject
{
    /// <summary>Namespace and name.</summary>
    public required ObjectName Name { get; init; }

    /// <summary>metadata.uid; empty when unknown (manifests).</summary>
    public string Uid { get; init; } = "";

    /// <summary>metadata.creationTimestamp; decides which of two services gets a frontend that both claim (the older one).</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>spec.type, default ClusterIP.</summary>
    public ServiceType Type { get; init; }

    /// <summary>True if the service has no cluster IP on purpose (clusterIP "None") or none yet: never programmed.</summary>
    public bool IsHeadless { get; init; }

    /// <summary>True when label service.kubernetes.io/service-proxy-name is present: another proxy's, never programmed.</summary>
    public bool HasOtherProxy { get; init; }

    /// <summary>spec.clusterIPs (or clusterIP), at most one of each family.</summary>
    public ImmutableArray<InetAddress> ClusterIPs { get; init; } = [];

    /// <summary>spec.ports.</summary>
    public ImmutableArray<ServicePortObject> Ports { get; init; } = [];

    /// <summary>spec.externalIPs of both families.</summary>
    public ImmutableArray<InetAddress> ExternalIPs { get; init; } = [];

    /// <summary>status.loadBalancer.ingress[].ip with ipMode unset or VIP. Entries with ipMode Proxy are left out by the reader.</summary>
    public ImmutableArray<InetAddress> LoadBalancerIPs { get; init; } = [];

    /// <summary>spec.loadBalancerSourceRanges that parsed, both families, white space trimmed.</summary>
    public ImmutableArray<InetPrefix> SourceRanges { get; init; } = [];

    /// <summary>
    /// True when a source range that looked like IPv4 did not parse: if no other IPv4 range is left, the family is closed.
    /// </summary>
    public bool HasUnreadableIPv4Range { get; init; }

    /// <summary>True when a source range that looked like IPv6 (has a colon) did not parse.</summary>
    public bool HasUnreadableIPv6Range { get; init; }

    /// <summary>spec.internalTrafficPolicy is Local (default Cluster).</summary>
    public bool InternalPolicyLocal { get; init; }

    /// <summary>spec.externalTrafficPolicy is Local (default Cluster).</summary>
    public bool ExternalPolicyLocal { get; init; }

    /// <summary>Seconds of ClientIP affinity (1 to 86400, API default 10800); 0 for sessionAffinity None.</summary>
    public int AffinitySeconds { get; init; }

    /// <summary>spec.healthCheckNodePort; 0 for none.</summary>
    public ushort HealthCheckNodePort { get; init; }

    /// <summary>Annotation portolan.dev/ipvs-scheduler; empty without one.</summary>
    public string IpvsScheduler { get; init; } = "";

    /// <summary>Problems the reader found in the object.</summary>
    public ImmutableArray<Problem> Problems { get; init; } = [];
}

/// <summary>One entry of spec.ports (core/v1 ServicePort). targetPort is not read: only the slice's port number counts.</summary>
/// <param name="Name">Port name; empty for the only port of a service.</param>
/// <param name="Protocol">TCP (default), UDP or SCTP.</param>
/// <param name="Port">Port at the service's addresses, 1 to 65535.</param>
/// <param name="NodePort">Port at the nodes' addresses; 0 for none.</param>
public readonly record struct ServicePortObject(string Name, IpProtocol Protocol, ushort Port, ushort NodePort);
