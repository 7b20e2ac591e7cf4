using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static Portolan.Netlink.Uapi.NetlinkHeader;

namespace Portolan.Netlink.Core;

/// <summary>Netlink messages and their attributes, written one after the other into a buffer that grows.</summary>
/// <remarks>
/// The buffer is outside the managed heap: a first load of some tens of megabytes then creates no garbage, doubling it moves pages
/// instead of bytes, and <see cref="Trim"/> returns the memory at once.
/// </remarks>
internal sealed unsafe class MessageWriter : IDisposable
{
    private const int FirstCapacity = 4096;

    private byte* _buffer;
    private int _capacity;

    ~MessageWriter() => Free();

    /// <summary>Number of bytes written.</summary>
    internal int Length { get; private set; }

    internal ReadOnlySpan<byte> Written => new(_buffer, Length);

    /// <summary>Discards what was written after <paramref name="length"/>; the memory is kept.</summary>
    internal void Truncate(int length) => Length = length;

    /// <summary>Returns memory if the buffer is empty and larger than <paramref name="keep"/> bytes.</summary>
    internal void Trim(int keep)
    {
        if (Length == 0 && _capacity > keep)
            Free();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts a message; returns its offset for <see cref="EndMessage"/>.</summary>
    internal int BeginMessage(ushort type, ushort flags, uint sequence)
    {
        int start = Length;
        Span<byte> header = Append(NLMSG_HDRLEN);
        MemoryMarshal.Write(header, 0u);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)(flags | NLM_F_REQUEST));
        MemoryMarshal.Write(header[8..], sequence);
        MemoryMarshal.Write(header[12..], 0u);
        return start;
    }

    internal void EndMessage(int start) => MemoryMarshal.Write(new Span<byte>(_buffer + start, 4), (uint)(Length - start));

    /// <summary>Sets or clears flags of a message that is already written.</summary>
    internal void SetMessageFlags(int start, ushort flags, bool on)
    {
        var field = new Span<byte>(_buffer + start + 6, 2);
        ushort others = (ushort)(MemoryMarshal.Read<ushort>(field) & ~flags);
        MemoryMarshal.Write(field, on ? (ushort)(others | flags) : others);
    }

    /// <summary>Numbers a message that is already written.</summary>
    internal void SetMessageSequence(int start, uint sequence) => MemoryMarshal.Write(new Span<byte>(_buffer + start + 8, 4), sequence);

    /// <summary>Appends a fixed-size part of a message as it is, padded to a multiple of 4 bytes.</summary>
    internal void PutRaw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(AppendPadded(bytes.Length));

    internal void PutBytes(ushort type, ReadOnlySpan<byte> value) => value.CopyTo(Attribute(type, value.Length));

    internal void PutUInt8(ushort type, byte value) => Attribute(type, 1)[0] = value;

    internal void PutUInt16BigEndian(ushort type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Attribute(type, 2), value);

    internal void PutUInt32BigEndian(ushort type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Attribute(type, 4), value);

    internal void PutUInt16HostOrder(ushort type, ushort value) => MemoryMarshal.Write(Attribute(type, 2), value);

    internal void PutUInt32HostOrder(ushort type, uint value) => MemoryMarshal.Write(Attribute(type, 4), value);

    internal void PutUInt64BigEndian(ushort type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Attribute(type, 8), value);

    /// <summary>A string in UTF-8 with its terminating zero.</summary>
    /// <exception cref="ArgumentException">The string contains a zero: the kernel would take it as the end, and as another
    /// name.</exception>
    internal void PutString(ushort type, ReadOnlySpan<char> value)
    {
        if (value.Contains('\0'))
            throw new ArgumentException("A name in the kernel cannot contain the character U+0000.");
        Span<byte> text = Attribute(type, Encoding.UTF8.GetByteCount(value) + 1);
        text[Encoding.UTF8.GetBytes(value, text)] = 0;
    }

    /// <summary>A string that is already UTF-8, with a terminating zero added.</summary>
    internal void PutString(ushort type, ReadOnlySpan<byte> utf8)
    {
        Span<byte> text = Attribute(type, utf8.Length + 1);
        utf8.CopyTo(text);
        text[utf8.Length] = 0;
    }

    /// <summary>Starts an attribute that contains attributes; returns its offset for <see cref="EndNest"/>.</summary>
    internal int BeginNest(ushort type)
    {
        int start = Length;
        Span<byte> header = Append(NLA_HDRLEN);
        MemoryMarshal.Write(header[2..], (ushort)(type | NLA_F_NESTED));
        return start;
    }

    /// <exception cref="OverflowException">The nest has 64 KiB or more: nla_len has 16 bits.</exception>
    internal void EndNest(int start)
    {
        int length = Length - start;
        if (length > ushort.MaxValue)
            throw new OverflowException("A netlink attribute cannot be longer than 65,535 bytes.");
        MemoryMarshal.Write(new Span<byte>(_buffer + start, 2), (ushort)length);
    }

    /// <summary>Space for the value of one attribute; the header and the padding are written, the caller fills in the value.</summary>
    internal Span<byte> Attribute(ushort type, int length)
    {
        int total = NLA_HDRLEN + length;
        if (total > ushort.MaxValue)
            throw new OverflowException("A netlink attribute cannot be longer than 65,535 bytes.");
        Span<byte> attribute = AppendPadded(total);
        MemoryMarshal.Write(attribute, (ushort)total);
        MemoryMarshal.Write(attribute[2..], type);
        return attribute[NLA_HDRLEN..];
    }

    private Span<byte> AppendPadded(int length)
    {
        int padded = (length + NLMSG_ALIGNTO - 1) & -NLMSG_ALIGNTO;
        Span<byte> room = Append(padded);
        if (padded != length)
            room[length..].Clear();
        return room[..length];
    }

    private Span<byte> Append(int length)
    {
        int end = checked(Length + length);
        if (end > _capacity)
            Grow(end);
        var room = new Span<byte>(_buffer + Length, length);
        Length = end;
        return room;
    }

    private void Grow(int needed)
    {
        int capacity = (int)Math.Min(Math.Max(Math.Max((long)_capacity * 2, needed), FirstCapacity), int.MaxValue);
        _buffer = (byte*)NativeMemory.Realloc(_buffer, (nuint)capacity);
        _capacity = capacity;
    }

    private void Free()
    {
        NativeMemory.Free(_buffer);
        _buffer = null;
        _capacity = 0;
        Length = 0;
    }
}
