using System.Buffers.Binary;
using Portolan.Inet;

namespace Portolan.Testing.Packets;

/// <summary>Builds raw IP packets with right checksums.</summary>
internal static class PacketWriter
{
    private const int TtlOffsetV4 = 8;
    /// <summary>RST in byte 13 of a TCP header.</summary>
    public const byte Reset = 0x04;

    private const byte HopLimit = 64;
    private const int IPv4HeaderLength = 20;
    private const int FirstFragmentLength = 16;
    private const ushort MoreFragments = 0x2000;
    private const byte SynAck = 0x12;

    /// <summary>The whole packet of a probe, from the IP header on.</summary>
    public static byte[] Write(Probe probe) =>
        WithIpHeader(probe.Source.Address, probe.Destination.Address, probe.Protocol, Transport(probe));

    /// <summary>The packets of a probe: one, or the fragments it is cut into.</summary>
    public static IEnumerable<byte[]> WriteAll(Probe probe)
    {
        byte[] packet = Write(probe);
        switch (probe.Form)
        {
            case ProbeForm.LaterFragment:
                SetFragment(packet, offset: 24, isLast: true);
                return [packet];
            case ProbeForm.InFragments:
                byte[] first = packet[..(IPv4HeaderLength + FirstFragmentLength)];
                byte[] last = [.. packet[..IPv4HeaderLength], .. packet[(IPv4HeaderLength + FirstFragmentLength)..]];
                SetFragment(first, offset: 0, isLast: false);
                SetFragment(last, offset: FirstFragmentLength, isLast: true);
                return [first, last];
            default:
                return [packet];
        }
    }

    /// <summary>The answer of an endpoint to a packet that reached it: SYN-ACK or a datagram back.</summary>
    public static byte[] WriteReply(SeenPacket reached)
    {
        var reply = new Probe(reached.Destination, reached.Source, reached.Protocol, reached.Token | Probe.ReplyBit);
        byte[] transport = reached.Protocol == IpProtocol.Tcp
            ? Tcp(reply, reply.Token, reached.Token + 1, SynAck)
            : Transport(reply);
        return WithIpHeader(reply.Source.Address, reply.Destination.Address, reply.Protocol, transport);
    }

    /// <summary>The probe without its IP header, for a raw socket.</summary>
    public static byte[] Transport(Probe probe) => probe.Protocol switch
    {
        // A reset that answers a segment with ACK has that one's acknowledgement for its sequence number (RFC 9293, 3.5.2): its token.
        IpProtocol.Tcp => Tcp(probe, probe.Token,
            acknowledge: (probe.TcpFlags & Probe.Ack) == 0 ? 0 : probe.Acknowledges ?? probe.Token, probe.TcpFlags),
        IpProtocol.Udp => Udp(probe),
        IpProtocol.Sctp => Sctp(probe),
        IpProtocol.Icmp or IpProtocol.IcmpV6 => Echo(probe),
        _ => Other(probe),
    };

    private static byte[] Tcp(Probe probe, uint sequence, uint acknowledge, byte flags)
    {
        byte[] segment = new byte[24];
        WritePorts(segment, probe);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), acknowledge);
        segment[12] = 6 << 4;
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 64240);
        // Maximum segment size 1,400: an option that every real SYN carries.
        segment[20] = 2;
        segment[21] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(22), 1400);
        WriteInternetChecksum(segment, 16, probe);
        return segment;
    }

    private static byte[] Udp(Probe probe)
    {
        byte[] datagram = new byte[probe.Form == ProbeForm.InFragments ? FirstFragmentLength + 16 : 16];
        // What a later fragment begins with must not look like a token.
        datagram.AsSpan(12).Fill(0xff);
        WritePorts(datagram, probe);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        BinaryPrimitives.WriteUInt32BigEndian(datagram.AsSpan(8), probe.Token);
        WriteInternetChecksum(datagram, 6, probe);
        return datagram;
    }

    private static byte[] Sctp(Probe probe)
    {
        byte[] packet = new byte[32];
        WritePorts(packet, probe);
        Span<byte> chunk = packet.AsSpan(12);
        chunk[0] = 1; // INIT; its packet has verification tag 0
        BinaryPrimitives.WriteUInt16BigEndian(chunk[2..], (ushort)chunk.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[4..], probe.Token);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[8..], 65536); // receiver window
        BinaryPrimitives.WriteUInt16BigEndian(chunk[12..], 1);    // outbound streams
        BinaryPrimitives.WriteUInt16BigEndian(chunk[14..], 1);    // inbound streams
        BinaryPrimitives.WriteUInt32BigEndian(chunk[16..], probe.Token);
        // The one field in SCTP that goes little-endian on the wire (RFC 9260, 6.8).
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(8), Checksums.Crc32C(packet));
        return packet;
    }

    private static byte[] Echo(Probe probe)
    {
        byte[] message = new byte[16];
        message[0] = probe.IcmpType ?? (probe.Protocol == IpProtocol.IcmpV6 ? (byte)128 : (byte)8);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), probe.Source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), 1);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(8), probe.Token);
        WriteInternetChecksum(message, 2, probe);
        return message;
    }

    private static byte[] Other(Probe probe)
    {
        byte[] payload = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(8), probe.Token);
        return payload;
    }

    private static void SetFragment(byte[] packet, int offset, bool isLast)
    {
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        // All fragments of a datagram share an identification. Those of the next one may too: none is under way by then.
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 0x4242);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)((isLast ? 0 : MoreFragments) | (offset / 8)));
        packet.AsSpan(10, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Checksums.Internet(packet.AsSpan(0, IPv4HeaderLength)));
    }

    private static void WritePorts(byte[] segment, Probe probe)
    {
        BinaryPrimitives.WriteUInt16BigEndian(segment, probe.Source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), probe.Destination.Port);
    }

    private static void WriteInternetChecksum(byte[] segment, int offset, Probe probe)
    {
        uint pseudo = probe.Protocol == IpProtocol.Icmp || probe.Source.Address.Family == IpFamily.None
            ? 0
            : Checksums.PseudoHeader(probe.Source.Address, probe.Destination.Address, probe.Protocol, segment.Length);
        ushort checksum = Checksums.Internet(segment, pseudo);
        // In UDP 0 means "no checksum", so a checksum of 0 is sent as its other form (RFC 768).
        if (checksum == 0 && probe.Protocol == IpProtocol.Udp)
            checksum = ushort.MaxValue;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(offset), checksum);
    }

    private static byte[] WithIpHeader(InetAddress source, InetAddress destination, IpProtocol protocol, byte[] transport)
    {
        if (source.Family != destination.Family)
            throw new ArgumentException($"A packet from {source} cannot go to {destination}.", nameof(destination));
        bool six = source.Family == IpFamily.IPv6;
        int header = six ? 40 : 20;
        byte[] packet = new byte[header + transport.Length];
        if (six)
        {
            packet[0] = 6 << 4;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)transport.Length);
            packet[6] = (byte)protocol;
            packet[7] = HopLimit;
            source.WriteBytes(packet.AsSpan(8));
            destination.WriteBytes(packet.AsSpan(24));
        }
        else
        {
            packet[0] = (4 << 4) | 5;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            packet[TtlOffsetV4] = HopLimit;
            packet[9] = (byte)protocol;
            source.WriteBytes(packet.AsSpan(12));
            destination.WriteBytes(packet.AsSpan(16));
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Checksums.Internet(packet.AsSpan(0, 20)));
        }
        transport.CopyTo(packet, header);
        return packet;
    }
}
