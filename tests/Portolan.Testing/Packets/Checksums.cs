using System.Buffers.Binary;
using System.Numerics;
using Portolan.Inet;

namespace Portolan.Testing.Packets;

/// <summary>The checksums of IP, TCP, UDP, ICMP (RFC 1071) and SCTP (RFC 9260, appendix A).</summary>
internal static class Checksums
{
    /// <summary>The one's complement sum of 16-bit words; a sum over data with its right checksum in place is 0.</summary>
    public static ushort Internet(ReadOnlySpan<byte> data, uint start = 0)
    {
        uint sum = start;
        for (; data.Length >= 2; data = data[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(data);
        if (data.Length == 1)
            sum += (uint)data[0] << 8;
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>The sum of the pseudo header of TCP, UDP and ICMPv6 (RFC 9293, RFC 8200).</summary>
    public static uint PseudoHeader(InetAddress source, InetAddress destination, IpProtocol protocol, int length)
    {
        Span<byte> addresses = stackalloc byte[32];
        int used = source.WriteBytes(addresses);
        used += destination.WriteBytes(addresses[used..]);
        uint sum = (uint)protocol + (uint)length;
        for (int at = 0; at < used; at += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(addresses[at..]);
        return sum;
    }

    /// <summary>CRC-32C, the checksum of SCTP.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
