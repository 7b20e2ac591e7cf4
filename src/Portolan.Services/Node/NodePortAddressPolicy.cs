using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Node;

/// <summary>Which of the machine's addresses take NodePort traffic (nodePortAddresses), as kube-proxy v1.36 decides it.</summary>
/// <remarks>
/// pkg/proxy/util/nodeport_addresses.go: ranges apply per family, and a family for which none is given is open on all addresses, even if
/// the other family has ranges. "primary" means the Node's first address of each family, so a Node without an address of a family
/// opens all of that family too.
/// </remarks>
public sealed record NodePortAddressPolicy
{
    private static readonly InetPrefix s_loopbackIPv4 = InetPrefix.Parse("127.0.0.0/8");
    private static readonly InetPrefix s_loopbackIPv6 = InetPrefix.Parse("::1/128");

    /// <summary>Only the primary addresses of the Node; <see cref="Ranges"/> is ignored.</summary>
    public bool IsPrimary { get; init; }

    /// <summary>Ranges of both families.</summary>
    public ImmutableArray<InetPrefix> Ranges { get; init; } = [];

    /// <summary>
    /// IPv4 loopback addresses count as well (iptables mode with localhostNodePorts). Never those of IPv6, which the kernel does not route.
    /// </summary>
    public bool WithLoopback { get; init; }

    /// <summary>
    /// bindAddress if it is not a wildcard: counts as the Node's primary address of its family. Otherwise the default value.
    /// </summary>
    public InetAddress BindAddress { get; init; }

    /// <summary>Selects addresses, given the Node object and the addresses of the machine.</summary>
    /// <param name="node">The Node; null if the cluster has none.</param>
    /// <param name="local">All local addresses, sorted.</param>
    public AddressPlan Choose(NodeObject? node, ImmutableArray<InetAddress> local)
    {
        ImmutableArray<InetPrefix> ipv4 = RangesOf(IpFamily.IPv4, node), ipv6 = RangesOf(IpFamily.IPv6, node);
        ImmutableArray<InetAddress> chosen =
            [.. local.Where(address => !IsExcluded(address) && (address.Family == IpFamily.IPv4 ? ipv4 : ipv6)
            .Any(range => range.Contains(address)))];
        return new AddressPlan(chosen, local)
        {
            NodePortsOnAllIPv4 = ipv4.Any(static range => range.Length == 0),
            NodePortsOnAllIPv6 = ipv6.Any(static range => range.Length == 0),
            PrimaryIPv4 = PrimaryHere(IpFamily.IPv4, node, local),
            PrimaryIPv6 = PrimaryHere(IpFamily.IPv6, node, local),
        };
    }

    private bool IsExcluded(InetAddress address) => s_loopbackIPv6.Contains(address) || (!WithLoopback && s_loopbackIPv4.Contains(address));

    private ImmutableArray<InetPrefix> RangesOf(IpFamily family, NodeObject? node)
    {
        ImmutableArray<InetPrefix> given = IsPrimary ? PrimaryOf(family, node) : [.. Ranges.Where(range => range.Family == family)];
        return given.IsEmpty ? [InetPrefix.Of(InetAddress.Unspecified(family), 0)] : given;
    }

    private InetAddress PrimaryHere(IpFamily family, NodeObject? node, ImmutableArray<InetAddress> local) =>
        PrimaryOf(family, node) is [var primary] && local.Contains(primary.Address) ? primary.Address : default;

    private ImmutableArray<InetPrefix> PrimaryOf(IpFamily family, NodeObject? node)
    {
        InetAddress primary = BindAddress.Family == family
            ? BindAddress
            : (node?.Addresses ?? []).FirstOrDefault(address => address.Family == family);
        bool isUsable = primary.Family == family && !s_loopbackIPv4.Contains(primary) && !s_loopbackIPv6.Contains(primary);
        return isUsable ? [InetPrefix.Host(primary)] : [];
    }
}
