using System.Buffers.Binary;
using System.Globalization;
using Portolan.Inet;

namespace Portolan.Testing.Packets;

/// <summary>What kind of packet came out.</summary>
public enum SeenKind
{
    /// <summary>A probe: SYN, datagram, INIT, echo request.</summary>
    Probe,

    /// <summary>An answer to a probe: SYN-ACK, reset, or a datagram with the reply's token.</summary>
    Reply,

    /// <summary>An ICMP error that quotes a probe or a reply.</summary>
    IcmpError,

    /// <summary>A TCP segment that is neither a SYN nor an answer, or a packet of a protocol without connections.</summary>
    Other,
}

/// <summary>A packet as it left the node or was delivered to it.</summary>
/// <param name="Kind">Kind.</param>
/// <param name="Protocol">Protocol of the probe or reply; for an ICMP error that of the packet which it quotes.</param>
/// <param name="Source">Source; for an ICMP error that of the quoted packet.</param>
/// <param name="Destination">Destination; for an ICMP error that of the quoted packet.</param>
/// <param name="Token">The probe's token, for replies too; a TCP sequence number where the kernel made it.</param>
/// <param name="IcmpType">Type and code of an ICMP error, or of an ICMP message that is a probe.</param>
/// <param name="ChecksumIsRight">False when the transport checksum does not fit; true for quoted packets, which may be cut.</param>
/// <param name="IsReset">The reply is a TCP reset.</param>
public sealed record SeenPacket(
    SeenKind Kind, IpProtocol Protocol, InetEndpoint Source, InetEndpoint Destination, uint Token,
    (byte Type, byte Code) IcmpType, bool ChecksumIsRight, bool IsReset)
{
    /// <summary>ICMP and ICMPv6 "port unreachable": 3/3 and 1/4.</summary>
    public bool IsPortUnreachable => Kind == SeenKind.IcmpError
        && IcmpType == (Source.Address.Family == IpFamily.IPv6 ? ((byte)1, (byte)4) : ((byte)3, (byte)3));

    public override string ToString() => Kind switch
    {
        SeenKind.IcmpError => string.Create(CultureInfo.InvariantCulture,
            $"ICMP error {IcmpType.Type}/{IcmpType.Code} about {Protocol.ToRuleText()} {Source} -> {Destination}"),
        SeenKind.Reply => $"{(IsReset ? "reset" : "reply")} {Protocol.ToRuleText()} {Source} -> {Destination}",
        _ => $"{Protocol.ToRuleText()} {Source} -> {Destination}",
    } + (ChecksumIsRight ? string.Empty : " (wrong checksum)");

    /// <summary>Reads a packet from its IP header on; false for packets that no probe caused.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> packet, out SeenPacket? seen)
    {
        seen = null;
        if (!TryReadIpHeader(packet, out InetAddress source, out InetAddress destination, out IpProtocol protocol,
            out ReadOnlySpan<byte> payload))
            return false;
        // A fragment's checksum is over the whole.
        bool isFragment = packet[0] >> 4 == 4 && (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff) != 0;
        return isFragment
            ? TryReadTransport(source, destination, protocol, payload, isQuoted: true, out seen)
            : TryRead(source, destination, protocol, payload, out seen);
    }

    /// <summary>Reads a packet whose IP header is known from elsewhere (raw IPv6 sockets do not show it).</summary>
    internal static bool TryRead(InetAddress source, InetAddress destination, IpProtocol protocol, ReadOnlySpan<byte> payload,
        out SeenPacket? seen)
    {
        seen = null;
        if (protocol is IpProtocol.Icmp or IpProtocol.IcmpV6)
        {
            if (payload.Length < 8)
                return false;
            (byte Type, byte Code) type = (payload[0], payload[1]);
            bool isError = protocol == IpProtocol.Icmp ? type.Type is 3 or 4 or 5 or 11 or 12 : type.Type < 128;
            if (isError)
            {
                if (!TryReadIpHeader(payload[8..], out InetAddress innerSource, out InetAddress innerDestination,
                        out IpProtocol inner, out ReadOnlySpan<byte> quoted)
                    || !TryReadTransport(innerSource, innerDestination, inner, quoted, isQuoted: true, out SeenPacket? about))
                    return false;
                seen = about! with { Kind = SeenKind.IcmpError, IcmpType = type };
                return true;
            }
        }
        return TryReadTransport(source, destination, protocol, payload, isQuoted: false, out seen);
    }

    private static bool TryReadIpHeader(
        ReadOnlySpan<byte> packet, out InetAddress source, out InetAddress destination, out IpProtocol protocol,
            out ReadOnlySpan<byte> payload)
    {
        source = destination = default;
        protocol = IpProtocol.None;
        payload = default;
        if (packet.Length >= 20 && packet[0] >> 4 == 4)
        {
            int header = (packet[0] & 0xf) * 4;
            if (header < 20 || packet.Length < header)
                return false;
            protocol = (IpProtocol)packet[9];
            payload = packet[header..];
            return InetAddress.TryFromBytes(packet[12..16], out source) && InetAddress.TryFromBytes(packet[16..20], out destination);
        }
        if (packet.Length < 40 || packet[0] >> 4 != 6)
            return false;
        protocol = (IpProtocol)packet[6];
        payload = packet[40..];
        return InetAddress.TryFromBytes(packet[8..24], out source) && InetAddress.TryFromBytes(packet[24..40], out destination);
    }

    private static bool TryReadTransport(
        InetAddress source, InetAddress destination, IpProtocol protocol, ReadOnlySpan<byte> payload, bool isQuoted, out SeenPacket? seen)
    {
        seen = null;
        if (payload.Length < 8)
            return false;
        ushort from = BinaryPrimitives.ReadUInt16BigEndian(payload);
        ushort to = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        var kind = SeenKind.Probe;
        bool reset = false;
        (byte, byte) icmp = default;
        uint token;
        switch (protocol)
        {
            case IpProtocol.Tcp when payload.Length >= 20:
                int flags = payload[13] & 0x17;
                token = BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
                reset = (flags & 0x04) != 0;
                if (flags is 0x12 or 0x14)
                {
                    kind = SeenKind.Reply;
                    token = BinaryPrimitives.ReadUInt32BigEndian(payload[8..]) - 1;
                }
                else if (flags != Probe.Syn)
                {
                    kind = SeenKind.Other;
                }
                break;
            case IpProtocol.Udp when payload.Length >= 12:
                token = BinaryPrimitives.ReadUInt32BigEndian(payload[8..]);
                break;
            case IpProtocol.Sctp when payload.Length >= 20 && payload[12] == 1:
                token = BinaryPrimitives.ReadUInt32BigEndian(payload[16..]);
                break;
            case IpProtocol.Icmp or IpProtocol.IcmpV6 when payload.Length >= 12:
                if (payload[0] != (protocol == IpProtocol.Icmp ? 8 : 128))
                    kind = SeenKind.Other;
                icmp = (payload[0], payload[1]);
                token = BinaryPrimitives.ReadUInt32BigEndian(payload[8..]);
                from = BinaryPrimitives.ReadUInt16BigEndian(payload[4..]);
                to = 0;
                break;
            case not (IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp or IpProtocol.Icmp or IpProtocol.IcmpV6)
                when payload.Length >= 12:
                kind = SeenKind.Other;
                token = BinaryPrimitives.ReadUInt32BigEndian(payload[8..]);
                (from, to) = (0, 0);
                break;
            default:
                return false;
        }
        if (protocol == IpProtocol.Udp && (token & Probe.ReplyBit) != 0)
        {
            kind = SeenKind.Reply;
            token &= ~Probe.ReplyBit;
        }
        bool right = isQuoted || HasRightChecksum(source, destination, protocol, payload);
        seen = new(kind, protocol, new(source, from), new(destination, to), token, icmp, right, reset);
        return true;
    }

    private static bool HasRightChecksum(InetAddress source, InetAddress destination, IpProtocol protocol, ReadOnlySpan<byte> payload)
    {
        if (protocol == IpProtocol.Sctp)
        {
            byte[] copy = payload.ToArray();
            copy.AsSpan(8, 4).Clear();
            return BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]) == Checksums.Crc32C(copy);
        }
        if (protocol is not (IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Icmp or IpProtocol.IcmpV6))
            return true;
        uint pseudo = protocol == IpProtocol.Icmp ? 0 : Checksums.PseudoHeader(source, destination, protocol, payload.Length);
        return Checksums.Internet(payload, pseudo) == 0;
    }
}
