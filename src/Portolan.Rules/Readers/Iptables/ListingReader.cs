using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>
/// Reads "iptables -L" listings as people paste them: with and without -n, -v, --line-numbers, several tables one after the other, "......"
/// for omitted rules, and prose between the chains.
/// </summary>
internal sealed class ListingReader(ReadContext context) : ISectionReader
{
    private readonly ListingRowParser _rows = new(context.Cache);
    private TableBuilder? _table;
    private ChainBuilder? _chain;
    private IptablesHint _hint;
    private bool _sawUserChain;
    private bool _isVerbose;
    private bool _hasGaps;
    private bool _inRows;
    private bool _isFamilyKnown;

    public static bool Begins(ReadOnlySpan<char> line) =>
        line.StartsWith("Chain ") && line.TrimEnd() is [.., ')'] && line.Contains('(');

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line;
        if (Begins(text))
        {
            BeginChain(text, line);
            return true;
        }
        if (_chain is null)
            return false;
        ReadOnlySpan<char> trimmed = text.Trim();
        if (trimmed.IsEmpty)
        {
            _inRows = false;
        }
        else if (IsEllipsis(trimmed))
        {
            TakeGap();
        }
        else if (ListingColumns.Read(trimmed) is { } columns)
        {
            _rows.Columns = columns;
            _isVerbose |= columns.HasInterfaces;
            _inRows = true;
        }
        else if (trimmed is ['#', ..] || trimmed.StartsWith("```"))
        {
            // A remark by the person who pasted the listing, or the prompt of the next command.
            if (IptablesHint.Read(text) is { } hint)
                context.Hint = hint;
        }
        else
        {
            return TakeRow(line);
        }
        return true;
    }

    public void End()
    {
        if (_table is null)
            return;
        TableBuilder table = _table;
        (_table, _chain) = (null, null);
        context.Hint = context.Hint == _hint ? default : context.Hint;
        table.Format = _isVerbose ? RuleFormat.IptablesListingVerbose : RuleFormat.IptablesListing;
        if (_hint.Table is { } name)
        {
            table.Name = name;
        }
        else
        {
            table.Name = TableGuess.NameOf(table);
            context.Problems.Note(table.Source.Line,
                $"the listing does not say which table it shows; assumed to be {table.Name} by its chains and targets");
        }
        FinishChains(table);
        table.Finish(context.Problems);
        context.Tables.Add(table);
    }

    private void FinishChains(TableBuilder table)
    {
        List<string> missing = [];
        foreach (string builtIn in Names.BuiltIn(table.Name))
        {
            // nat INPUT came with Linux 2.6.36.
            if (table.Find(builtIn) is not { IsDeclared: true } && (table.Name, builtIn) is not ("nat", "INPUT"))
                missing.Add(builtIn);
        }
        table.IsExcerpt = _hasGaps || missing.Count > 0;
        if (missing.Count > 0)
            context.Problems.Note(table.Source.Line,
                $"the listing of table {table.Name} is an excerpt: it has no chain {string.Join(", ", missing)}");
        foreach (ChainBuilder chain in table.Chains)
        {
            if (chain.Policy is { } policy)
                chain.Base = Names.BaseOf(table.Name, chain.Name, policy);
        }
    }

    /// <summary>"Chain INPUT (policy ACCEPT 0 packets, 0 bytes)" or "Chain KUBE-SERVICES (2 references)".</summary>
    private void BeginChain(ReadOnlySpan<char> text, LineCursor line)
    {
        var words = new WordReader(text);
        words.TryRead(out _);
        words.TryRead(out ReadOnlySpan<char> name);
        bool isBuiltIn = Names.HookOf(name) is not null && text.Contains("(policy ", StringComparison.Ordinal);
        // Built-in chains come first in a listing: one after a user-defined chain, or any chain for the second time, is a new listing.
        if (_table is not null && ((isBuiltIn && _sawUserChain) || _table.Find(name) is { IsDeclared: true } || context.Hint != _hint))
            End();
        if (_table is null)
        {
            _hint = context.Hint;
            _isFamilyKnown = _hint.Family is TableFamily.Ip6 || _hint.Backend != RuleBackend.IptablesUnknown;
            (_sawUserChain, _isVerbose, _hasGaps) = (false, false, false);
            _table = new TableBuilder(_hint.Family ?? TableFamily.Ip, string.Empty, _hint.Backend, RuleFormat.IptablesListing, line.Span);
        }
        _sawUserChain |= !isBuiltIn;
        _chain = _table.Reference(name, context.Pool, line.Number);
        _table.Declare(_chain, line.Span);
        _inRows = true;
        words.TryRead(out ReadOnlySpan<char> what);
        if (what is "(policy" && words.TryRead(out ReadOnlySpan<char> policy))
        {
            _chain.Policy = policy.StartsWith("DROP") ? VerdictKind.Drop : VerdictKind.Accept;
            if (words.TryRead(out ReadOnlySpan<char> packets) && Scalar.TryCount(packets, out ulong packetCount)
                && words.TryRead(out _) && words.TryRead(out ReadOnlySpan<char> bytes) && Scalar.TryCount(bytes, out ulong byteCount))
                _chain.PolicyCounters = new(packetCount, byteCount);
        }
        else if (what is ['(', ..] && Scalar.TryNumber(what[1..], out ulong references) && references <= int.MaxValue)
        {
            _chain.DeclaredReferences = (int)references;
        }
    }

    private void TakeGap()
    {
        _hasGaps = true;
        if (_inRows)
            _chain!.MarkGap();
    }

    private bool TakeRow(LineCursor line)
    {
        Rule? rule = _rows.Parse(line.Line, _table!, line.Span, out string? trouble);
        if (rule is null)
        {
            if (!_inRows || InputReader.BeginsOther(line.Line))
            {
                // After the empty line that ends a chain anything may follow: another command, or the article's own text.
                End();
                return false;
            }
            context.Problems.Partial(line.Number,
                $"{ProblemLog.Quote(line.Line)} is not a row of an iptables listing; what it says about chain " +
                $"{ProblemLog.Quote(_chain!.Name)} is unknown"
                + (line.Line.Contains("anywhere", StringComparison.Ordinal)
                    ? " (the listing shows names instead of numbers: make it with -n)" : string.Empty));
            TakeGap();
            return true;
        }
        if (trouble is not null)
            context.Problems.Partial(line.Number, $"in a rule of chain {ProblemLog.Quote(_chain!.Name)}: {trouble}; it is kept as unknown");
        _chain!.Rules.Add(rule);
        if (!_isFamilyKnown)
        {
            _isFamilyKnown = true;
            _table!.Family = _rows.SawIPv6 ? TableFamily.Ip6 : TableFamily.Ip;
        }
        return true;
    }

    private static bool IsEllipsis(ReadOnlySpan<char> line) =>
        line.Trim("[]() ") is { Length: > 0 } dots && !dots.ContainsAnyExcept('.', '\u2026') && (dots.Length > 1 || dots[0] == '\u2026');
}

/// <summary>The columns of a listing, by its header line.</summary>
/// <param name="HasNumber">--line-numbers.</param>
/// <param name="HasCounters">-v: pkts and bytes.</param>
/// <param name="HasInterfaces">-v: in and out.</param>
internal readonly record struct ListingColumns(bool HasNumber, bool HasCounters, bool HasInterfaces)
{
    public static ListingColumns? Read(ReadOnlySpan<char> line)
    {
        var words = new WordReader(line);
        bool number = false, counters = false, interfaces = false, target = false, prot = false, destination = false;
        while (words.TryRead(out ReadOnlySpan<char> word))
        {
            switch (word)
            {
                case "num": number = true; break;
                case "pkts": counters = true; break;
                case "bytes" or "opt" or "source" or "out": break;
                case "target": target = true; break;
                case "prot": prot = true; break;
                case "in": interfaces = true; break;
                case "destination": destination = true; break;
                default: return null;
            }
        }
        return target && prot && destination ? new(number, counters, interfaces) : null;
    }
}
