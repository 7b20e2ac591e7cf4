using Portolan.Inet;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfnetlinkConntrackHeader;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;
using static Portolan.Netlink.Uapi.RtnetlinkHeader;

namespace Portolan.Netlink.Conntrack;

/// <summary>The attributes of tracked connections.</summary>
internal static class ConntrackCodec
{
    // Bits of CTA_FILTER_ORIG_FLAGS and CTA_FILTER_REPLY_FLAGS, in host byte order (the kernel's nf_internals.h; since Linux 5.8).
    private const uint FilterSourceAddress = 1 << 0;
    private const uint FilterDestinationAddress = 1 << 1;
    private const uint FilterProtocol = 1 << 3;
    private const uint FilterDestinationPort = 1 << 5;

    internal static byte AddressFamily(IpFamily family) => family switch { IpFamily.IPv4 => AF_INET, IpFamily.IPv6 => AF_INET6, _ => 0 };

    internal static void WriteTuple(MessageWriter writer, ushort attribute, in ConntrackTuple tuple)
    {
        int nest = writer.BeginNest(attribute);
        int addresses = writer.BeginNest(CTA_TUPLE_IP);
        bool v4 = tuple.Source.Family == IpFamily.IPv4;
        WriteAddress(writer, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, tuple.Source);
        WriteAddress(writer, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, tuple.Destination);
        writer.EndNest(addresses);
        int protocol = writer.BeginNest(CTA_TUPLE_PROTO);
        writer.PutUInt8(CTA_PROTO_NUM, (byte)tuple.Protocol);
        if (tuple.Protocol is IpProtocol.Icmp or IpProtocol.IcmpV6)
        {
            bool icmp = tuple.Protocol == IpProtocol.Icmp;
            writer.PutUInt16BigEndian(icmp ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, tuple.SourcePort);
            writer.PutUInt8(icmp ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, (byte)(tuple.DestinationPort >> 8));
            writer.PutUInt8(icmp ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, (byte)tuple.DestinationPort);
        }
        else
        {
            writer.PutUInt16BigEndian(CTA_PROTO_SRC_PORT, tuple.SourcePort);
            writer.PutUInt16BigEndian(CTA_PROTO_DST_PORT, tuple.DestinationPort);
        }
        writer.EndNest(protocol);
        writer.EndNest(nest);
    }

    /// <summary>
    /// Asks the kernel to send matching connections only, as far as it can: kernels before 5.8 send all (before 5.15 answered ones too),
    /// and none filters by addresses and protocol without a family.
    /// </summary>
    internal static void WriteFilter(MessageWriter writer, ConntrackFilter filter)
    {
        if (filter.IsUnanswered)
        {
            writer.PutUInt32BigEndian(CTA_STATUS, 0);
            writer.PutUInt32BigEndian(CTA_STATUS_MASK, (uint)ConntrackStatus.SeenReply);
        }
        if (filter.Family == IpFamily.None)
            return;
        // Not for IPv6 addresses: the kernel inverts the comparison and sends all except those requested (seen on Linux 6.18).
        bool v4 = filter.Family == IpFamily.IPv4;
        InetAddress? destination = v4 ? filter.OriginalDestination : null;
        InetAddress? replySource = v4 ? filter.ReplySource : null;
        uint original = 0, reply = 0;
        if (destination is not null || filter.Protocol != IpProtocol.None)
        {
            int tuple = writer.BeginNest(CTA_TUPLE_ORIG);
            original |= WriteFilterAddress(writer, CTA_IP_V4_DST, destination, FilterDestinationAddress);
            if (filter.Protocol != IpProtocol.None)
            {
                original |= FilterProtocol;
                int protocol = writer.BeginNest(CTA_TUPLE_PROTO);
                writer.PutUInt8(CTA_PROTO_NUM, (byte)filter.Protocol);
                if (filter.OriginalDestinationPort is { } port && filter.Protocol is not (IpProtocol.Icmp or IpProtocol.IcmpV6))
                {
                    original |= FilterDestinationPort;
                    writer.PutUInt16BigEndian(CTA_PROTO_DST_PORT, port);
                }
                writer.EndNest(protocol);
            }
            writer.EndNest(tuple);
        }
        if (replySource is not null)
        {
            int tuple = writer.BeginNest(CTA_TUPLE_REPLY);
            reply |= WriteFilterAddress(writer, CTA_IP_V4_SRC, replySource, FilterSourceAddress);
            writer.EndNest(tuple);
        }
        int flags = writer.BeginNest(CTA_FILTER);
        writer.PutUInt32HostOrder(CTA_FILTER_ORIG_FLAGS, original);
        writer.PutUInt32HostOrder(CTA_FILTER_REPLY_FLAGS, reply);
        writer.EndNest(flags);
    }

    internal static bool TryRead(ReadOnlySpan<byte> payload, out ConntrackEntry entry)
    {
        entry = default;
        if (payload.Length < NFGENMSG_LEN)
            return false;
        var a = new AttributeReader(payload[NFGENMSG_LEN..]);
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case CTA_TUPLE_ORIG:
                    a.Require(TryReadTuple(a.Nested(), out ConntrackTuple original));
                    entry = entry with { Original = original };
                    break;
                case CTA_TUPLE_REPLY:
                    a.Require(TryReadTuple(a.Nested(), out ConntrackTuple reply));
                    entry = entry with { Reply = reply };
                    break;
                case CTA_STATUS: entry = entry with { Status = (ConntrackStatus)a.UInt32BigEndian() }; break;
                case CTA_ZONE: entry = entry with { Zone = a.UInt16BigEndian() }; break;
                case CTA_MARK: entry = entry with { Mark = a.UInt32BigEndian() }; break;
                case CTA_ID: entry = entry with { Id = a.UInt32BigEndian() }; break;
                case CTA_TIMEOUT: entry = entry with { TimeoutSeconds = a.UInt32BigEndian() }; break;
            }
        }
        return !a.IsMalformed && entry.Original.Source.Family != IpFamily.None;
    }

    private static bool TryReadTuple(AttributeReader a, out ConntrackTuple tuple)
    {
        InetAddress source = default, destination = default;
        byte protocol = 0, icmpType = 0, icmpCode = 0;
        ushort sourcePort = 0, destinationPort = 0;
        while (a.MoveNext())
        {
            if (a.Type is not (CTA_TUPLE_IP or CTA_TUPLE_PROTO))
                continue;
            bool addresses = a.Type == CTA_TUPLE_IP;
            AttributeReader part = a.Nested();
            while (part.MoveNext())
            {
                switch ((addresses, part.Type))
                {
                    case (true, CTA_IP_V4_SRC or CTA_IP_V6_SRC): part.Require(InetAddress.TryFromBytes(part.Value, out source)); break;
                    case (true, CTA_IP_V4_DST or CTA_IP_V6_DST): part.Require(InetAddress.TryFromBytes(part.Value, out destination)); break;
                    case (false, CTA_PROTO_NUM): protocol = part.UInt8(); break;
                    case (false, CTA_PROTO_SRC_PORT or CTA_PROTO_ICMP_ID or CTA_PROTO_ICMPV6_ID):
                        sourcePort = part.UInt16BigEndian();
                        break;
                    case (false, CTA_PROTO_DST_PORT): destinationPort = part.UInt16BigEndian(); break;
                    case (false, CTA_PROTO_ICMP_TYPE or CTA_PROTO_ICMPV6_TYPE): icmpType = part.UInt8(); break;
                    case (false, CTA_PROTO_ICMP_CODE or CTA_PROTO_ICMPV6_CODE): icmpCode = part.UInt8(); break;
                }
            }
            a.Require(!part.IsMalformed);
        }
        if ((IpProtocol)protocol is IpProtocol.Icmp or IpProtocol.IcmpV6)
            destinationPort = (ushort)((icmpType << 8) | icmpCode);
        tuple = new ConntrackTuple((IpProtocol)protocol, source, destination, sourcePort, destinationPort);
        return !a.IsMalformed && source.Family != IpFamily.None && source.Family == destination.Family;
    }

    private static uint WriteFilterAddress(MessageWriter writer, ushort attribute, InetAddress? address, uint flag)
    {
        if (address is not { } given)
            return 0;
        int nest = writer.BeginNest(CTA_TUPLE_IP);
        WriteAddress(writer, attribute, given);
        writer.EndNest(nest);
        return flag;
    }

    private static void WriteAddress(MessageWriter writer, ushort attribute, InetAddress address) =>
        address.WriteBytes(writer.Attribute(attribute, address.Length));
}
