using System.Buffers.Binary;
using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// The address the kernel takes from a range: by a hash of the client's address and, unless persistent, of the original destination,
/// without a secret (find_best_ips_proto, net/netfilter/nf_nat_core.c). Computed as on little-endian machines.
/// </summary>
internal static class NatRangeChoice
{
    internal static InetAddress Of(InetAddress first, InetAddress last, InetAddress source, InetAddress destination, bool isSource,
        bool isPersistent)
    {
        Span<byte> from = stackalloc byte[16], to = stackalloc byte[16], low = stackalloc byte[16], high = stackalloc byte[16],
            chosen = stackalloc byte[16];
        from.Clear();
        source.WriteBytes(from);
        int length = destination.WriteBytes(to);
        first.WriteBytes(low);
        last.WriteBytes(high);
        uint hash = JenkinsHash.Hash(from, isPersistent ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(to[(length - 4)..]));
        bool isFree = false;
        for (int at = 0; at < length; at += 4)
        {
            uint minimum = isFree ? 0 : BinaryPrimitives.ReadUInt32BigEndian(low[at..]);
            uint maximum = BinaryPrimitives.ReadUInt32BigEndian(high[at..]);
            uint distance = isFree ? uint.MaxValue : maximum - minimum + 1;
            uint word = minimum + (uint)(((ulong)hash * distance) >> 32);
            BinaryPrimitives.WriteUInt32BigEndian(chosen[at..], word);
            // If a higher word is below the end of the range, the lower ones may be anything.
            isFree |= word != maximum;
            // The kernel updates the connection's addresses word by word: for a new destination the hash includes the words just chosen.
            if (!isPersistent)
                hash ^= BinaryPrimitives.ReadUInt32LittleEndian((isSource ? to : chosen)[at..]);
        }
        InetAddress.TryFromBytes(chosen[..length], out InetAddress address);
        return address;
    }
}
