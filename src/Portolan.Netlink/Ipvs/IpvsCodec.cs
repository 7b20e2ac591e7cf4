using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.GenericNetlinkHeader;
using static Portolan.Netlink.Uapi.IpvsHeader;
using static Portolan.Netlink.Uapi.RtnetlinkHeader;

namespace Portolan.Netlink.Ipvs;

/// <summary>Writes and reads the attributes of the generic netlink family IPVS.</summary>
internal static class IpvsCodec
{
    private const VirtualServerFlags KnownFlags = VirtualServerFlags.Persistent | VirtualServerFlags.OnePacket
        | VirtualServerFlags.SchedulerFallback | VirtualServerFlags.SchedulerPort;

    /// <summary>The attributes that identify a virtual server.</summary>
    internal static void WriteKey(MessageWriter writer, VirtualServerKey key)
    {
        int nest = writer.BeginNest(IPVS_CMD_ATTR_SERVICE);
        WriteKeyAttributes(writer, key);
        writer.EndNest(nest);
    }

    internal static void WriteServer(MessageWriter writer, VirtualServer server)
    {
        int nest = writer.BeginNest(IPVS_CMD_ATTR_SERVICE);
        WriteKeyAttributes(writer, server.Key);
        writer.PutString(IPVS_SVC_ATTR_SCHED_NAME, server.Scheduler);
        // struct ip_vs_flags: u32 flags, u32 mask.
        Span<byte> flags = writer.Attribute(IPVS_SVC_ATTR_FLAGS, 2 * sizeof(uint));
        MemoryMarshal.Write(flags, (uint)server.Flags);
        MemoryMarshal.Write(flags[sizeof(uint)..], uint.MaxValue);
        writer.PutUInt32HostOrder(IPVS_SVC_ATTR_TIMEOUT, server.PersistenceSeconds);
        // IPv4: a mask in network byte order; IPv6: the length of a prefix.
        writer.PutUInt32HostOrder(IPVS_SVC_ATTR_NETMASK, server.Key.Address.Family == IpFamily.IPv4 ? uint.MaxValue : 128);
        writer.EndNest(nest);
    }

    internal static void WriteRealServer(MessageWriter writer, RealServer server, bool isWhole)
    {
        int nest = writer.BeginNest(IPVS_CMD_ATTR_DEST);
        PutAddress(writer, IPVS_DEST_ATTR_ADDR, server.Endpoint.Address);
        writer.PutUInt16BigEndian(IPVS_DEST_ATTR_PORT, server.Endpoint.Port);
        writer.PutUInt16HostOrder(IPVS_DEST_ATTR_ADDR_FAMILY, FamilyNumber(server.Endpoint.Address.Family));
        if (isWhole)
        {
            writer.PutUInt32HostOrder(IPVS_DEST_ATTR_FWD_METHOD, (uint)server.Forwarding);
            writer.PutUInt32HostOrder(IPVS_DEST_ATTR_WEIGHT, server.Weight);
            writer.PutUInt32HostOrder(IPVS_DEST_ATTR_U_THRESH, 0);
            writer.PutUInt32HostOrder(IPVS_DEST_ATTR_L_THRESH, 0);
        }
        writer.EndNest(nest);
    }

    /// <summary>Reads a virtual server; <paramref name="server"/> is null for a message without one.</summary>
    internal static bool TryReadServer(ReadOnlySpan<byte> payload, out VirtualServer? server)
    {
        server = null;
        if (payload.Length < GENL_HDRLEN)
            return false;
        var top = new AttributeReader(payload[GENL_HDRLEN..]);
        while (top.MoveNext())
        {
            if (top.Type != IPVS_CMD_ATTR_SERVICE)
                continue;
            ushort family = 0, protocol = 0, port = 0;
            ReadOnlySpan<byte> address = default;
            string scheduler = string.Empty;
            uint flags = 0, timeout = 0, mark = 0;
            AttributeReader a = top.Nested();
            while (a.MoveNext())
            {
                switch (a.Type)
                {
                    case IPVS_SVC_ATTR_AF: family = a.UInt16HostOrder(); break;
                    case IPVS_SVC_ATTR_PROTOCOL: protocol = a.UInt16HostOrder(); break;
                    case IPVS_SVC_ATTR_ADDR: address = a.Value; break;
                    case IPVS_SVC_ATTR_PORT: port = a.UInt16BigEndian(); break;
                    case IPVS_SVC_ATTR_FWMARK: mark = a.UInt32HostOrder(); break;
                    case IPVS_SVC_ATTR_SCHED_NAME: scheduler = a.String(); break;
                    case IPVS_SVC_ATTR_FLAGS:
                        a.Require(a.Value.Length == 2 * sizeof(uint));
                        flags = a.IsMalformed ? 0 : MemoryMarshal.Read<uint>(a.Value);
                        break;
                    case IPVS_SVC_ATTR_TIMEOUT: timeout = a.UInt32HostOrder(); break;
                }
            }
            top.Require(!a.IsMalformed);
            if (address.IsEmpty && mark == 0)
                continue;
            InetAddress own = family == AF_INET6 ? InetAddress.FromIPv6(0) : InetAddress.FromIPv4(0);
            top.Require(mark != 0 || TryReadAddress(family, address, out own));
            VirtualServerFlags known = (VirtualServerFlags)flags & KnownFlags;
            server = new VirtualServer(new VirtualServerKey(own, (IpProtocol)protocol, port) { Mark = mark }, scheduler)
            {
                Flags = known,
                // The kernel keeps a time-out of a virtual server without persistence as well; nothing uses it.
                PersistenceSeconds = known.HasFlag(VirtualServerFlags.Persistent) ? timeout : 0,
            };
        }
        return !top.IsMalformed;
    }

    internal static bool TryReadRealServer(ReadOnlySpan<byte> payload, IpFamily familyOfServer, out RealServer server)
    {
        server = default;
        if (payload.Length < GENL_HDRLEN)
            return false;
        bool isFound = false;
        var top = new AttributeReader(payload[GENL_HDRLEN..]);
        while (top.MoveNext())
        {
            if (top.Type != IPVS_CMD_ATTR_DEST)
                continue;
            ushort family = FamilyNumber(familyOfServer), port = 0;
            ReadOnlySpan<byte> address = default;
            uint method = 0, weight = 0, active = 0, inactive = 0, persistent = 0;
            AttributeReader a = top.Nested();
            while (a.MoveNext())
            {
                switch (a.Type)
                {
                    case IPVS_DEST_ATTR_ADDR: address = a.Value; break;
                    case IPVS_DEST_ATTR_PORT: port = a.UInt16BigEndian(); break;
                    case IPVS_DEST_ATTR_FWD_METHOD: method = a.UInt32HostOrder(); break;
                    case IPVS_DEST_ATTR_WEIGHT: weight = a.UInt32HostOrder(); break;
                    case IPVS_DEST_ATTR_ACTIVE_CONNS: active = a.UInt32HostOrder(); break;
                    case IPVS_DEST_ATTR_INACT_CONNS: inactive = a.UInt32HostOrder(); break;
                    case IPVS_DEST_ATTR_PERSIST_CONNS: persistent = a.UInt32HostOrder(); break;
                    case IPVS_DEST_ATTR_ADDR_FAMILY: family = a.UInt16HostOrder(); break;
                }
            }
            top.Require(!a.IsMalformed && TryReadAddress(family, address, out _));
            if (top.IsMalformed)
                return false;
            TryReadAddress(family, address, out InetAddress own);
            server = new RealServer(new InetEndpoint(own, port), weight)
            {
                Forwarding = (ForwardingMethod)(method & 7),
                ActiveConnections = active,
                InactiveConnections = inactive,
                PersistentConnections = persistent,
            };
            isFound = true;
        }
        return isFound && !top.IsMalformed;
    }

    private static void WriteKeyAttributes(MessageWriter writer, VirtualServerKey key)
    {
        writer.PutUInt16HostOrder(IPVS_SVC_ATTR_AF, FamilyNumber(key.Address.Family));
        if (key.Mark != 0)
        {
            writer.PutUInt32HostOrder(IPVS_SVC_ATTR_FWMARK, key.Mark);
            return;
        }
        writer.PutUInt16HostOrder(IPVS_SVC_ATTR_PROTOCOL, (ushort)key.Protocol);
        PutAddress(writer, IPVS_SVC_ATTR_ADDR, key.Address);
        writer.PutUInt16BigEndian(IPVS_SVC_ATTR_PORT, key.Port);
    }

    private static void PutAddress(MessageWriter writer, ushort type, InetAddress address)
    {
        Span<byte> bytes = writer.Attribute(type, ADDRESS_LENGTH);
        bytes.Clear();
        address.WriteBytes(bytes);
    }

    private static bool TryReadAddress(ushort family, ReadOnlySpan<byte> bytes, out InetAddress address)
    {
        address = default;
        int length = family switch { AF_INET => 4, AF_INET6 => 16, _ => 0 };
        return length > 0 && bytes.Length >= length && InetAddress.TryFromBytes(bytes[..length], out address);
    }

    private static ushort FamilyNumber(IpFamily family) => family == IpFamily.IPv4 ? AF_INET : AF_INET6;
}
