using Portolan.Inet;

namespace Portolan.Netlink.NfTables;

/// <summary>Bytes in the order they have in a register, compared by value. The default value is empty.</summary>
public readonly struct NfData : IEquatable<NfData>
{
    private readonly byte[]? _bytes;

    /// <summary>A copy of some bytes.</summary>
    public NfData(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Number of bytes.</summary>
    public int Length => Span.Length;

    /// <summary>A 16-bit number in network byte order, as ports are compared.</summary>
    public static NfData BigEndian(ushort value) => new([(byte)(value >> 8), (byte)value]);

    /// <summary>A 32-bit number in network byte order.</summary>
    public static NfData BigEndian(uint value) => new([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);

    /// <summary>A 32-bit number in the machine's byte order, as marks, ct status and numgen results are kept.</summary>
    public static NfData HostOrder(uint value) => new(BitConverter.GetBytes(value));

    /// <summary>An address, in network byte order.</summary>
    public static NfData Address(InetAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return new NfData(bytes[..address.WriteBytes(bytes)]);
    }

    /// <inheritdoc/>
    public bool Equals(NfData other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NfData other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>The bytes in hexadecimal: "0a000001".</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>Equality of bytes.</summary>
    public static bool operator ==(NfData left, NfData right) => left.Equals(right);

    /// <summary>Inequality of bytes.</summary>
    public static bool operator !=(NfData left, NfData right) => !left.Equals(right);
}
