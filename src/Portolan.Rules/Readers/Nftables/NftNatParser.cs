using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads nft's dnat, snat, masquerade and redirect after their first word.</summary>
internal readonly struct NftNatParser(NatKind kind, NftExpressionParser expressions)
{
    public bool TryRead(ref NftLexer lexer, List<Statement> statements)
    {
        var flags = NatFlags.None;
        while (lexer.Peek() is "ip" or "ip6" or "prefix" or "addr" or "." or "port")
        {
            lexer.TryRead(out ReadOnlySpan<char> word);
            if (word is "prefix")
                flags |= NatFlags.Prefix;
        }
        NatRange? range = null;
        Expression? operand = null, port = null;
        if (lexer.TrySkip("to"))
        {
            if (!TryReadConstant(ref lexer, out range) && !TryReadOperand(ref lexer, out operand, out port, ref range))
                return false;
        }
        else if (kind is NatKind.Destination or NatKind.Source)
        {
            return false;
        }
        while (Flag(lexer.Peek()) is var flag and not NatFlags.None)
        {
            flags |= flag;
            lexer.TryRead(out _);
            lexer.TrySkip(",");
        }
        if (operand is PrefixValue or RangeValue or AddressValue && Constant(operand, port) is { } constant)
            (range, operand, port) = (constant, null, null);
        statements.Add(new NatStatement(kind, range, flags, operand, port));
        return true;
    }

    public static NatFlags Flag(ReadOnlySpan<char> word) => word switch
    {
        "random" => NatFlags.Random,
        "fully-random" => NatFlags.FullyRandom,
        "persistent" => NatFlags.Persistent,
        _ => NatFlags.None,
    };

    /// <summary>A constant address and port as a range; null when one of them is computed.</summary>
    public static NatRange? Constant(Expression? address, Expression? port)
    {
        NatRange? range = address switch
        {
            null => new(default, default),
            AddressValue(var single) => new(single, single),
            PrefixValue(var prefix) => new(prefix.Address, prefix.Last),
            RangeValue(AddressValue(var first), AddressValue(var last)) => new(first, last),
            _ => null,
        };
        return port switch
        {
            null => range,
            NumberValue(<= ushort.MaxValue and var single) =>
                range is null ? null : range with { FirstPort = (ushort)single, LastPort = (ushort)single },
            RangeValue(NumberValue(<= ushort.MaxValue and var first), NumberValue(<= ushort.MaxValue and var last)) =>
                range is null ? null : range with { FirstPort = (ushort)first, LastPort = (ushort)last },
            _ => null,
        };
    }

    private static bool TryReadConstant(ref NftLexer lexer, out NatRange? range)
    {
        NftLexer ahead = lexer;
        range = null;
        if (!ahead.TryRead(out ReadOnlySpan<char> word) || !NatArguments.TryAddresses(word, out NatRange read))
            return false;
        range = read;
        lexer = ahead;
        return true;
    }

    // "10.0.0.1:tcp dport map { 81 : 82 }": a constant address and a computed port are written without a blank in between.
    private bool TryReadOperand(ref NftLexer lexer, out Expression? operand, out Expression? port, ref NatRange? range)
    {
        operand = port = null;
        ReadOnlySpan<char> word = lexer.Peek();
        int colon = word is ['[', ..] ? word.IndexOf("]:") + 1 : word.Count(':') == 1 ? word.IndexOf(':') : -1;
        if (colon >= 0 && (colon == 0 || InetAddress.TryParse(word[..colon].Trim("[]"), out _)))
        {
            if (colon > 0 && InetAddress.TryParse(word[..colon].Trim("[]"), out InetAddress address))
                operand = new AddressValue(address);
            lexer.TryRead(out _);
            lexer.StepBack(word.Length - colon - 1);
            port = expressions.Value(ref lexer, [DataType.InetService]);
            return port is not null;
        }
        operand = expressions.Value(ref lexer, default);
        // A computed address followed by a port: "ip saddr map { ... } : 80".
        if (operand is not null && lexer.TrySkip(":"))
            port = expressions.Value(ref lexer, [DataType.InetService]);
        return operand is not null;
    }
}
