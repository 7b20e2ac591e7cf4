using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads the output of iptables-save and ip6tables-save, and of "iptables -S", which has no table headers and COMMIT.</summary>
internal sealed class SaveReader(ReadContext context) : ISectionReader
{
    private readonly SaveRuleParser _rules = new(context.Cache);
    private TableBuilder? _table;
    private bool _isFramed;
    private bool _isFamilyKnown;
    private ChainBuilder? _lastChain;
    private SourceSpan _lastLine;
    private bool _lastLineIsCut;
    private readonly HashSet<string> _guessed = new(StringComparer.Ordinal);

    /// <summary>True for lines that begin a dump.</summary>
    public static bool Begins(ReadOnlySpan<char> line) =>
        (line is ['*', ..] && Names.IsTable(line[1..].TrimEnd()))
        || (line is ['-', 'A', ' ', not '-', ..] || line.StartsWith("-N ") || line.StartsWith("-P ") || IsCounted(line));

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line;
        if (text is ['*', ..] && Names.IsTable(text[1..].TrimEnd()))
        {
            End();
            BeginTable(text[1..].TrimEnd().ToString(), line, framed: true);
            return true;
        }
        if (_table is null)
        {
            if (!Begins(text))
                return false;
            BeginTable(context.Hint.Table ?? string.Empty, line, framed: false);
        }
        _lastLine = line.Span;
        _lastLineIsCut = !line.HasLineEnd;
        if (text is ['-', 'A', ' ', not '-', ..] || IsCounted(text))
            TakeRule(text, line);
        else if (text is [':', ..])
            TakeChain(text[1..], line);
        else if (text.Trim() is "COMMIT")
            EndTable(complete: true);
        else if (text.StartsWith("-N "))
            Declare(text[3..].Trim(), null, line);
        else if (text.StartsWith("-P "))
            TakePolicy(text[3..].Trim(), line);
        else
            return TakeOther(text, line);
        return true;
    }

    public void End()
    {
        if (_table is not null)
            EndTable(complete: !_isFramed);
    }

    private static bool IsCounted(ReadOnlySpan<char> line) => line is ['[', ..] && line.Contains("] -A ", StringComparison.Ordinal);

    private void BeginTable(string name, LineCursor line, bool framed)
    {
        IptablesHint hint = context.Hint;
        _isFamilyKnown = hint.Family is not null;
        _table = new TableBuilder(hint.Family ?? TableFamily.Ip, name, hint.Backend, RuleFormat.IptablesSave, line.Span);
        _isFramed = framed;
        _lastChain = null;
    }

    private bool TakeOther(ReadOnlySpan<char> text, LineCursor line)
    {
        if (text.IsWhiteSpace())
            return true;
        if (!_isFramed || InputReader.BeginsOther(text))
        {
            End();
            return false;
        }
        if (text is ['#', ..])
            return true;
        context.Problems.Partial(line.Number, $"{ProblemLog.Quote(text)} is not a line of iptables-save; it was left out");
        return true;
    }

    private void TakeChain(ReadOnlySpan<char> text, LineCursor line)
    {
        var words = new WordReader(text);
        if (!words.TryRead(out ReadOnlySpan<char> name))
        {
            context.Problems.Partial(line.Number, "a chain without a name was left out");
            return;
        }
        VerdictKind? policy = words.TryRead(out ReadOnlySpan<char> word) ? PolicyOf(word) : null;
        ChainBuilder chain = Declare(name, policy, line);
        if (words.TryRead(out ReadOnlySpan<char> counters) && TryCounters(counters, out Counters counted) && policy is not null)
            chain.PolicyCounters = counted;
    }

    private void TakePolicy(ReadOnlySpan<char> text, LineCursor line)
    {
        var words = new WordReader(text);
        if (words.TryRead(out ReadOnlySpan<char> name) && words.TryRead(out ReadOnlySpan<char> policy))
            Declare(name, PolicyOf(policy), line);
    }

    private ChainBuilder Declare(ReadOnlySpan<char> name, VerdictKind? policy, LineCursor line)
    {
        ChainBuilder chain = _table!.Reference(name, context.Pool, line.Number);
        if (chain.IsDeclared)
            context.Problems.Partial(line.Number,
                $"chain {ProblemLog.Quote(name)} of table {_table.Name} is declared twice; both are merged");
        _table.Declare(chain, line.Span);
        chain.Policy = policy;
        return chain;
    }

    private void TakeRule(ReadOnlySpan<char> text, LineCursor line)
    {
        var words = new WordReader(text);
        Counters? counters = null;
        if (text is ['[', ..])
        {
            words.TryRead(out ReadOnlySpan<char> counted);
            if (TryCounters(counted, out Counters read))
                counters = read;
        }
        words.TryRead(out _);
        if (!words.TryRead(out ReadOnlySpan<char> name))
        {
            context.Problems.Partial(line.Number, "a rule without a chain was left out");
            return;
        }
        if (_lastChain is null || !name.SequenceEqual(_lastChain.Name))
            _lastChain = _table!.Reference(name, context.Pool, line.Number);
        Rule rule = _rules.Parse(ref words, counters, _table!, line.Span, out string? trouble);
        if (trouble is not null)
            context.Problems.Partial(line.Number,
                $"in a rule of chain {ProblemLog.Quote(_lastChain.Name)}: {trouble}; it is kept as unknown");
        _lastChain.Rules.Add(rule);
        if (!_isFamilyKnown)
            GuessFamily(rule);
    }

    private void GuessFamily(Rule rule)
    {
        foreach (Statement statement in rule.Statements)
        {
            if (statement is not AddressMatch address)
                continue;
            _table!.Family = address.Prefix.Family == IpFamily.IPv6 ? TableFamily.Ip6 : TableFamily.Ip;
            _isFamilyKnown = true;
        }
    }

    private void EndTable(bool complete)
    {
        TableBuilder table = _table!;
        _table = null;
        if (!_isFramed && table.Name.Length == 0)
        {
            if (Part(table) is { } parts)
            {
                context.Problems.Note(table.Source.Line, "the input does not say which tables the rules belong to; assumed to be "
                    + $"{string.Join(" and ", parts.Select(part => part.Name))} by what each rule does");
                foreach (TableBuilder part in parts)
                    Finish(part);
                return;
            }
            table.Name = TableGuess.NameOf(table);
            ReportGuess(table);
        }
        if (!complete)
            MarkCut(table);
        Finish(table);
    }

    private void ReportGuess(TableBuilder table)
    {
        if (_guessed.Add(table.Name))
            context.Problems.Note(table.Source.Line, $"the input does not say which table the rules belong to; assumed to be {table.Name}");
    }

    /// <summary>
    /// Rules of filter and nat without their table headers, as grep prints them: a table for each. Null when one table can hold them all.
    /// </summary>
    private List<TableBuilder>? Part(TableBuilder mixed)
    {
        var parts = new Dictionary<string, TableBuilder>(StringComparer.Ordinal);
        var all = mixed.Named.SelectMany(chain => chain.Rules.Select(rule => (Chain: chain, Rule: rule,
            Table: TableGuess.NameOf(chain.Name, rule)))).ToList();
        if (mixed.Chains.Exists(chain => chain.Policy is not null) || !all.Exists(item => item.Table == "filter")
            || !all.Exists(item => item.Table == "nat"))
            return null;
        foreach (IGrouping<ChainBuilder, (ChainBuilder Chain, Rule Rule, string? Table)> group in all.GroupBy(item => item.Chain))
        {
            ChainBuilder chain = group.Key;
            string usual = group.Select(item => item.Table).FirstOrDefault(known => known is not null) ?? "nat";
            foreach ((_, Rule rule, string? known) in group)
            {
                string name = known ?? usual;
                if (!parts.TryGetValue(name, out TableBuilder? part))
                {
                    parts[name] = part = new TableBuilder(mixed.Family, name, mixed.Backend, mixed.Format, rule.Source)
                    {
                        IsExcerpt = true,
                    };
                }
                ChainBuilder copy = part.Reference(chain.Name, context.Pool, rule.Source.Line);
                copy.Rules.Add(rule);
            }
        }
        return [.. parts.Values];
    }

    private void Finish(TableBuilder table)
    {
        if (table.Name.Length > 0 && !HasAllBuiltIn(table))
            table.IsExcerpt = true;
        table.Finish(context.Problems);
        foreach (ChainBuilder chain in table.Chains)
            chain.Base = Names.BaseOf(table.Name, chain.Name, chain.Policy ?? VerdictKind.Accept);
        context.Tables.Add(table);
    }

    /// <summary>A base chain that "iptables-save -t" always writes is missing only in an excerpt.</summary>
    private static bool HasAllBuiltIn(TableBuilder table)
    {
        foreach (string name in Names.BuiltIn(table.Name))
        {
            // nat INPUT came with Linux 2.6.36.
            if (table.Find(name) is not { IsDeclared: true } && (table.Name, name) is not ("nat", "INPUT"))
                return false;
        }
        return true;
    }

    private void MarkCut(TableBuilder table)
    {
        table.IsExcerpt = true;
        int rules = table.Chains.Sum(chain => chain.Rules.Count);
        context.Problems.Partial(_lastLine.Line, $"table {table.Name} ends without COMMIT; the {rules} rules before the end are used");
        if (_lastChain is not null && _lastLineIsCut && _lastChain.Rules is [.., { } last] && last.Source.Line == _lastLine.Line)
            _lastChain.Rules[^1] = last.With(RuleGaps.Tail);
        // Rules are in the order of the declarations: rules of chains after the last one with rules were cut off.
        int from = _lastChain is null ? 0 : table.Chains.IndexOf(_lastChain);
        for (int i = Math.Max(from, 0); i < table.Chains.Count; i++)
            table.Chains[i].MarkGap();
    }

    private static VerdictKind? PolicyOf(ReadOnlySpan<char> word) => word switch
    {
        "ACCEPT" => VerdictKind.Accept,
        "DROP" => VerdictKind.Drop,
        _ => null,
    };

    private static bool TryCounters(ReadOnlySpan<char> text, out Counters counters)
    {
        counters = default;
        if (text is not ['[', .., ']'] || text.IndexOf(':') is not (> 0 and var colon)
            || !Scalar.TryNumber(text[1..colon], out ulong packets) || !Scalar.TryNumber(text[(colon + 1)..^1], out ulong bytes))
            return false;
        counters = new(packets, bytes);
        return true;
    }
}
