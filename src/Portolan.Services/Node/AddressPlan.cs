using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Node;

/// <summary>Addresses of this machine that frontends depend on. Replaced as a whole when an address is added or removed.</summary>
/// <param name="NodePortAddresses">
/// Local addresses that accept NodePort traffic, both families, chosen from the machine's addresses by nodePortAddresses. Sorted.
/// </param>
/// <param name="LocalAddresses">All addresses of the machine, both families. Sorted.</param>
public sealed record AddressPlan(ImmutableArray<InetAddress> NodePortAddresses, ImmutableArray<InetAddress> LocalAddresses)
{
    /// <summary>No addresses known.</summary>
    public static AddressPlan None { get; } = new([], []);

    /// <summary>
    /// True if nodePortAddresses selects every IPv4 address (except loopback, which may or may not be in <see cref="NodePortAddresses"/>):
    /// rules may then match any local address instead of listing them.
    /// </summary>
    public bool NodePortsOnAllIPv4 { get; init; }

    /// <inheritdoc cref="NodePortsOnAllIPv4"/>
    public bool NodePortsOnAllIPv6 { get; init; }

    /// <summary>The Node's first IPv4 address if this machine has it; otherwise the default value.</summary>
    public InetAddress PrimaryIPv4 { get; init; }

    /// <inheritdoc cref="PrimaryIPv4"/>
    public InetAddress PrimaryIPv6 { get; init; }

    /// <summary>True when NodePorts answer on IPv4 loopback addresses as well (iptables.localhostNodePorts).</summary>
    public bool HasLocalhostNodePorts => NodePortAddresses.Any(static address => address is { Family: IpFamily.IPv4, IsLoopback: true });

    /// <summary>Equality by content.</summary>
    public bool Equals(AddressPlan? other) => other is not null && NodePortsOnAllIPv4 == other.NodePortsOnAllIPv4
        && NodePortsOnAllIPv6 == other.NodePortsOnAllIPv6 && PrimaryIPv4 == other.PrimaryIPv4 && PrimaryIPv6 == other.PrimaryIPv6
        && NodePortAddresses.AsSpan().SequenceEqual(other.NodePortAddresses.AsSpan())
        && LocalAddresses.AsSpan().SequenceEqual(other.LocalAddresses.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(NodePortAddresses.Length, LocalAddresses.Length);
}
