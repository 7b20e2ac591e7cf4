using System.Text;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Splits a line into words at white space. "Quoted words" may hold white space, and \ before a character keeps it.</summary>
internal ref struct WordReader(ReadOnlySpan<char> text)
{
    private readonly ReadOnlySpan<char> _text = text;

    /// <summary>Where the search for the next word begins.</summary>
    public int Position { get; private set; }

    /// <summary>Where the last word begins, including its quotation mark.</summary>
    public int WordStart { get; private set; }

    /// <summary>What has not been read.</summary>
    public readonly ReadOnlySpan<char> Rest => _text[Position..].Trim();

    // Looks ahead to the next word only: trimming both ends for each word would be quadratic in a long line.
    public readonly bool AtEnd => _text[Position..].IsWhiteSpace();

    /// <summary>True when the next word is in quotation marks.</summary>
    public readonly bool IsQuotedNext => _text[Position..].TrimStart() is ['"', ..];

    /// <summary>The text from a position up to the next word.</summary>
    public readonly ReadOnlySpan<char> Since(int start) => _text[start..Position].Trim();

    public bool TryRead(out ReadOnlySpan<char> word)
    {
        int start = Position;
        while (start < _text.Length && _text[start] is ' ' or '\t')
            start++;
        WordStart = start;
        if (start == _text.Length)
        {
            Position = start;
            word = default;
            return false;
        }
        if (_text[start] == '"')
        {
            word = ReadQuoted(start + 1);
            return true;
        }
        int end = _text[start..].IndexOfAny(' ', '\t');
        end = end < 0 ? _text.Length : start + end;
        word = _text[start..end];
        Position = end;
        return true;
    }

    /// <summary>The next word; quotation marks have no special meaning.</summary>
    public bool TryReadPlain(out ReadOnlySpan<char> word)
    {
        int start = Position;
        while (start < _text.Length && _text[start] is ' ' or '\t')
            start++;
        int end = start;
        while (end < _text.Length && _text[end] is not (' ' or '\t'))
            end++;
        WordStart = start;
        Position = end;
        word = _text[start..end];
        return !word.IsEmpty;
    }

    /// <summary>The next word without reading it; empty at the end.</summary>
    public readonly ReadOnlySpan<char> Peek()
    {
        WordReader copy = this;
        return copy.TryRead(out ReadOnlySpan<char> word) ? word : default;
    }

    public void SkipToEnd() => Position = _text.Length;

    private ReadOnlySpan<char> ReadQuoted(int start)
    {
        int end = _text[start..].IndexOfAny('"', '\\');
        if (end < 0)
        {
            Position = _text.Length;
            return _text[start..];
        }
        end += start;
        if (_text[end] == '"')
        {
            Position = end + 1;
            return _text[start..end];
        }
        var unescaped = new StringBuilder();
        int i = start;
        for (; i < _text.Length && _text[i] != '"'; i++)
        {
            if (_text[i] == '\\' && i + 1 < _text.Length)
                i++;
            unescaped.Append(_text[i]);
        }
        Position = Math.Min(i + 1, _text.Length);
        return unescaped.ToString();
    }
}
