namespace Portolan.Rules.Readers.Nftables;

/// <summary>Splits nft's text into words, quoted strings and the punctuation { } ( ) , ; each a token of its own.</summary>
internal ref struct NftLexer(ReadOnlySpan<char> text)
{
    private readonly ReadOnlySpan<char> _text = text;

    /// <summary>Where the search for the next word begins.</summary>
    public int Position { get; private set; }

    /// <summary>Where the last word begins.</summary>
    public int WordStart { get; private set; }

    /// <summary>True when the last word was in quotation marks.</summary>
    public bool WasQuoted { get; private set; }

    public readonly bool AtEnd => _text[Position..].IsWhiteSpace();

    /// <summary>The text from a position up to the current one.</summary>
    public readonly ReadOnlySpan<char> Since(int start) => _text[start..Position].Trim();

    public bool TryRead(out ReadOnlySpan<char> word)
    {
        int start = Position;
        while (start < _text.Length && char.IsWhiteSpace(_text[start]))
            start++;
        WordStart = start;
        WasQuoted = false;
        if (start == _text.Length)
        {
            Position = start;
            word = default;
            return false;
        }
        if (_text[start] == '"')
        {
            int close = _text[(start + 1)..].IndexOf('"');
            int stop = close < 0 ? _text.Length : start + 1 + close;
            word = _text[(start + 1)..stop];
            Position = Math.Min(stop + 1, _text.Length);
            WasQuoted = true;
            return true;
        }
        int end = start + 1;
        if (!IsMark(_text[start]))
        {
            while (end < _text.Length && !char.IsWhiteSpace(_text[end]) && !IsMark(_text[end]) && _text[end] != '"')
                end++;
        }
        word = _text[start..end];
        Position = end;
        return true;
    }

    /// <summary>The next word without reading it; empty at the end and for a quoted text.</summary>
    public readonly ReadOnlySpan<char> Peek()
    {
        NftLexer copy = this;
        return copy.TryRead(out ReadOnlySpan<char> word) && !copy.WasQuoted ? word : default;
    }

    /// <summary>Reads the next word if it is the given one.</summary>
    public bool TrySkip(ReadOnlySpan<char> expected)
    {
        NftLexer copy = this;
        if (!copy.TryRead(out ReadOnlySpan<char> word) || copy.WasQuoted || !word.SequenceEqual(expected))
            return false;
        this = copy;
        return true;
    }

    /// <summary>Reads up to the brace that closes a block whose opening brace was read already.</summary>
    public bool SkipBlock()
    {
        int depth = 1;
        while (depth > 0)
        {
            if (!TryRead(out ReadOnlySpan<char> word))
                return false;
            if (!WasQuoted)
                depth += word is "{" ? 1 : word is "}" ? -1 : 0;
        }
        return true;
    }

    /// <summary>Goes back into the last word, to read its end as a separate word.</summary>
    public void StepBack(int characters) => Position -= characters;

    public void SkipToEnd() => Position = _text.Length;

    private static bool IsMark(char c) => c is '{' or '}' or '(' or ')' or ',' or ';';
}
