using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Uapi;

namespace Portolan.Netlink.Route;

/// <summary>Reads this host's interfaces, addresses and local routes. Every list is a consistent snapshot. Not thread-safe.</summary>
/// <param name="socket">A socket of <see cref="NetlinkProtocol.Route"/> that joined no group.</param>
public sealed class RouteReader(NetlinkSocket socket)
{
    private readonly NetlinkDump _dump = new(socket);

    /// <summary>All interfaces.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public List<NetworkLink> ReadLinks()
    {
        var visitor = new LinkVisitor([]);
        _dump.Run("list interfaces", RtnetlinkHeader.RTM_GETLINK, dump: true,
            static (writer, _) => writer.PutRaw(stackalloc byte[RtnetlinkHeader.IFINFOMSG_LEN]), 0, ref visitor);
        return visitor.Links;
    }

    /// <summary>All IPv4 and IPv6 addresses.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public List<LocalAddress> ReadAddresses()
    {
        Dictionary<int, string> names = ReadLinks().ToDictionary(link => link.Index, link => link.Name);
        var visitor = new AddressVisitor([], names);
        _dump.Run("list addresses", RtnetlinkHeader.RTM_GETADDR, dump: true,
            static (writer, _) => writer.PutRaw(stackalloc byte[RtnetlinkHeader.IFADDRMSG_LEN]), 0, ref visitor);
        return visitor.Addresses;
    }

    /// <summary>
    /// The routes to single addresses of table "local", those of the kernel's own for the addresses of interfaces included.
    /// </summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public List<LocalRoute> ReadLocalRoutes(IpFamily family)
    {
        var visitor = new LocalRouteVisitor([]);
        _dump.Run("list routes", RtnetlinkHeader.RTM_GETROUTE, dump: true, static (writer, family) =>
        {
            Span<byte> header = stackalloc byte[RtnetlinkHeader.RTMSG_LEN];
            header.Clear();
            header[0] = family == IpFamily.IPv4 ? RtnetlinkHeader.AF_INET : RtnetlinkHeader.AF_INET6;
            header[4] = RtnetlinkHeader.RT_TABLE_LOCAL;
            writer.PutRaw(header);
        }, family, ref visitor);
        return visitor.Routes;
    }

    private readonly struct LocalRouteVisitor(List<LocalRoute> routes) : INetlinkVisitor
    {
        internal List<LocalRoute> Routes { get; } = routes;

        public void Start() => Routes.Clear();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            // Older kernels answer with the routes of all tables.
            if (RouteDecoder.TryReadLocalRoute(payload, out LocalRoute? route))
                Routes.Add(route);
            return true;
        }
    }

    private readonly struct LinkVisitor(List<NetworkLink> links) : INetlinkVisitor
    {
        internal List<NetworkLink> Links { get; } = links;

        public void Start() => Links.Clear();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (!RouteDecoder.TryReadLink(payload, out NetworkLink? link))
                return false;
            Links.Add(link);
            return true;
        }
    }

    private readonly struct AddressVisitor(List<LocalAddress> addresses, Dictionary<int, string> names) : INetlinkVisitor
    {
        internal List<LocalAddress> Addresses { get; } = addresses;

        public void Start() => Addresses.Clear();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            // Addresses of other families (phonet, MPLS) are skipped.
            if (RouteDecoder.TryReadAddress(payload, out LocalAddress? address))
                Addresses.Add(address with { InterfaceName = names.GetValueOrDefault(address.InterfaceIndex, string.Empty) });
            return true;
        }
    }
}
