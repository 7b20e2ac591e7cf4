using System.Buffers.Binary;
using Portolan.Inet;
using Portolan.Netlink.NfTables;

namespace Portolan.Chart.Watch;

/// <summary>What a trace shows of a packet's headers.</summary>
internal sealed record PacketHeaders(IpProtocol Protocol, InetAddress Source, ushort? SourcePort, InetAddress Destination,
    ushort? DestinationPort)
{
    internal string SourceText => Text(Source, SourcePort);

    internal string DestinationText => Text(Destination, DestinationPort);

    public override string ToString() => $"{Protocol.ToRuleText()} {SourceText} -> {DestinationText}";

    /// <summary>The headers of a step that carries them (the first of each base chain); null for others.</summary>
    internal static PacketHeaders? Of(NfTraceEvent step)
    {
        ReadOnlySpan<byte> network = step.NetworkHeader.Span, transport = step.TransportHeader.Span;
        if (network.IsEmpty)
            return null;
        bool isV4 = network[0] >> 4 == 4;
        int offset = isV4 ? 12 : 8, length = isV4 ? 4 : 16;
        if (network.Length < offset + 2 * length
            || !InetAddress.TryFromBytes(network.Slice(offset, length), out InetAddress source)
            || !InetAddress.TryFromBytes(network.Slice(offset + length, length), out InetAddress destination))
            return null;
        var protocol = (IpProtocol)network[isV4 ? 9 : 6];
        bool hasPorts = protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp && transport.Length >= 4;
        return new PacketHeaders(protocol,
            source, hasPorts ? BinaryPrimitives.ReadUInt16BigEndian(transport) : null,
            destination, hasPorts ? BinaryPrimitives.ReadUInt16BigEndian(transport[2..]) : null);
    }

    private static string Text(InetAddress address, ushort? port) =>
        port is { } number ? new InetEndpoint(address, number).ToString() : address.ToString();
}
