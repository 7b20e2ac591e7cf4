namespace Portolan.Sources.Objects;

/// <summary>
/// One instance for each of the few texts that many objects repeat: namespaces, node names, zones, port names. Ten thousand slices name the
/// same hundred nodes; without this each endpoint would own a copy. Not for concurrent use.
/// </summary>
internal sealed class StringPool
{
    // A cluster that renames its nodes all day must not grow the pool for ever. Losing the pool only costs a few duplicates.
    private const int Limit = 20_000;

    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _bySpan;

    public StringPool() => _bySpan = _texts.GetAlternateLookup<ReadOnlySpan<char>>();

    public string Intern(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return "";
        if (_bySpan.TryGetValue(text, out string? known))
            return known;
        if (_texts.Count >= Limit)
            _texts.Clear();
        string added = text.ToString();
        _texts.Add(added);
        return added;
    }
}
