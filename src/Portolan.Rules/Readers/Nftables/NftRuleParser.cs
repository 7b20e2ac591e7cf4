using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads a rule as "nft list ruleset" prints it.</summary>
internal sealed class NftRuleParser(NftExpressionParser expressions)
{
    private readonly List<Statement> _statements = [];
    private string? _comment;
    private Counters? _counters;

    /// <summary>
    /// Reads the rule. Everything from the first unknown words on becomes one unmodelled statement, and
    /// <paramref name="trouble"/> says what it was.
    /// </summary>
    public Rule Parse(ReadOnlySpan<char> text, ulong handle, SourceSpan source, out string? trouble)
    {
        _statements.Clear();
        (_comment, _counters) = (null, null);
        trouble = null;
        var lexer = new NftLexer(text);
        while (!lexer.AtEnd)
        {
            NftLexer ahead = lexer;
            int before = _statements.Count;
            if (TryReadStatement(ref ahead))
            {
                lexer = ahead;
                continue;
            }
            _statements.RemoveRange(before, _statements.Count - before);
            lexer.TryRead(out ReadOnlySpan<char> name);
            int start = lexer.WordStart;
            lexer.SkipToEnd();
            string rest = WithoutComment(lexer.Since(start));
            _statements.Add(new UnmodelledStatement(name.ToString(), rest));
            trouble = $"{ProblemLog.Quote(rest)} was not understood";
        }
        return new Rule { Statements = [.. _statements], Comment = _comment, Counters = _counters, Handle = handle, Source = source };
    }

    /// <summary>Reads one statement from a text, for the JSON form, which falls back to text for statements it cannot express.</summary>
    public Statement? ParseOne(ReadOnlySpan<char> text)
    {
        _statements.Clear();
        var lexer = new NftLexer(text);
        return TryReadStatement(ref lexer) && lexer.AtEnd && _statements.Count == 1 ? _statements[0] : null;
    }

    // The comment is the last thing in a rule, so it is recognised even after unknown words.
    private string WithoutComment(ReadOnlySpan<char> text)
    {
        int at = text.LastIndexOf(" comment \"");
        // The closing quote is another one than the opening.
        if (at < 0 || text.Length < at + 11 || text[^1] != '"')
            return text.ToString();
        _comment = expressions.Pool.Get(text[(at + 10)..^1]);
        return text[..at].ToString();
    }

    private bool TryReadStatement(ref NftLexer lexer)
    {
        if (expressions.Verdict(ref lexer) is { } verdict)
            return Add(new VerdictStatement(verdict));
        NftLexer start = lexer;
        if (!lexer.TryRead(out ReadOnlySpan<char> word) || lexer.WasQuoted)
            return false;
        switch (word)
        {
            case "comment":
                lexer.TryRead(out word);
                _comment = expressions.Pool.Get(word);
                return true;
            case "counter": return TryReadCounter(ref lexer);
            case "limit": return TryReadLimit(ref lexer);
            case "log": return TryReadLog(ref lexer);
            case "reject": return TryReadReject(ref lexer);
            case "notrack": return Add(new NotrackStatement());
            case "dnat": return NatReader(NatKind.Destination).TryRead(ref lexer, _statements);
            case "snat": return NatReader(NatKind.Source).TryRead(ref lexer, _statements);
            case "masquerade": return NatReader(NatKind.Masquerade).TryRead(ref lexer, _statements);
            case "redirect": return NatReader(NatKind.Redirect).TryRead(ref lexer, _statements);
            case "queue":
                lexer.SkipToEnd();
                return Add(new VerdictStatement(new Verdict(VerdictKind.Queue)));
            case "add" or "update" or "delete" when lexer.Peek() is ['@', ..]: return TryReadSetUpdate(ref lexer, word);
            case "tcp" when lexer.Peek() is "option":
                return TryReadOptionChange(ref lexer);
            case "exthdr":
                int from = lexer.WordStart;
                return lexer.TryRead(out _) && lexer.TryRead(out ReadOnlySpan<char> presence) && presence is "exists" or "missing"
                    or "0" or "1"
                    && Add(new UnmodelledStatement("exthdr", lexer.Since(from).ToString()));
            case "xt":
                // nft shows only the names of iptables extensions.
                return lexer.TryRead(out ReadOnlySpan<char> kind) && kind is "match" or "target"
                    && lexer.TryRead(out ReadOnlySpan<char> name)
                    && Add(new UnmodelledStatement(name.ToString(), $"xt {kind} {name}",
                        kind is "target" && Iptables.Names.PassesOn(name)));
        }
        lexer = start;
        return TryReadExpressionStatement(ref lexer);
    }

    // "tcp option maxseg size set rt mtu": MSS clamping, as routers do. It has no effect on the verdict.
    private bool TryReadOptionChange(ref NftLexer lexer)
    {
        int start = lexer.WordStart;
        lexer.SkipToEnd();
        string text = WithoutComment(lexer.Since(start));
        return text.Contains(" set ", StringComparison.Ordinal) && Add(new UnmodelledStatement("tcp option", text, PassesOn: true));
    }

    private NftNatParser NatReader(NatKind kind) => new(kind, expressions);

    private bool Add(Statement statement)
    {
        _statements.Add(statement);
        return true;
    }

    /// <summary>A statement that begins with a value: a match, an assignment or a verdict map lookup.</summary>
    private bool TryReadExpressionStatement(ref NftLexer lexer)
    {
        if (expressions.Value(ref lexer, default) is not { } left || left is NumberValue or AddressValue or NameValue
            or UnmodelledExpression)
            return false;
        EquatableArray<DataType> types = expressions.Scope.TypesOf(left);
        if (lexer.TrySkip("vmap"))
            return expressions.SetOperand(ref lexer, types, isMap: true, default) is { } map && Add(new VerdictMapStatement(left, map));
        if (lexer.TrySkip("set"))
        {
            if (left is not SelectorExpression target || expressions.Value(ref lexer, types) is not { } value)
                return false;
            return Add(target.Field == PacketField.MetaTrace && value is NumberValue(1)
                ? new TraceStatement() : new AssignStatement(target, value));
        }
        return TryReadRelation(ref lexer, left, types);
    }

    private bool TryReadRelation(ref NftLexer lexer, Expression left, EquatableArray<DataType> types)
    {
        RelationalOperator? written = Operator(lexer.Peek());
        if (written is not null)
            lexer.TryRead(out _);
        bool isBits = types.Length == 1 && NftTypes.IsBits(types[0]);
        if (lexer.Peek() is "{" or ['@', ..])
        {
            return written is null or RelationalOperator.Equal or RelationalOperator.NotEqual
                && expressions.SetOperand(ref lexer, types, isMap: false, default) is { } set
                && Add(new RelationalMatch(left, written ?? RelationalOperator.Equal, set));
        }
        if (left is FibExpression { Result: FibResult.Present })
            types = [DataType.Boolean];
        NftLexer beforeValue = lexer;
        if (types is [DataType.Mark] && lexer.TryRead(out ReadOnlySpan<char> word)
            && NftExpressionParser.TryReadLeadingBits(word, out ulong number, out uint length))
            return Add(NftExpressionParser.LeadingBits(left, written ?? RelationalOperator.Equal, number, length));
        lexer = beforeValue;
        if (expressions.Value(ref lexer, types) is not { } right)
            return false;
        if (left is FibExpression { Result: FibResult.OutInterfaceIndex } route && right is NumberValue(0))
            left = route with { Result = FibResult.Present };
        // "syn,ack": all bits combined.
        while (isBits && lexer.TrySkip(","))
        {
            if (expressions.Value(ref lexer, types) is not NumberValue more)
                return false;
            right = NftExpressionParser.Fold(BitwiseOperator.Or, right, more);
        }
        // "tcp flags syn / syn,ack": the bits after the slash are the mask.
        if (isBits && lexer.TrySkip("/"))
        {
            Expression? mask = null;
            do
            {
                if (expressions.Value(ref lexer, types) is not NumberValue bit)
                    return false;
                mask = mask is null ? bit : NftExpressionParser.Fold(BitwiseOperator.Or, mask, bit);
            }
            while (lexer.TrySkip(","));
            left = new BitwiseExpression(BitwiseOperator.And, left, mask);
            written ??= RelationalOperator.Equal;
        }
        RelationalOperator unwritten = isBits && left is SelectorExpression ? RelationalOperator.AnyBit : RelationalOperator.Equal;
        return Add(new RelationalMatch(left, written ?? unwritten, right));
    }

    public static RelationalOperator? Operator(ReadOnlySpan<char> word) => word switch
    {
        "==" or "eq" => RelationalOperator.Equal,
        "!=" or "ne" => RelationalOperator.NotEqual,
        "<" or "lt" => RelationalOperator.Less,
        "<=" or "le" => RelationalOperator.LessOrEqual,
        ">" or "gt" => RelationalOperator.Greater,
        ">=" or "ge" => RelationalOperator.GreaterOrEqual,
        "!" => RelationalOperator.NoBit,
        _ => null,
    };

    private bool TryReadCounter(ref NftLexer lexer)
    {
        if (lexer.TrySkip("name"))
            return lexer.TryRead(out ReadOnlySpan<char> name) && Add(new NamedCounterStatement(expressions.Pool.Get(name)));
        if (lexer.TrySkip("packets") && lexer.TryRead(out ReadOnlySpan<char> packets) && Scalar.TryNumber(packets, out ulong packetCount)
            && lexer.TrySkip("bytes") && lexer.TryRead(out ReadOnlySpan<char> bytes) && Scalar.TryNumber(bytes, out ulong byteCount))
            _counters = new(packetCount, byteCount);
        return true;
    }

    private bool TryReadLimit(ref NftLexer lexer)
    {
        if (lexer.TrySkip("name"))
            return lexer.TryRead(out ReadOnlySpan<char> name)
                && Add(new LimitMatch(0, TimeSpan.FromSeconds(1), 0, Name: expressions.Pool.Get(name)));
        return ReadLimit(ref lexer) is { } limit && Add(limit);
    }

    /// <summary>"rate over 1 mbytes/hour burst 20 packets"; "limit" is read already.</summary>
    private static LimitMatch? ReadLimit(ref NftLexer lexer)
    {
        if (!lexer.TrySkip("rate"))
            return null;
        bool over = lexer.TrySkip("over");
        if (!lexer.TryRead(out ReadOnlySpan<char> text))
            return null;
        ulong unit = 0;
        int slash = text.IndexOf('/');
        ReadOnlySpan<char> number = slash < 0 ? text : text[..slash];
        ReadOnlySpan<char> per = slash < 0 ? default : text[(slash + 1)..];
        if (slash < 0)
        {
            if (!lexer.TryRead(out text) || text.IndexOf('/') is not (> 0 and var stroke))
                return null;
            unit = ByteUnit(text[..stroke]);
            per = text[(stroke + 1)..];
            if (unit == 0)
                return null;
        }
        if (!Scalar.TryNumber(number, out ulong rate) || PerUnit(per) is not { } time)
            return null;
        // The defaults of nft: five packets, or no bytes at all.
        uint burst = unit == 0 ? 5u : 0u;
        if (lexer.TrySkip("burst"))
        {
            if (!NftExpressionParser.TryReadNumber(ref lexer, out burst) || !lexer.TryRead(out ReadOnlySpan<char> burstUnit))
                return null;
            burst *= (uint)Math.Max(ByteUnit(burstUnit), 1);
        }
        return new(rate * Math.Max(unit, 1), time, burst, over, unit > 0);
    }

    public static ulong ByteUnit(ReadOnlySpan<char> word) => word switch
    {
        "bytes" => 1,
        "kbytes" => 1024,
        "mbytes" => 1024 * 1024,
        _ => 0,
    };

    public static TimeSpan? PerUnit(ReadOnlySpan<char> word) => word switch
    {
        "second" => TimeSpan.FromSeconds(1),
        "minute" => TimeSpan.FromMinutes(1),
        "hour" => TimeSpan.FromHours(1),
        "day" => TimeSpan.FromDays(1),
        "week" => TimeSpan.FromDays(7),
        _ => null,
    };

    private bool TryReadLog(ref NftLexer lexer)
    {
        string prefix = string.Empty;
        ushort? group = null;
        while (true)
        {
            switch (lexer.Peek())
            {
                case "prefix":
                    lexer.TryRead(out _);
                    lexer.TryRead(out ReadOnlySpan<char> text);
                    prefix = text.ToString();
                    continue;
                case "group":
                    lexer.TryRead(out _);
                    if (!NftExpressionParser.TryReadNumber(ref lexer, out uint number))
                        return false;
                    group = (ushort)number;
                    continue;
                case "level" or "snaplen" or "queue-threshold":
                    lexer.TryRead(out _);
                    lexer.TryRead(out _);
                    continue;
                case "flags":
                    lexer.TryRead(out _);
                    while (lexer.Peek() is "tcp" or "ip" or "sequence" or "options" or "skuid" or "ether" or "all" or ",")
                        lexer.TryRead(out _);
                    continue;
                default:
                    return Add(new LogStatement(prefix, group));
            }
        }
    }

    private bool TryReadReject(ref NftLexer lexer)
    {
        if (!lexer.TrySkip("with"))
            return Add(new RejectStatement(RejectWith.PortUnreachable));
        if (!lexer.TryRead(out ReadOnlySpan<char> type))
            return false;
        // Older versions write "icmp type host-prohibited".
        lexer.TrySkip("type");
        if (!lexer.TryRead(out ReadOnlySpan<char> code) || NftSymbols.Reject(type, code) is not { } with)
            return false;
        if (NftImplied.OfReject(type, expressions.Scope.Family) is { } implied)
            Add(implied);
        return Add(new RejectStatement(with));
    }

    private bool TryReadSetUpdate(ref NftLexer lexer, scoped ReadOnlySpan<char> word)
    {
        SetOperation operation = word is "add" ? SetOperation.Add : word is "update" ? SetOperation.Update : SetOperation.Delete;
        lexer.TryRead(out ReadOnlySpan<char> reference);
        string name = expressions.Pool.Get(reference[1..]);
        NamedSet? set = expressions.Scope.Find(name);
        if (!lexer.TrySkip("{") || expressions.Value(ref lexer, set?.KeyTypes ?? default) is not { } key)
            return false;
        TimeSpan? timeout = null;
        Expression? data = null;
        var statements = new List<Statement>();
        while (!lexer.TrySkip("}"))
        {
            if (!lexer.TryRead(out ReadOnlySpan<char> part))
                return false;
            switch (part)
            {
                case "timeout" when NftExpressionParser.TryReadTime(ref lexer, out TimeSpan time):
                    timeout = time;
                    break;
                case "limit" when ReadLimit(ref lexer) is { } limit:
                    statements.Add(limit);
                    break;
                case "counter":
                    if (lexer.TrySkip("packets"))
                    {
                        lexer.TryRead(out _);
                        lexer.TrySkip("bytes");
                        lexer.TryRead(out _);
                    }
                    break;
                case ":":
                    data = expressions.Value(ref lexer, set?.DataTypes ?? default);
                    if (data is null)
                        return false;
                    break;
                default:
                    return false;
            }
        }
        return Add(new SetUpdateStatement(operation, name, key, data, timeout, [.. statements]));
    }
}
