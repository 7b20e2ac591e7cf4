using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>
/// Reads one row of a listing: number, counters, target, protocol, options, interfaces, addresses, then the matches in words.
/// </summary>
internal sealed class ListingRowParser(StatementCache cache)
{
    private readonly RuleParts _parts = new();
    private readonly ListingMatchParser _matches = new(cache);

    public ListingColumns Columns { get; set; }

    /// <summary>True when the last row shows IPv6 addresses.</summary>
    public bool SawIPv6 { get; private set; }

    /// <summary>
    /// Null when the line is not a row. What cannot be understood becomes unmodelled, and <paramref name="trouble"/> says what.
    /// </summary>
    public Rule? Parse(ReadOnlySpan<char> line, TableBuilder table, SourceSpan source, out string? trouble)
    {
        _parts.Clear();
        trouble = null;
        if (!Columns.HasInterfaces)
            _parts.Gaps = RuleGaps.Interfaces;
        var words = new WordReader(line);
        if (!ReadCounters(ref words) || !ReadTargetAndProtocol(ref words, out ReadOnlySpan<char> target, out bool hasTarget)
            || !ReadInterfaces(ref words) || !ReadAddresses(ref words))
            return null;
        string? name = hasTarget ? cache.Pool.Get(target) : null;
        ListingTarget? parsed = _matches.Parse(ref words, name, _parts, out trouble);
        if (name is not null)
            _parts.Target = TargetOf(name, parsed, table, source.Line);
        return _parts.Build(source);
    }

    private bool ReadCounters(ref WordReader words)
    {
        if (Columns.HasNumber && !(words.TryRead(out ReadOnlySpan<char> number) && Scalar.TryNumber(number, out _)))
            return false;
        if (!Columns.HasCounters)
            return true;
        if (!words.TryRead(out ReadOnlySpan<char> packets) || !Scalar.TryCount(packets, out ulong packetCount)
            || !words.TryRead(out ReadOnlySpan<char> bytes) || !Scalar.TryCount(bytes, out ulong byteCount))
            return false;
        _parts.Counters = new(packetCount, byteCount);
        return true;
    }

    /// <summary>
    /// A rule without target leaves its column empty, and ip6tables before 1.8.9 leaves "opt" empty: which columns are present follows
    /// from the first word that looks like options or, if there is none, like the next column.
    /// </summary>
    private bool ReadTargetAndProtocol(ref WordReader words, out ReadOnlySpan<char> target, out bool hasTarget)
    {
        target = default;
        hasTarget = false;
        WordReader ahead = words;
        if (!ahead.TryRead(out ReadOnlySpan<char> first) || !ahead.TryRead(out ReadOnlySpan<char> second))
            return false;
        ReadOnlySpan<char> protocol, options = default;
        if (IsOptions(second))
        {
            protocol = first;
            options = second;
        }
        else
        {
            ReadOnlySpan<char> third = ahead.Peek();
            bool hasOptions = IsOptions(third);
            hasTarget = hasOptions || (IsProtocol(second) && !IsAddress(second));
            if (!hasTarget)
            {
                protocol = first;
                ahead = words;
                ahead.TryRead(out _);
            }
            else
            {
                target = first;
                protocol = second;
                if (hasOptions)
                    ahead.TryRead(out options);
            }
        }
        if (!ReadProtocol(protocol))
            return false;
        if (options is "-f" or "!f")
            _parts.Add(new FragmentMatch(options is "!f"));
        words = ahead;
        return true;
    }

    private bool ReadProtocol(ReadOnlySpan<char> text)
    {
        bool negated = text is ['!', ..];
        if (negated)
            text = text[1..];
        if (text is "0" or "all")
            return true;
        if (!Scalar.TryProtocol(text, out IpProtocol protocol))
            return false;
        _parts.Add(negated ? new ProtocolMatch(protocol, true) : cache.Protocol(protocol));
        return true;
    }

    private bool ReadInterfaces(ref WordReader words)
    {
        if (!Columns.HasInterfaces)
            return true;
        return words.TryRead(out ReadOnlySpan<char> incoming) && ReadInterface(InterfaceDirection.In, incoming)
            && words.TryRead(out ReadOnlySpan<char> outgoing) && ReadInterface(InterfaceDirection.Out, outgoing);
    }

    private bool ReadInterface(InterfaceDirection direction, ReadOnlySpan<char> text)
    {
        bool negated = text is ['!', ..];
        if (negated)
            text = text[1..];
        if (text is not ("*" or "any") && RuleParts.Interface(direction, cache.Pool.Get(text), negated) is { } match)
            _parts.Add(match);
        return true;
    }

    private bool ReadAddresses(ref WordReader words)
    {
        if (!words.TryRead(out ReadOnlySpan<char> source) || !words.TryRead(out ReadOnlySpan<char> destination))
            return false;
        SawIPv6 = source.Contains(':') || destination.Contains(':');
        return ReadAddress(PacketSide.Source, source) && ReadAddress(PacketSide.Destination, destination);
    }

    private bool ReadAddress(PacketSide side, ReadOnlySpan<char> text)
    {
        bool negated = text is ['!', ..];
        if (negated)
            text = text[1..];
        return text is "anywhere" ? !negated : _parts.TryAddAddress(side, text, negated);
    }

    private static bool IsOptions(ReadOnlySpan<char> word) => word is "--" or "-f" or "!f";

    private static bool IsProtocol(ReadOnlySpan<char> word) =>
        word is "0" or "all" || Scalar.TryProtocol(word is ['!', ..] ? word[1..] : word, out _);

    private static bool IsAddress(ReadOnlySpan<char> word) =>
        word is "anywhere" || Scalar.TryPrefix(word is ['!', ..] ? word[1..] : word, out _);

    private Statement TargetOf(string name, ListingTarget? parsed, TableBuilder table, int line)
    {
        bool isGoto = parsed is { IsGoto: true };
        if (!isGoto)
        {
            switch (name)
            {
                case "ACCEPT": return StatementCache.Accept;
                case "DROP": return StatementCache.Drop;
                case "RETURN": return StatementCache.Return;
                case "QUEUE": return new VerdictStatement(new Verdict(VerdictKind.Queue));
                case "TRACE": return new TraceStatement();
                case "NOTRACK": return new NotrackStatement();
                case "MASQUERADE": return new NatStatement(NatKind.Masquerade, parsed?.Range, parsed?.Flags ?? NatFlags.None);
                case "REDIRECT": return new NatStatement(NatKind.Redirect, parsed?.Range, parsed?.Flags ?? NatFlags.None);
                case "DNAT" when parsed?.Range is { } range: return new NatStatement(NatKind.Destination, range, parsed.Flags);
                case "SNAT" when parsed?.Range is { } range: return new NatStatement(NatKind.Source, range, parsed.Flags);
                case "LOG" or "NFLOG": return parsed?.Statement ?? new LogStatement(string.Empty, null);
            }
            if (parsed?.Statement is { } statement)
                return statement;
            if (Names.PassesOn(name) || Names.IsOtherTarget(name) || IsModelled(name))
                return new UnmodelledStatement(name, $"{name} {parsed?.Text}".TrimEnd(), Names.PassesOn(name));
        }
        ChainBuilder chain = table.Reference(name, cache.Pool, line);
        return isGoto ? new VerdictStatement(new Verdict(VerdictKind.Goto, chain.Name)) : chain.Jump;
    }

    /// <summary>Targets that carry options: without them the row is not understood.</summary>
    private static bool IsModelled(string name) => name is "DNAT" or "SNAT" or "NETMAP" or "MARK" or "CONNMARK" or "CT" or "REJECT";
}

/// <summary>The target's options, printed after the matches.</summary>
internal sealed class ListingTarget
{
    public Statement? Statement { get; set; }

    public NatRange? Range { get; set; }

    public NatFlags Flags { get; set; }

    public bool IsGoto { get; set; }

    public string? Text { get; set; }
}
