using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Node;

/// <summary>
/// Node-wide decisions for the data plane, made once for all planes: they receive them with the services
/// (<see cref="Plans.TableDelta"/>) and decide nothing about the node themselves.
/// </summary>
/// <param name="Addresses">The node's addresses, and those that take NodePorts.</param>
/// <param name="DetectorIPv4">How packets from pods are recognised, IPv4.</param>
/// <param name="DetectorIPv6">How packets from pods are recognised, IPv6.</param>
/// <param name="ServiceCidrs">
/// Ranges of ServiceCIDR objects: packets to unallocated addresses inside are dropped (nftables). Sorted, none inside another.
/// </param>
public sealed record NodePlan(
    AddressPlan Addresses, LocalDetector DetectorIPv4, LocalDetector DetectorIPv6, ImmutableArray<InetPrefix> ServiceCidrs)
{
    /// <summary>No address, no detector, no range.</summary>
    public static NodePlan None { get; } = new(AddressPlan.None, LocalDetector.None, LocalDetector.None, []);

    /// <summary>How packets from pods are recognised in a family.</summary>
    public LocalDetector DetectorOf(IpFamily family) => family == IpFamily.IPv4 ? DetectorIPv4 : DetectorIPv6;

    /// <summary>True if the rest of the plan (all but the addresses) is the same.</summary>
    public bool HasSameRules(NodePlan other) => DetectorIPv4 == other.DetectorIPv4 && DetectorIPv6 == other.DetectorIPv6
        && ServiceCidrs.AsSpan().SequenceEqual(other.ServiceCidrs.AsSpan());

    /// <summary>Equality by content.</summary>
    public bool Equals(NodePlan? other) => other is not null && Addresses == other.Addresses && HasSameRules(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Addresses, DetectorIPv4, DetectorIPv6, ServiceCidrs.Length);
}
