using Portolan.Inet;

namespace Portolan.Testing.Packets;

/// <summary>
/// The first packet of a connection: a TCP SYN, a UDP datagram, an SCTP INIT, an ICMP echo request, or a packet of another protocol.
/// </summary>
/// <param name="Source">Source address and port; for ICMP the port is the echo identifier.</param>
/// <param name="Destination">Destination address and port.</param>
/// <param name="Protocol">Protocol.</param>
/// <param name="Token">
/// Tells the packet from all others wherever it comes out, whatever was rewritten: TCP's sequence number, SCTP's initiate tag, or the first
/// four bytes of the payload. The highest bit is free: replies carry the same token with the bit set.
/// </param>
public readonly record struct Probe(InetEndpoint Source, InetEndpoint Destination, IpProtocol Protocol, uint Token)
{
    /// <summary>Set in a reply's token.</summary>
    public const uint ReplyBit = 0x8000_0000;

    /// <summary>Byte 13 of a TCP header with SYN alone.</summary>
    public const byte Syn = 0x02;

    /// <summary>Byte 13 of a TCP header with ACK alone.</summary>
    public const byte Ack = 0x10;

    /// <summary>The flags of a TCP segment, byte 13 of its header; not SYN and ACK or RST and ACK, which are taken for replies.</summary>
    public byte TcpFlags { get; init; } = Syn;

    /// <summary>What a TCP segment with ACK acknowledges; null for its own token.</summary>
    public uint? Acknowledges { get; init; }

    /// <summary>Type of an ICMP or ICMPv6 message that is no error; null for an echo request. The code is 0.</summary>
    public byte? IcmpType { get; init; }

    /// <summary>How the packet is cut (IPv4).</summary>
    public ProbeForm Form { get; init; }
}

/// <summary>How a probe is cut into fragments.</summary>
public enum ProbeForm
{
    /// <summary>Not at all.</summary>
    Whole,

    /// <summary>A UDP datagram in two fragments, sent one after the other.</summary>
    InFragments,

    /// <summary>A lone fragment other than the first. What looks like its ports is payload, and so is its token.</summary>
    LaterFragment,
}
