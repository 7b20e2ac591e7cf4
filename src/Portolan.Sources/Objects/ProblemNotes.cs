using System.Collections.Immutable;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>
/// Problems of one object while it is read: its name may come after the field at fault. Reused from object to object; the first few
/// problems are kept in full and the rest counted, so that a slice with 5,000 bad endpoints makes a short message.
/// </summary>
internal sealed class ProblemNotes
{
    private const int Limit = 10;

    private readonly List<(string Field, string Message)> _notes = [];
    private int _more;

    public bool HasRoom => _notes.Count < Limit;

    /// <summary>Notes a problem; the same one twice in a row (a value read in two ways) counts once.</summary>
    public void Add(string field, string message)
    {
        if (_notes.Count == 0 || _notes[^1] != (field, message))
            _notes.Add((field, message));
    }

    public void CountOne() => _more++;

    public void Clear()
    {
        _notes.Clear();
        _more = 0;
    }

    public ImmutableArray<Problem> For(string kind, string name)
    {
        if (_notes.Count == 0)
            return [];
        var problems = ImmutableArray.CreateBuilder<Problem>(_notes.Count + 1);
        foreach ((string field, string message) in _notes)
            problems.Add(new Problem(kind, name, field, message));
        if (_more > 0)
            problems.Add(new Problem(kind, name, "", $"{_more} more problems of this object"));
        return problems.ToImmutable();
    }
}
