using System.Runtime.InteropServices;
using System.Text;
using Portolan.Netlink.Core;

namespace Portolan.Netlink.NfTables;

/// <summary>Writes and reads libnftnl's user data: one byte type, one byte length, the value, without padding.</summary>
internal static class NfUserData
{
    /// <summary>The kernel's limit (NFT_USERDATA_MAXLEN).</summary>
    internal const int MaxLength = 256;

    /// <summary>nft does not write longer comments (NFTNL_UDATA_COMMENT_MAXLEN), and so that it can print ours neither do we.</summary>
    internal const int MaxCommentLength = 128;

    private const int HeaderLength = 2;

    /// <summary>The only thing in the user data of tables, chains, rules and elements: a comment, with its terminating zero.</summary>
    internal static void WriteComment(MessageWriter writer, ushort attribute, byte type, ReadOnlySpan<char> comment)
    {
        int length = CheckedCommentLength(Encoding.UTF8.GetByteCount(comment));
        Span<byte> data = writer.Attribute(attribute, HeaderLength + length + 1);
        data[0] = type;
        data[1] = (byte)(length + 1);
        Encoding.UTF8.GetBytes(comment, data[HeaderLength..]);
        data[^1] = 0;
    }

    internal static void WriteComment(MessageWriter writer, ushort attribute, byte type, ReadOnlySpan<byte> utf8)
    {
        int length = CheckedCommentLength(utf8.Length);
        Span<byte> data = writer.Attribute(attribute, HeaderLength + length + 1);
        data[0] = type;
        data[1] = (byte)(length + 1);
        utf8.CopyTo(data[HeaderLength..]);
        data[^1] = 0;
    }

    internal static int CheckedCommentLength(int length) => length <= MaxCommentLength
        ? length
        : throw new ArgumentException($"A comment has at most {MaxCommentLength} bytes of UTF-8, not {length}.");

    /// <summary>Finds one entry; false if there is none, or if the entries before it are malformed.</summary>
    internal static bool TryFind(ReadOnlySpan<byte> userData, byte type, out ReadOnlySpan<byte> value)
    {
        value = default;
        while (userData.Length >= HeaderLength && userData.Length - HeaderLength >= userData[1])
        {
            int length = userData[1];
            if (userData[0] == type)
            {
                value = userData.Slice(HeaderLength, length);
                return true;
            }
            userData = userData[(HeaderLength + length)..];
        }
        return false;
    }

    /// <summary>A comment without its terminating zero; null if there is none.</summary>
    internal static string? ReadComment(ReadOnlySpan<byte> userData, byte type) =>
        TryFind(userData, type, out ReadOnlySpan<byte> value) ? Encoding.UTF8.GetString(value.TrimEnd((byte)0)) : null;

    internal static bool TryFindUInt32(ReadOnlySpan<byte> userData, byte type, out uint value)
    {
        bool found = TryFind(userData, type, out ReadOnlySpan<byte> bytes) && bytes.Length == sizeof(uint);
        value = found ? MemoryMarshal.Read<uint>(bytes) : 0;
        return found;
    }
}

/// <summary>User data under construction, at most <see cref="NfUserData.MaxLength"/> bytes.</summary>
internal ref struct NfUserDataWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;
    private int _length;

    internal readonly ReadOnlySpan<byte> Written => _buffer[.._length];

    internal void PutUInt32(byte type, uint value)
    {
        MemoryMarshal.Write(Append(type, sizeof(uint)), value);
    }

    internal void PutString(byte type, ReadOnlySpan<char> text)
    {
        int length = NfUserData.CheckedCommentLength(Encoding.UTF8.GetByteCount(text));
        Span<byte> value = Append(type, length + 1);
        Encoding.UTF8.GetBytes(text, value);
        value[length] = 0;
    }

    internal void Put(byte type, ReadOnlySpan<byte> value) => value.CopyTo(Append(type, value.Length));

    internal int BeginNest(byte type)
    {
        Append(type, 0);
        return _length;
    }

    internal readonly void EndNest(int start) => _buffer[start - 1] = checked((byte)(_length - start));

    private Span<byte> Append(byte type, int length)
    {
        const int HeaderLength = 2;
        if (length > byte.MaxValue || _buffer.Length - _length < HeaderLength + length)
            throw new ArgumentException($"The user data of one object takes more than {NfUserData.MaxLength} bytes.");
        _buffer[_length] = type;
        _buffer[_length + 1] = (byte)length;
        Span<byte> value = _buffer.Slice(_length + HeaderLength, length);
        _length += HeaderLength + length;
        return value;
    }
}
