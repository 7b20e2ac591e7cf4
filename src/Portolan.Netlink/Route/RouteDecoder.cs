using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.RtnetlinkHeader;

namespace Portolan.Netlink.Route;

/// <summary>Reads links, addresses and local routes from the payload of rtnetlink messages.</summary>
internal static class RouteDecoder
{
    internal static bool TryReadLink(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out NetworkLink? link)
    {
        link = null;
        if (payload.Length < IFINFOMSG_LEN)
            return false;
        int index = MemoryMarshal.Read<int>(payload[4..]);
        uint flags = MemoryMarshal.Read<uint>(payload[8..]);
        string? name = null;
        uint master = 0;
        var a = new AttributeReader(payload[IFINFOMSG_LEN..]);
        while (a.MoveNext())
        {
            if (a.Type == IFLA_IFNAME)
                name = a.String();
            else if (a.Type == IFLA_MASTER)
                master = a.UInt32HostOrder();
        }
        if (a.IsMalformed || name is null)
            return false;
        link = new NetworkLink(index, name, (flags & IFF_UP) != 0, (flags & IFF_LOOPBACK) != 0, (int)master);
        return true;
    }

    /// <summary>Reads an address; also false if its family is neither IPv4 nor IPv6.</summary>
    internal static bool TryReadAddress(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out LocalAddress? address)
    {
        address = null;
        if (payload.Length < IFADDRMSG_LEN || payload[0] is not (AF_INET or AF_INET6))
            return false;
        IpFamily family = payload[0] == AF_INET ? IpFamily.IPv4 : IpFamily.IPv6;
        byte prefixLength = payload[1];
        uint flags = payload[2];
        int index = MemoryMarshal.Read<int>(payload[4..]);
        InetAddress own = default, local = default;
        var a = new AttributeReader(payload[IFADDRMSG_LEN..]);
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case IFA_ADDRESS: a.Require(InetAddress.TryFromBytes(a.Value, out own)); break;
                case IFA_LOCAL: a.Require(InetAddress.TryFromBytes(a.Value, out local)); break;
                // The full 32 bits; the header has room for eight.
                case IFA_FLAGS: flags = a.UInt32HostOrder(); break;
            }
        }
        // On a point-to-point interface IFA_ADDRESS is the other end; IFA_LOCAL, if present, is always this end.
        if (local.Family != IpFamily.None)
            own = local;
        if (a.IsMalformed || own.Family != family || prefixLength > own.Length * 8)
            return false;
        address = new LocalAddress(own, prefixLength, index, string.Empty, (AddressScope)payload[3], (AddressFlags)flags);
        return true;
    }

    /// <summary>Reads a route; false also if it is not one of table "local" to a single address.</summary>
    internal static bool TryReadLocalRoute(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out LocalRoute? route)
    {
        route = null;
        if (payload.Length < RTMSG_LEN || payload[0] is not (AF_INET or AF_INET6) || payload[4] != RT_TABLE_LOCAL
            || payload[7] != RTN_LOCAL)
            return false;
        IpFamily family = payload[0] == AF_INET ? IpFamily.IPv4 : IpFamily.IPv6;
        if (payload[1] != InetAddress.LengthOf(family) * 8)
            return false;
        InetAddress address = default, source = default;
        uint index = 0, metric = 0;
        var a = new AttributeReader(payload[RTMSG_LEN..]);
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case RTA_DST: a.Require(InetAddress.TryFromBytes(a.Value, out address)); break;
                case RTA_PREFSRC: a.Require(InetAddress.TryFromBytes(a.Value, out source)); break;
                case RTA_OIF: index = a.UInt32HostOrder(); break;
                case RTA_PRIORITY: metric = a.UInt32HostOrder(); break;
            }
        }
        if (a.IsMalformed || address.Family != family)
            return false;
        route = new LocalRoute(address, (int)index, source, payload[5], metric);
        return true;
    }
}
