using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Cluster;

/// <summary>The Node this proxy runs on (core/v1 Node), reduced.</summary>
public sealed record NodeObject
{
    /// <summary>metadata.name.</summary>
    public required string Name { get; init; }

    /// <summary>Label topology.kubernetes.io/zone; empty if unset.</summary>
    public string Zone { get; init; } = "";

    /// <summary>status.addresses of type InternalIP then ExternalIP, in the node's order.</summary>
    public ImmutableArray<InetAddress> Addresses { get; init; } = [];

    /// <summary>spec.podCIDRs (or podCIDR), for detectLocalMode NodeCIDR.</summary>
    public ImmutableArray<InetPrefix> PodCidrs { get; init; } = [];

    /// <summary>True when the autoscaler's taint ToBeDeletedByClusterAutoscaler or deletionTimestamp is set: /healthz then fails.</summary>
    public bool IsBeingDeleted { get; init; }

    /// <summary>Problems the reader found in the object.</summary>
    public ImmutableArray<Problem> Problems { get; init; } = [];
}

/// <summary>A range that cluster IPs are allocated from (networking.k8s.io/v1 ServiceCIDR).</summary>
public sealed record ServiceCidrObject
{
    /// <summary>metadata.name.</summary>
    public required string Name { get; init; }

    /// <summary>spec.cidrs.</summary>
    public ImmutableArray<InetPrefix> Cidrs { get; init; } = [];

    /// <summary>Problems the reader found in the object.</summary>
    public ImmutableArray<Problem> Problems { get; init; } = [];
}
