using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads a rule as iptables-save writes it: everything after "-A CHAIN".</summary>
internal sealed class SaveRuleParser(StatementCache cache)
{
    private readonly RuleParts _parts = new();
    private readonly SaveMatchParser _matches = new(cache);

    /// <summary>
    /// Reads the rule. What cannot be understood becomes an unmodelled match or target, and <paramref name="trouble"/> says what it was.
    /// </summary>
    public Rule Parse(ref WordReader words, Counters? counters, TableBuilder table, SourceSpan source, out string? trouble)
    {
        _parts.Clear();
        _parts.Counters = counters;
        trouble = null;
        bool negated = false;
        while (words.TryRead(out ReadOnlySpan<char> word))
        {
            if (word is "!")
            {
                negated = true;
                continue;
            }
            int start = words.WordStart;
            if (word is "-j" or "--jump" or "-g" or "--goto")
            {
                _parts.Target = ReadTarget(ref words, word is "-g" or "--goto", table, source.Line);
                if (_parts.Target is null)
                {
                    trouble = $"{word} names no target";
                    _parts.Gaps |= RuleGaps.Tail;
                }
                continue;
            }
            if (!TryReadCommon(word, ref words, negated))
            {
                words.SkipToEnd();
                ReadOnlySpan<char> rest = words.Since(start);
                trouble = $"{ProblemLog.Quote(rest)} was not understood";
                _parts.Matches.Add(new UnmodelledMatch(word.ToString(), rest.ToString()));
                _parts.Gaps |= RuleGaps.Tail;
            }
            negated = false;
        }
        return _parts.Build(source);
    }

    private bool TryReadCommon(ReadOnlySpan<char> word, ref WordReader words, bool negated)
    {
        ReadOnlySpan<char> value;
        switch (word)
        {
            case "-p" or "--protocol":
                if (!words.TryRead(out value))
                    return false;
                if (value is "all" or "0")
                    return true;
                if (!Scalar.TryProtocol(value, out IpProtocol protocol))
                    return false;
                _parts.Add(negated ? new ProtocolMatch(protocol, true) : cache.Protocol(protocol));
                return true;
            case "-s" or "--source" or "--src":
                return words.TryRead(out value) && _parts.TryAddAddress(PacketSide.Source, value, negated);
            case "-d" or "--destination" or "--dst":
                return words.TryRead(out value) && _parts.TryAddAddress(PacketSide.Destination, value, negated);
            case "-i" or "--in-interface":
                return words.TryRead(out value) && AddInterface(InterfaceDirection.In, value, negated);
            case "-o" or "--out-interface":
                return words.TryRead(out value) && AddInterface(InterfaceDirection.Out, value, negated);
            case "-f" or "--fragment":
                _parts.Add(new FragmentMatch(negated));
                return true;
            case "-m" or "--match":
                return words.TryRead(out value) && _matches.TryRead(value, ref words, _parts);
            case "-c" or "--set-counters":
                if (!words.TryRead(out value) || !Scalar.TryNumber(value, out ulong packets)
                    || !words.TryRead(out value) || !Scalar.TryNumber(value, out ulong bytes))
                    return false;
                _parts.Counters = new(packets, bytes);
                return true;
            default:
                // "-p tcp --dport 80" without "-m tcp", as people write it.
                return word.StartsWith("--", StringComparison.Ordinal) && _parts.Protocol != IpProtocol.None
                    && _matches.TryReadImplicit(_parts.Protocol.ToRuleText(), word, ref words, negated, _parts);
        }
    }

    private bool AddInterface(InterfaceDirection direction, ReadOnlySpan<char> name, bool negated)
    {
        if (RuleParts.Interface(direction, cache.Pool.Get(name), negated) is { } match)
            _parts.Add(match);
        return true;
    }

    private Statement? ReadTarget(ref WordReader words, bool isGoto, TableBuilder table, int line)
    {
        // A dump that was cut after '-j "' names nothing.
        if (!words.TryRead(out ReadOnlySpan<char> name) || name.IsEmpty)
            return null;
        if (!isGoto && SaveTargetParser.TryRead(name, ref words, out Statement? target))
            return target;
        bool isKnownTarget = Names.PassesOn(name) || Names.IsOtherTarget(name);
        bool hasOptions = !words.AtEnd;
        bool isChain = isGoto || (!isKnownTarget && !hasOptions);
        if ((isChain ? table.Reference(name, cache.Pool, line) : table.Find(name)) is { } chain)
            return isGoto ? new VerdictStatement(new Verdict(VerdictKind.Goto, chain.Name)) : chain.Jump;
        string text = $"{name} {words.Rest}".TrimEnd();
        string key = name.ToString();
        words.SkipToEnd();
        return new UnmodelledStatement(key, text, Names.PassesOn(key));
    }
}
