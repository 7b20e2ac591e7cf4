using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Ipsets;

/// <summary>Reads the output of "ipset list": a block of "Name:", "Type:", "Header:"... for each set, and its entries behind "Members:".
/// </summary>
internal sealed class IpSetListReader(ReadContext context) : ISectionReader
{
    private string? _name;
    private SourceSpan _source;
    private IpSetBuilder? _set;
    private bool _inMembers;

    public static bool Begins(ReadOnlySpan<char> line) => line.StartsWith("Name: ");

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line;
        if (Begins(text))
        {
            End();
            (_name, _source) = (context.Pool.Get(text["Name: ".Length..].Trim()), line.Span);
            return true;
        }
        if (_name is null)
            return false;
        if (text.IsWhiteSpace())
            return true;
        if (_inMembers)
            return TakeEntry(text, line);
        if (text.StartsWith("Type: ") && IpSetBuilder.TryDimensions(text["Type: ".Length..].Trim(), out var dimensions))
            _set = new IpSetBuilder(_name, context.Pool.Get(text["Type: ".Length..].Trim()), dimensions, _source);
        else if (text.StartsWith("Header: ") && _set is not null)
            _set.TakeOptions(text["Header: ".Length..]);
        else if (text.Trim() is "Members:" && _set is not null)
            _inMembers = true;
        else if (!IsProperty(text))
            return false;
        return true;
    }

    public void End()
    {
        if (_set is not null)
        {
            if (!_inMembers)
            {
                _set.IsIncomplete = true;
                context.Problems.Partial(_source.Line, $"the listing of ipset {ProblemLog.Quote(_name)} ends before its members");
            }
            context.IpSets.Add(_set.Build());
        }
        (_name, _set, _inMembers) = (null, null, false);
    }

    private bool TakeEntry(ReadOnlySpan<char> text, LineCursor line)
    {
        // Another listing, or prose, ends the members.
        if (InputReader.BeginsOther(text) || text.Trim().Contains(' ') && !IsEntry(text))
            return false;
        var words = new WordReader(text);
        if (_set!.Entry(ref words, context.Pool) is { } entry && line is { HasLineEnd: true, IsCut: false })
        {
            _set.Entries.Add(entry);
            return true;
        }
        _set.IsIncomplete = true;
        context.Problems.Partial(line.Number,
            $"ipset {ProblemLog.Quote(_name)}: {ProblemLog.Quote(text)} was not understood or is cut off");
        return true;
    }

    // An entry may have options behind it: "10.0.0.1,tcp:80 timeout 30".
    private bool IsEntry(ReadOnlySpan<char> text)
    {
        var words = new WordReader(text);
        return _set!.Entry(ref words, context.Pool) is not null;
    }

    private static bool IsProperty(ReadOnlySpan<char> text) => text.StartsWith("Revision: ") || text.StartsWith("Size in memory: ")
        || text.StartsWith("References: ") || text.StartsWith("Number of entries: ");
}
