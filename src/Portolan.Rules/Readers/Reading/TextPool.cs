namespace Portolan.Rules.Readers.Reading;

/// <summary>Keeps one string for each text: chain names and comments occur many times in a dump.</summary>
internal sealed class TextPool
{
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    public TextPool() => _lookup = _texts.GetAlternateLookup<ReadOnlySpan<char>>();

    public string Get(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return string.Empty;
        if (_lookup.TryGetValue(text, out string? known))
            return known;
        string added = text.ToString();
        _texts.Add(added);
        return added;
    }
}
