using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads the expressions of nft's text. Each method returns null when the text is not understood.</summary>
internal sealed class NftExpressionParser(NftScope scope, TextPool pool)
{
    // Deeper than any rule the kernel accepts; keeps hostile text from exhausting the stack.
    private const int MaxDepth = 24;

    // The kernel accepts 128 expressions per rule (NFT_RULE_MAXEXPRS, net/netfilter/nf_tables_api.c): no rule has more operators.
    public const int MostOperators = 128;
    private int _depth;

    public NftScope Scope => scope;

    public TextPool Pool => pool;

    /// <summary>
    /// A value of the packet or a constant: selectors, joined by "." and bit operators, looked up in maps. <paramref name="types"/> are the
    /// types its constants have, one for each part.
    /// </summary>
    public Expression? Value(ref NftLexer lexer, EquatableArray<DataType> types)
    {
        if (_depth >= MaxDepth)
            return null;
        _depth++;
        Expression? value = ConcatOrMap(ref lexer, types);
        _depth--;
        return value;
    }

    private Expression? ConcatOrMap(ref NftLexer lexer, EquatableArray<DataType> types)
    {
        var parts = new List<Expression>();
        do
        {
            DataType type = parts.Count < types.Length ? types[parts.Count] : types.Length == 0 ? DataType.Unknown : types[^1];
            if (parts.Count == MostOperators || Bits(ref lexer, type) is not { } part)
                return null;
            parts.Add(part);
            for (int maps = 0; lexer.TrySkip("map"); maps++)
            {
                if (maps == MostOperators || MapOperand(ref lexer, parts) is not { } map)
                    return null;
                // A map inside a concatenation: nft writes no parentheses, but the map knows how many values its key has.
                int keyLength = scope.KeyLengthOf(map);
                if (keyLength < 1 || keyLength > parts.Count)
                    keyLength = parts.Count;
                Expression key = Join(parts[^keyLength..]);
                parts.RemoveRange(parts.Count - keyLength, keyLength);
                parts.Add(new MapExpression(key, map));
            }
        }
        while (lexer.TrySkip("."));
        return Join(parts);
    }

    private static Expression Join(List<Expression> parts) => parts.Count == 1 ? parts[0] : new ConcatExpression([.. parts]);

    private Expression? MapOperand(ref NftLexer lexer, List<Expression> key) =>
        SetOperand(ref lexer, scope.TypesOf(Join(key)), isMap: true, default);

    /// <summary>"@name" or "{ elements }".</summary>
    public Expression? SetOperand(ref NftLexer lexer, EquatableArray<DataType> keyTypes, bool isMap, EquatableArray<DataType> dataTypes)
    {
        if (!lexer.TryRead(out ReadOnlySpan<char> word))
            return null;
        if (word is ['@', _, ..])
            return new SetReference(pool.Get(word[1..]));
        if (word is not "{")
            return null;
        var elements = new List<SetElement>();
        return Elements(ref lexer, keyTypes, isMap, dataTypes, elements) ? new AnonymousSet([.. elements], isMap) : null;
    }

    /// <summary>Elements up to the closing "}". Those that were read stay in the list when one is not understood.</summary>
    public bool Elements(
        ref NftLexer lexer, EquatableArray<DataType> keyTypes, bool isMap, EquatableArray<DataType> dataTypes, List<SetElement> elements)
    {
        while (true)
        {
            if (lexer.TrySkip("}"))
                return true;
            if (lexer.TrySkip(","))
                continue;
            if (Element(ref lexer, keyTypes, isMap, dataTypes) is not { } element)
                return false;
            elements.Add(element);
        }
    }

    private SetElement? Element(ref NftLexer lexer, EquatableArray<DataType> keyTypes, bool isMap, EquatableArray<DataType> dataTypes)
    {
        if (Value(ref lexer, keyTypes) is not { } key)
            return null;
        string? comment = null;
        TimeSpan? timeout = null, expires = null;
        while (lexer.Peek() is not ("," or "}" or ":" or []) || lexer.AtEnd)
        {
            if (!lexer.TryRead(out ReadOnlySpan<char> word))
                return null;
            switch (word)
            {
                case "comment":
                    lexer.TryRead(out word);
                    comment = pool.Get(word);
                    break;
                case "timeout" when TryReadTime(ref lexer, out TimeSpan time):
                    timeout = time;
                    break;
                case "expires" when TryReadTime(ref lexer, out TimeSpan left):
                    expires = left;
                    break;
                // Counters, limits and quotas of elements have no effect that a dump could show.
                case "counter" or "packets" or "bytes" or "limit" or "rate" or "over" or "burst" or "quota" or "used" or "last" or "never":
                    break;
                default:
                    if (!char.IsAsciiDigit(word.IsEmpty ? ' ' : word[0]))
                        return null;
                    break;
            }
        }
        Expression? data = null;
        if (isMap && lexer.TrySkip(":"))
        {
            data = Verdict(ref lexer) is { } verdict ? new VerdictValue(verdict) : Value(ref lexer, dataTypes);
            if (data is null)
                return null;
        }
        return new SetElement(key, data, comment, timeout, expires);
    }

    public static bool TryReadTime(ref NftLexer lexer, out TimeSpan time)
    {
        time = default;
        return lexer.TryRead(out ReadOnlySpan<char> word) && Scalar.TryDuration(word, out time);
    }

    /// <summary>"accept", "goto chain" and so on; nothing is read when there is no verdict.</summary>
    public Verdict? Verdict(ref NftLexer lexer)
    {
        switch (lexer.Peek())
        {
            case "accept": lexer.TryRead(out _); return Rules.Model.Verdict.Accept;
            case "drop": lexer.TryRead(out _); return Rules.Model.Verdict.Drop;
            case "return": lexer.TryRead(out _); return Rules.Model.Verdict.Return;
            case "continue": lexer.TryRead(out _); return Rules.Model.Verdict.Continue;
            case "jump" or "goto":
                lexer.TryRead(out ReadOnlySpan<char> word);
                VerdictKind kind = word is "jump" ? VerdictKind.Jump : VerdictKind.Goto;
                return lexer.TryRead(out word) ? new Verdict(kind, pool.Get(word)) : null;
            default: return null;
        }
    }

    // Precedence as in nft's grammar: shifts, then and, xor, or.
    private Expression? Bits(ref NftLexer lexer, DataType type, int level = 0)
    {
        if (level == 4)
            return Primary(ref lexer, type);
        Expression? left = Bits(ref lexer, type, level + 1);
        for (int operators = 0; left is not null && OperatorAt(lexer.Peek(), level) is { } operation; operators++)
        {
            if (operators == MostOperators)
                return null;
            lexer.TryRead(out _);
            DataType operandType = scope.TypesOf(left) is [var known, ..] ? known : type;
            if (Bits(ref lexer, operandType, level + 1) is not { } right)
                return null;
            left = Fold(operation, left, right);
        }
        return left;
    }

    private static BitwiseOperator? OperatorAt(ReadOnlySpan<char> word, int level) => level switch
    {
        0 when word is "|" or "or" => BitwiseOperator.Or,
        1 when word is "^" or "xor" => BitwiseOperator.Xor,
        2 when word is "&" or "and" => BitwiseOperator.And,
        3 when word is "<<" => BitwiseOperator.ShiftLeft,
        3 when word is ">>" => BitwiseOperator.ShiftRight,
        _ => null,
    };

    /// <summary>The operation; computed at once when both sides are numbers.</summary>
    public static Expression Fold(BitwiseOperator operation, Expression left, Expression right)
    {
        if (left is not NumberValue(var a) || right is not NumberValue(var b))
            return new BitwiseExpression(operation, left, right);
        return new NumberValue(operation switch
        {
            BitwiseOperator.And => a & b,
            BitwiseOperator.Or => a | b,
            BitwiseOperator.Xor => a ^ b,
            BitwiseOperator.ShiftLeft => b < 64 ? a << (int)b : 0,
            _ => b < 64 ? a >> (int)b : 0,
        });
    }

    /// <summary>"0x80000000/2": how nft writes a comparison of the highest bits.</summary>
    public static bool TryReadLeadingBits(ReadOnlySpan<char> word, out ulong number, out uint length)
    {
        int slash = word.IndexOf('/');
        (number, length) = (0, 0);
        return slash > 0 && Scalar.TryNumber(word[..slash], out number) && Scalar.TryUInt32(word[(slash + 1)..], out length)
            && length <= 32;
    }

    /// <summary>The comparison of the highest bits of a value of 32 bits, as the bits and the number they are compared with.</summary>
    public static RelationalMatch LeadingBits(Expression left, RelationalOperator compared, ulong number, uint length)
    {
        uint mask = length == 0 ? 0 : uint.MaxValue << (int)(32 - length);
        return new(new BitwiseExpression(BitwiseOperator.And, left, new NumberValue(mask)), compared, new NumberValue(number & mask));
    }

    private Expression? Primary(ref NftLexer lexer, DataType type)
    {
        NftLexer start = lexer;
        if (!lexer.TryRead(out ReadOnlySpan<char> word))
            return null;
        if (lexer.WasQuoted)
            return NftSymbols.Constant(word, type, quoted: true);
        if (word is "(")
        {
            Expression? inner = Value(ref lexer, [type]);
            return lexer.TrySkip(")") ? inner : null;
        }
        if (Selector(ref lexer, word) is { } selector)
            return selector;
        lexer = start;
        lexer.TryRead(out word);
        return NftSymbols.Constant(word, type);
    }

    /// <summary>A selector whose first word was read; null when the words are not a selector.</summary>
    private Expression? Selector(ref NftLexer lexer, scoped ReadOnlySpan<char> word)
    {
        switch (word)
        {
            case "meta":
                return lexer.TryRead(out ReadOnlySpan<char> key) && NftTypes.Field("meta", key) is { } field
                    ? new SelectorExpression(field) : null;
            case "ct":
                return Conntrack(ref lexer);
            case "fib":
                return Fib(ref lexer);
            case "numgen":
                return Numgen(ref lexer);
            case "jhash":
                return Hash(ref lexer);
            case "symhash":
                return lexer.TrySkip("mod") && TryReadNumber(ref lexer, out uint modulus)
                    ? new HashExpression(null, modulus, null, ReadOffset(ref lexer)) : null;
            case "rt":
                return Route(ref lexer);
        }
        if (NftTypes.IsPayload(word) && NftTypes.Field(word, lexer.Peek()) is { } payload)
        {
            lexer.TryRead(out _);
            return new SelectorExpression(payload);
        }
        return NftTypes.IsBareMeta(word) && NftTypes.Field("meta", word) is { } bare ? new SelectorExpression(bare) : null;
    }

    private SelectorExpression? Conntrack(ref NftLexer lexer)
    {
        ConntrackDirection? direction = null;
        if (lexer.Peek() is "original" or "reply")
        {
            lexer.TryRead(out ReadOnlySpan<char> word);
            direction = word is "original" ? ConntrackDirection.Original : ConntrackDirection.Reply;
        }
        if (!lexer.TryRead(out ReadOnlySpan<char> key))
            return null;
        PacketField? field;
        if (key is "ip" or "ip6" && lexer.TryRead(out ReadOnlySpan<char> side))
            field = NftTypes.Field("ct", $"{key} {side}");
        else if (key is "saddr" or "daddr")
            field = ConntrackAddress(key, lexer.Peek());
        else
            field = NftTypes.Field("ct", key);
        return field is { } known ? new SelectorExpression(known, direction) : null;
    }

    // Rules of old versions name no family: it is the table's or, in an inet table, that of the address that follows.
    private PacketField ConntrackAddress(ReadOnlySpan<char> side, ReadOnlySpan<char> next)
    {
        bool isIPv6 = scope.Family == TableFamily.Ip6 || (scope.Family != TableFamily.Ip && next.Contains(':'));
        return (side is "saddr", isIPv6) switch
        {
            (true, false) => PacketField.CtIpSource,
            (false, false) => PacketField.CtIpDestination,
            (true, true) => PacketField.CtIp6Source,
            (false, true) => PacketField.CtIp6Destination,
        };
    }

    private static FibExpression? Fib(ref NftLexer lexer)
    {
        FibKeys keys = FibKeys.None;
        do
        {
            if (!lexer.TryRead(out ReadOnlySpan<char> key) || FibKey(key) is not { } known)
                return null;
            keys |= known;
        }
        while (lexer.TrySkip("."));
        if (!lexer.TryRead(out ReadOnlySpan<char> result))
            return null;
        if (FibResultOf(result) is not { } kind)
            return null;
        bool asksPresence = kind == FibResult.OutInterfaceIndex && lexer.Peek() is "exists" or "missing";
        return new(keys, asksPresence ? FibResult.Present : kind);
    }

    public static FibKeys? FibKey(ReadOnlySpan<char> word) => word switch
    {
        "saddr" => FibKeys.SourceAddress,
        "daddr" => FibKeys.DestinationAddress,
        "mark" => FibKeys.Mark,
        "iif" => FibKeys.InInterface,
        "oif" => FibKeys.OutInterface,
        _ => null,
    };

    public static FibResult? FibResultOf(ReadOnlySpan<char> word) => word switch
    {
        "type" => FibResult.Type,
        "oif" => FibResult.OutInterfaceIndex,
        "oifname" => FibResult.OutInterfaceName,
        "check" => FibResult.Present,
        _ => null,
    };

    private static NumgenExpression? Numgen(ref NftLexer lexer)
    {
        if (!lexer.TryRead(out ReadOnlySpan<char> mode) || mode is not ("random" or "inc") || !lexer.TrySkip("mod")
            || !TryReadNumber(ref lexer, out uint modulus))
            return null;
        return new(mode is "random", modulus, ReadOffset(ref lexer));
    }

    private HashExpression? Hash(ref NftLexer lexer)
    {
        if (Value(ref lexer, default) is not { } operand || !lexer.TrySkip("mod") || !TryReadNumber(ref lexer, out uint modulus))
            return null;
        uint? seed = null;
        if (lexer.TrySkip("seed"))
        {
            if (!TryReadNumber(ref lexer, out uint number))
                return null;
            seed = number;
        }
        return new(operand, modulus, seed, ReadOffset(ref lexer));
    }

    private static uint ReadOffset(ref NftLexer lexer) =>
        lexer.TrySkip("offset") && TryReadNumber(ref lexer, out uint offset) ? offset : 0;

    public static bool TryReadNumber(ref NftLexer lexer, out uint number)
    {
        number = 0;
        return lexer.TryRead(out ReadOnlySpan<char> word) && Scalar.TryUInt32(word, out number);
    }

    private SelectorExpression? Route(ref NftLexer lexer)
    {
        if (!lexer.TryRead(out ReadOnlySpan<char> key))
            return null;
        PacketField? field = key switch
        {
            "ip" => lexer.TrySkip("nexthop") ? PacketField.RouteNextHop : null,
            "ip6" => lexer.TrySkip("nexthop") ? PacketField.RouteNextHop6 : null,
            "nexthop" => scope.Family == TableFamily.Ip6 ? PacketField.RouteNextHop6 : PacketField.RouteNextHop,
            _ => NftTypes.Field("rt", key),
        };
        return field is { } known ? new SelectorExpression(known) : null;
    }
}
