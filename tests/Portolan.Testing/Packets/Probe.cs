using Portolan.Inet;

namespace Portolan.Testing.Packets;

/// <summary>The first packet of a connection: a TCP SYN, a UDP datagram, an SCTP INIT or an ICMP echo request.</summary>
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
}
