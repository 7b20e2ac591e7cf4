using System.Text;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads the output of "nft list ruleset" (or "list table"), with or without -a, -n and -s.</summary>
internal sealed class NftTextReader(ReadContext context) : ISectionReader
{
    private TableBuilder? _table;
    private NftScope _scope = new(TableFamily.Ip);
    private NftExpressionParser _expressions = new(new(TableFamily.Ip), context.Pool);
    private NftRuleParser _rules = new(new(new(TableFamily.Ip), context.Pool));
    private ChainBuilder? _chain;
    private NftSetBuilder? _set;
    private StringBuilder? _elements;
    private int _elementDepth;
    private int _skipDepth;

    public static bool Begins(ReadOnlySpan<char> line)
    {
        if (!line.StartsWith("table "))
            return false;
        var lexer = new NftLexer(line);
        lexer.TryRead(out _);
        return lexer.TryRead(out ReadOnlySpan<char> family) && NftTypes.Family(family) is not null && lexer.TryRead(out _)
            && lexer.TrySkip("{");
    }

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line.Trim();
        if (_table is null)
        {
            if (!Begins(line.Line))
                return false;
            BeginTable(text, line);
            return true;
        }
        if (text.IsEmpty || text is ['#', ..])
            return true;
        if (Begins(line.Line))
        {
            End();
            BeginTable(text, line);
            return true;
        }
        if (_skipDepth > 0)
            _skipDepth += Depth(text);
        else if (_elements is not null)
            TakeElements(text, line);
        else if (_set is not null)
            TakeSetLine(text, line);
        else if (_chain is not null)
            TakeChainLine(text, line);
        else
            return TakeTableLine(text, line);
        return true;
    }

    public void End()
    {
        if (_table is null)
            return;
        _table.IsExcerpt = true;
        context.Problems.Partial(
            _table.Source.Line, $"table {ProblemLog.Quote(_table.Name)} is not closed: the input is cut off; what comes before is used");
        if (_set is not null)
        {
            _set.IsIncomplete = true;
            if (_elements is not null)
                EndElements();
            EndSet();
        }
        _chain?.MarkGap();
        EndTable();
    }

    private void BeginTable(ReadOnlySpan<char> text, LineCursor line)
    {
        var lexer = new NftLexer(text);
        lexer.TryRead(out _);
        lexer.TryRead(out ReadOnlySpan<char> family);
        TableFamily known = NftTypes.Family(family) ?? TableFamily.Ip;
        lexer.TryRead(out ReadOnlySpan<char> name);
        _table = new TableBuilder(known, context.Pool.Get(name), RuleBackend.Nftables, RuleFormat.NftText, line.Span);
        _scope = new(known);
        _expressions = new(_scope, context.Pool);
        _rules = new(_expressions);
        (_chain, _set, _elements, _skipDepth) = (null, null, null, 0);
    }

    private bool TakeTableLine(ReadOnlySpan<char> text, LineCursor line)
    {
        var lexer = new NftLexer(text);
        lexer.TryRead(out ReadOnlySpan<char> word);
        switch (word)
        {
            case "}":
                EndTable();
                break;
            case "comment":
                lexer.TryRead(out ReadOnlySpan<char> comment);
                _table!.Comment = context.Pool.Get(comment);
                break;
            case "flags":
                _table!.IsDormant = text.Contains("dormant", StringComparison.Ordinal);
                break;
            case "set" or "map":
                lexer.TryRead(out ReadOnlySpan<char> setName);
                _set = new NftSetBuilder(context.Pool.Get(setName), word is "map", line.Span);
                break;
            case "chain":
                lexer.TryRead(out ReadOnlySpan<char> chainName);
                _chain = _table!.Reference(chainName, context.Pool, line.Number);
                if (_chain.IsDeclared && _chain.Source.Line > 0)
                    context.Problems.Partial(line.Number,
                        $"chain {ProblemLog.Quote(chainName)} is declared twice in table {_table.Name}; both are merged");
                _table.Declare(_chain, line.Span);
                break;
            case "counter" or "quota" or "limit" or "ct" or "secmark" or "synproxy" or "flowtable":
                _skipDepth = Depth(text);
                break;
            default:
                if (InputReader.BeginsOther(line.Line))
                {
                    End();
                    return false;
                }
                context.Problems.Partial(line.Number,
                    $"{ProblemLog.Quote(text)} is not part of an nft table; it was left out");
                _skipDepth = Math.Max(0, Depth(text));
                break;
        }
        return true;
    }

    private static int Depth(ReadOnlySpan<char> text)
    {
        int depth = 0;
        bool quoted = false;
        foreach (char c in text)
        {
            if (c == '"')
                quoted = !quoted;
            else if (!quoted)
                depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        }
        return depth;
    }

    private void TakeSetLine(ReadOnlySpan<char> text, LineCursor line)
    {
        if (text is "}")
        {
            EndSet();
            return;
        }
        if (text.StartsWith("elements") && text.IndexOf('{') is > 0 and var open)
        {
            _elements = new StringBuilder();
            _elementDepth = 1;
            TakeElements(text[(open + 1)..], line);
            return;
        }
        if (!_set!.TakeProperty(text, _expressions))
            context.Problems.Partial(line.Number, $"in set {ProblemLog.Quote(_set.Name)}: {ProblemLog.Quote(text)} was not understood");
    }

    private void TakeElements(ReadOnlySpan<char> text, LineCursor line)
    {
        if (InputReader.BeginsOther(line.Line))
        {
            // The closing brace is missing.
            _set!.IsIncomplete = true;
            EndElements();
            return;
        }
        if (line.IsCut)
        {
            _set!.IsIncomplete = true;
            EndElements();
            return;
        }
        _elements!.Append(text).Append('\n');
        _elementDepth += Depth(text);
        if (_elementDepth <= 0)
            EndElements();
    }

    private void EndElements()
    {
        string text = _elements!.ToString();
        _elements = null;
        if (!_set!.TakeElements(text, _expressions))
        {
            context.Problems.Partial(_set.Source.Line,
                $"set {ProblemLog.Quote(_set.Name)}: only the first {_set.Elements.Count} elements were understood");
            _set.IsIncomplete = true;
        }
    }

    private void EndSet()
    {
        NamedSet set = _set!.Build();
        _set = null;
        _table!.Sets.Add(set);
        _scope.Add(set);
    }

    private void TakeChainLine(ReadOnlySpan<char> text, LineCursor line)
    {
        if (text is "}")
        {
            _chain = null;
            return;
        }
        if (text.StartsWith("type ") && NftChainHeader.Read(text, _table!.Family) is { } header)
        {
            _chain!.Base = header;
            return;
        }
        if (text.Length > 9 && text.StartsWith("comment \"") && text[^1] == '"' && text[9..^1].IndexOf('"') < 0)
        {
            _chain!.Comment = context.Pool.Get(text[9..^1]);
            return;
        }
        ulong handle = CutHandle(ref text);
        Rule rule = _rules.Parse(text, handle, line.Span, out string? trouble);
        if (!line.HasLineEnd)
            rule = rule.With(RuleGaps.Tail);
        if (trouble is not null)
            context.Problems.Partial(line.Number, $"in a rule of chain {ProblemLog.Quote(_chain!.Name)}: {trouble}; it is kept as unknown");
        foreach (Statement statement in rule.Statements)
        {
            if (statement is VerdictStatement { Verdict.Chain: { } target })
                _table!.Reference(target, context.Pool, line.Number);
        }
        _chain!.Rules.Add(rule);
    }

    /// <summary>Cuts off "# handle 5", which -a adds.</summary>
    private static ulong CutHandle(ref ReadOnlySpan<char> text)
    {
        int at = text.LastIndexOf(" # handle ");
        if (at < 0 || !Scalar.TryNumber(text[(at + 10)..], out ulong handle))
            return 0;
        text = text[..at];
        return handle;
    }

    private void EndTable()
    {
        TableBuilder table = _table!;
        (_table, _chain) = (null, null);
        // The kernel has no rule without its target chain: "nft list chain" shows one chain of several.
        if (table.Named.Any(chain => !chain.IsDeclared))
            table.IsExcerpt = true;
        IptablesNft.Recognise(table, context.Problems);
        table.Finish(context.Problems);
        context.Tables.Add(table);
    }
}
