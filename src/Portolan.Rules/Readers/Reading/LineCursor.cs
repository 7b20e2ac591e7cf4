using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Walks over the lines of an input. Lines end with LF or CRLF; bytes that are not UTF-8 become U+FFFD.</summary>
internal sealed class LineCursor
{
    /// <summary>
    /// Longer lines, in bytes, are read in part: a kernel rule is far shorter (a target's offset has 16 bits, x_tables.h), and
    /// nft and ipset write one or a few elements per line. JSON, which may be one long line, is read from the bytes.
    /// </summary>
    public const int LongestLine = 16 << 20;

    /// <summary>How much of a longer line is read, in bytes.</summary>
    public const int KeptOfLongLine = 4096;

    private readonly SourceText _source;
    private char[] _buffer = new char[512];
    private int _next;
    private int _characters;
    private int _line;

    public LineCursor(SourceText source)
    {
        _source = source;
        if (source.Bytes.StartsWith("\uFEFF"u8))
            _next = 3;
    }

    /// <summary>The current line without its end. Overwritten by the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<char> Line => _buffer.AsSpan(0, _characters);

    /// <summary>Number of the current line, from 1.</summary>
    public int Number => _source.LineInFile(_line);

    /// <summary>Where the current line begins, in bytes.</summary>
    public int Offset { get; private set; }

    /// <summary>Length of the current line in bytes, without its end.</summary>
    public int Length { get; private set; }

    /// <summary>False when the current line is the last one and has no line feed: typical of a truncated file.</summary>
    public bool HasLineEnd { get; private set; } = true;

    /// <summary>True when the current line is longer than <see cref="LongestLine"/>: only its first words are shown.</summary>
    public bool IsCut { get; private set; }

    public SourceSpan Span => new(_source, Number, Offset, Length);

    public bool MoveNext()
    {
        ReadOnlySpan<byte> bytes = _source.Bytes;
        if (_next >= bytes.Length)
            return false;
        ReadOnlySpan<byte> rest = bytes[_next..];
        int length = rest.IndexOf((byte)'\n');
        HasLineEnd = length >= 0;
        if (!HasLineEnd)
            length = rest.Length;
        Offset = _next;
        _line++;
        _next += length + 1;
        if (length > 0 && rest[length - 1] == '\r')
            length--;
        IsCut = length > LongestLine;
        if (IsCut)
        {
            // At a word boundary: half a number would be a different number.
            int end = rest[..KeptOfLongLine].LastIndexOf((byte)' ');
            length = end < 0 ? KeptOfLongLine : end;
        }
        Length = length;
        if (_buffer.Length < length)
            _buffer = new char[Math.Max(length, _buffer.Length * 2)];
        _characters = Encoding.UTF8.GetChars(rest[..length], _buffer);
        return true;
    }

    /// <summary>Continues after a part of the input that was read elsewhere: the rest of its last line is skipped.</summary>
    public void SkipTo(int offset)
    {
        ReadOnlySpan<byte> bytes = _source.Bytes;
        while (_next < offset && _next < bytes.Length)
        {
            int length = bytes[_next..].IndexOf((byte)'\n');
            _next = length < 0 ? bytes.Length : _next + length + 1;
            _line++;
        }
    }
}
