using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static Portolan.Netlink.Uapi.NetlinkHeader;

namespace Portolan.Netlink.Core;

/// <summary>Iterates over the attributes of a message or a nest. Never reads outside the span, whatever the lengths say.</summary>
/// <remarks>
/// A value of the wrong length reads as zero or empty and sets <see cref="IsMalformed"/>, as does a length that does not fit: decoders read
/// what they know in one pass and check once, at the end, whether all of it was well-formed.
/// </remarks>
internal ref struct AttributeReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The attribute's number, without the NLA_F_NESTED and NLA_F_NET_BYTEORDER bits.</summary>
    internal ushort Type { get; private set; }

    /// <summary>The attribute's value, without its padding.</summary>
    internal ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>True if anything read so far was malformed.</summary>
    internal bool IsMalformed { get; private set; }

    /// <summary>Steps to the next attribute.</summary>
    internal bool MoveNext()
    {
        // Less than a header is left: padding of the message, not an attribute.
        if (_rest.Length < NLA_HDRLEN)
            return false;
        int length = MemoryMarshal.Read<ushort>(_rest);
        if (length < NLA_HDRLEN || length > _rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }
        Type = (ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & NLA_TYPE_MASK);
        Value = _rest[NLA_HDRLEN..length];
        int padded = (length + NLMSG_ALIGNTO - 1) & -NLMSG_ALIGNTO;
        _rest = padded < _rest.Length ? _rest[padded..] : default;
        return true;
    }

    internal byte UInt8() => Has(1) ? Value[0] : (byte)0;

    internal ushort UInt16BigEndian() => Has(2) ? BinaryPrimitives.ReadUInt16BigEndian(Value) : (ushort)0;

    internal ushort UInt16HostOrder() => Has(2) ? MemoryMarshal.Read<ushort>(Value) : (ushort)0;

    internal uint UInt32BigEndian() => Has(4) ? BinaryPrimitives.ReadUInt32BigEndian(Value) : 0;

    internal ulong UInt64BigEndian() => Has(8) ? BinaryPrimitives.ReadUInt64BigEndian(Value) : 0;

    internal uint UInt32HostOrder() => Has(4) ? MemoryMarshal.Read<uint>(Value) : 0;

    /// <summary>A string up to its terminating zero; bytes that are not UTF-8 become U+FFFD.</summary>
    internal string String() => Encoding.UTF8.GetString(Utf8());

    /// <summary>The bytes of a string up to its terminating zero.</summary>
    internal readonly ReadOnlySpan<byte> Utf8()
    {
        int end = Value.IndexOf((byte)0);
        return end < 0 ? Value : Value[..end];
    }

    /// <summary>The attributes inside this one.</summary>
    internal readonly AttributeReader Nested() => new(Value);

    /// <summary>Propagates the failure of a reader over a nest, or of a decoder.</summary>
    internal void Require(bool sound) => IsMalformed |= !sound;

    private bool Has(int length)
    {
        Require(Value.Length == length);
        return Value.Length == length;
    }
}
