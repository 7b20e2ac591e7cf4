using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Plans;

/// <summary>A service whose plan changed.</summary>
/// <param name="Service">The service.</param>
/// <param name="Plan">What this node serves now; null when nothing any more.</param>
public readonly record struct ServiceChange(ObjectName Service, ServicePlan? Plan);

/// <summary>Node-wide facts that data planes program beside the services.</summary>
/// <param name="DetectorIPv4">How pods are told apart, IPv4.</param>
/// <param name="DetectorIPv6">How pods are told apart, IPv6.</param>
/// <param name="ServiceCidrs">
/// Ranges of ServiceCIDR objects: unallocated addresses inside are dropped (nftables). Sorted, none inside another.
/// </param>
public sealed record NodeWide(LocalDetector DetectorIPv4, LocalDetector DetectorIPv6, ImmutableArray<InetPrefix> ServiceCidrs)
{
    /// <summary>Equality by content.</summary>
    public bool Equals(NodeWide? other) => other is not null && DetectorIPv4 == other.DetectorIPv4 && DetectorIPv6 == other.DetectorIPv6
        && PortPlan.SameContent(ServiceCidrs, other.ServiceCidrs);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(DetectorIPv4, DetectorIPv6, ServiceCidrs.Length);
}

/// <summary>What changed since the last drain. Its size depends on the change, never on the cluster.</summary>
/// <remarks>
/// One unit: a frontend may leave one service and come to another in the same delta, so that a plane takes all of it in one step (or removes
/// before it adds).
/// </remarks>
/// <param name="Services">Changed services, each once.</param>
/// <param name="NodeWide">The node-wide facts when they changed, else null. The first delta always carries them.</param>
public sealed record TableDelta(ImmutableArray<ServiceChange> Services, NodeWide? NodeWide)
{
    /// <summary>Problems that were not there at the last drain, for the log. They say nothing about the plans.</summary>
    public ImmutableArray<Problem> NewProblems { get; init; } = [];

    /// <summary>Problems that were there at the last drain and are no more.</summary>
    public ImmutableArray<Problem> GoneProblems { get; init; } = [];

    /// <summary>True when there is nothing to program.</summary>
    public bool IsEmpty => Services.IsEmpty && NodeWide is null;
}
