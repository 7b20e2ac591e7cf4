using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// One element of a set or map, as the bytes the kernel keeps: registers of 4 bytes, addresses and ports in network byte order,
/// numbers (index, affinity id) in host byte order.
/// </summary>
/// <remarks>A value without references except its comment, so that tens of thousands of them are one array.</remarks>
internal struct Element
{
    /// <summary>Longest key: IPv6 address, protocol, port, IPv6 address.</summary>
    internal const int MaxKey = 40;

    /// <summary>Longest data: IPv6 address and port.</summary>
    internal const int MaxData = 20;

    private KeyBytes _key;
    private DataBytes _data;

    /// <summary>The set.</summary>
    internal PortolanSet Set;

    /// <summary>Prefix length of SourceRanges, seconds of AffinityFrontends and AffinityClients, 0 for sets without variants.</summary>
    internal int Variant;

    /// <summary>Length of the key in bytes.</summary>
    internal byte KeyLength;

    /// <summary>Length of the data in bytes; 0 in sets.</summary>
    internal byte DataLength;

    /// <summary>Number of the service it belongs to, in the transaction that contains it: a refusal reports it.</summary>
    internal int Subject;

    /// <summary>Name for operators, shown by nft; null for none.</summary>
    internal string? Comment;

    /// <summary>Several services may need an element with this key: it is reference-counted, not owned.</summary>
    internal readonly bool IsShared => Set is PortolanSet.ClusterIPs or PortolanSet.Hairpin;

    [UnscopedRef]
    internal readonly ReadOnlySpan<byte> Key =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<KeyBytes, byte>(ref Unsafe.AsRef(in _key)), KeyLength);

    [UnscopedRef]
    internal readonly ReadOnlySpan<byte> Data =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<DataBytes, byte>(ref Unsafe.AsRef(in _data)), DataLength);

    [UnscopedRef]
    internal Span<byte> KeyBuffer => MemoryMarshal.CreateSpan(ref Unsafe.As<KeyBytes, byte>(ref _key), MaxKey);

    [UnscopedRef]
    internal Span<byte> DataBuffer => MemoryMarshal.CreateSpan(ref Unsafe.As<DataBytes, byte>(ref _data), MaxData);

    /// <summary>Reads the parts of key and data; false if the length of either is not that of its set.</summary>
    internal readonly bool TryRead(out ElementFields key, out ElementFields data)
    {
        data = default;
        return ElementCodec.TryReadKey(Set, Key, out key) && ElementCodec.TryReadData(Set, Data, out data);
    }

    /// <summary>The same key in the same set.</summary>
    internal readonly bool SamePlace(in Element other) =>
        Set == other.Set && Variant == other.Variant && Key.SequenceEqual(other.Key);

    /// <summary>The same key with the same content.</summary>
    internal readonly bool SameContent(in Element other) =>
        SamePlace(other) && Data.SequenceEqual(other.Data) && Comment == other.Comment;

    /// <summary>The key as nft prints it, for messages: "172.30.0.10 . udp . 53 . 0".</summary>
    internal readonly string Describe() => ElementCodec.Describe(Set, Variant, Key);

    /// <summary>Orders by set, variant and key.</summary>
    internal readonly int ComparePlace(in Element other)
    {
        int bySet = Set.CompareTo(other.Set);
        if (bySet != 0)
            return bySet;
        int byVariant = Variant.CompareTo(other.Variant);
        return byVariant != 0 ? byVariant : Key.SequenceCompareTo(other.Key);
    }

    [InlineArray(MaxKey)]
    private struct KeyBytes
    {
        private byte _first;
    }

    [InlineArray(MaxData)]
    private struct DataBytes
    {
        private byte _first;
    }
}
