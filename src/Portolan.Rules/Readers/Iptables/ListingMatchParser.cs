using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads what a listing prints after the addresses: the matches, then the target's options.</summary>
internal sealed class ListingMatchParser(StatementCache cache)
{

    /// <summary>
    /// Reads to the end of the row. Words that are not understood become one unmodelled match, and <paramref name="trouble"/> says which.
    /// </summary>
    public ListingTarget? Parse(ref WordReader words, string? targetName, RuleParts parts, out string? trouble)
    {
        var target = new ListingTarget();
        int strangeFrom = -1;
        trouble = null;
        while (!words.AtEnd)
        {
            WordReader ahead = words;
            int before = parts.Matches.Count;
            bool understood = TryReadComment(ref ahead, parts) || TryReadMatch(ref ahead, parts);
            if (!understood)
            {
                parts.Matches.RemoveRange(before, parts.Matches.Count - before);
                ahead = words;
                understood = ListingTargetParser.TryRead(ref ahead, targetName, target);
            }
            if (understood)
            {
                Flush(ref strangeFrom, words, before, parts, ref trouble);
                words = ahead;
                continue;
            }
            words.TryRead(out _);
            if (strangeFrom < 0)
                strangeFrom = words.WordStart;
        }
        Flush(ref strangeFrom, words, parts.Matches.Count, parts, ref trouble);
        ConntrackOptions.Join(parts.Matches, 0);
        return target;
    }

    private static void Flush(ref int strangeFrom, WordReader words, int at, RuleParts parts, ref string? trouble)
    {
        if (strangeFrom < 0)
            return;
        string text = words.Since(strangeFrom).ToString();
        parts.Matches.Insert(at, new UnmodelledMatch(new WordReader(text).Peek().ToString(), text));
        trouble ??= $"{ProblemLog.Quote(text)} was not understood";
        strangeFrom = -1;
    }

    private bool TryReadComment(ref WordReader words, RuleParts parts)
    {
        if (words.Peek() is not "/*")
            return false;
        words.TryRead(out _);
        ReadOnlySpan<char> rest = words.Rest;
        // Comments come from the cluster, and may contain "*/" and words that look like matches. Nothing else in a row ends in "*/".
        int end = rest.StartsWith("*/") ? 0 : rest.LastIndexOf(" */");
        ReadOnlySpan<char> text = end < 0 ? rest : rest[..end];
        int wordsToSkip = CountDescriptions(text) + (end < 0 ? 0 : 1);
        for (int i = 0; i < wordsToSkip; i++)
            words.TryReadPlain(out _);
        text = text.TrimEnd();
        parts.AddComment(cache.Pool.Get(text));
        return true;
    }

    private static int CountDescriptions(ReadOnlySpan<char> text)
    {
        int count = 0;
        bool inWord = false;
        foreach (char c in text)
        {
            bool blank = c is ' ' or '\t';
            if (!blank && !inWord)
                count++;
            inWord = !blank;
        }
        return count;
    }

    private bool TryReadMatch(ref WordReader words, RuleParts parts)
    {
        bool negated = words.Peek() is "!";
        if (negated)
            words.TryRead(out _);
        if (!words.TryRead(out ReadOnlySpan<char> word))
            return false;
        if (ConntrackOptions.IsOption(word))
            return words.TryRead(out ReadOnlySpan<char> value) && Add(ConntrackOptions.Read(word, value, negated), parts);
        switch (word)
        {
            case "tcp" or "udp" or "udplite" or "sctp" or "dccp":
                return TryReadTransport(ref words, parts);
            case "multiport":
                return TryReadMultiport(ref words, parts);
            case "source" or "destination":
                return TryReadAddressRange(word is "source" ? PacketSide.Source : PacketSide.Destination, ref words, parts);
            case "mark" or "connmark":
                return TryReadMark(word is "mark" ? MarkKind.Packet : MarkKind.Connection, ref words, parts);
            case "state":
                return words.TryRead(out ReadOnlySpan<char> states) && Names.TryStates(states, out ConntrackStates read)
                    && Add(new ConntrackStateMatch(read, negated), parts);
            case "ADDRTYPE":
                return TryReadAddressType(ref words, parts);
            case "statistic":
                return TryReadStatistic(ref words, parts);
            case "match-set":
                return words.TryRead(out ReadOnlySpan<char> set) && words.TryRead(out ReadOnlySpan<char> sides)
                    && Names.TrySides(sides, out EquatableArray<PacketSide> dimensions)
                    && Add(new IpSetMatch(cache.Pool.Get(set), dimensions, string.Empty, negated), parts);
            case "recent:":
                return TryReadRecent(ref words, parts);
            case "limit:":
                return TryReadLimit(ref words, parts);
            case "icmp" or "icmptype" or "ipv6-icmp" or "ipv6-icmptype" or "icmpv6" or "icmpv6type":
                return TryReadIcmp(word, ref words, parts);
            case "PHYSDEV":
                return TryReadPhysdev(ref words, parts);
            case "owner":
                return TryReadOwner(negated, ref words, parts);
            case "nfacct-name":
                return words.TryRead(out ReadOnlySpan<char> name) && Add(new AccountingMatch(cache.Pool.Get(name)), parts);
            default:
                return false;
        }
    }

    private static bool Add(Match? match, RuleParts parts)
    {
        if (match is null)
            return false;
        parts.Matches.Add(match);
        return true;
    }

    /// <summary>"tcp spts:1024:65535 dpt:!80 flags:0x17/0x02 option=5"; "tcp" alone is the match without options.</summary>
    private bool TryReadTransport(ref WordReader words, RuleParts parts)
    {
        while (true)
        {
            ReadOnlySpan<char> word = words.Peek();
            int colon = word.IndexOfAny(':', '=');
            if (colon < 0)
                return true;
            ReadOnlySpan<char> key = word[..colon];
            ReadOnlySpan<char> value = word[(colon + 1)..];
            if (key is not ("spt" or "spts" or "dpt" or "dpts" or "flags" or "option"))
                return true;
            words.TryRead(out _);
            bool negated = value is ['!', ..];
            if (negated)
                value = value[1..];
            Match? match = null;
            if (key is "flags")
                match = FlagsMatch(value, negated);
            else if (key is "option")
                match = byte.TryParse(value, out byte option) ? new TcpOptionMatch(option, negated) : null;
            else if (Scalar.TryPorts(value, out PortRange ports))
                match = cache.Port(key[0] == 's' ? PacketSide.Source : PacketSide.Destination, ports, negated);
            if (!Add(match, parts))
                return false;
        }
    }

    /// <summary>"0x17/0x02" with -n, "SYN,RST/SYN" without.</summary>
    private static TcpFlagsMatch? FlagsMatch(ReadOnlySpan<char> value, bool negated)
    {
        int slash = value.IndexOf('/');
        if (slash < 0)
            return null;
        if (Scalar.TryNumber(value[..slash], out ulong mask) && Scalar.TryNumber(value[(slash + 1)..], out ulong compared)
            && mask <= 255 && compared <= 255)
            return new((TcpFlags)mask, (TcpFlags)compared, negated);
        return Names.TryTcpFlags(value[..slash], out TcpFlags named) && Names.TryTcpFlags(value[(slash + 1)..], out TcpFlags set)
            ? new(named, set, negated) : null;
    }

    private static bool TryReadMultiport(ref WordReader words, RuleParts parts)
    {
        if (!words.TryRead(out ReadOnlySpan<char> word) || word is not ("dports" or "sports" or "ports")
            || !TryReadNegatable(ref words, out bool negated, out ReadOnlySpan<char> value)
            || !SaveMatchParser.TryPortList(value, out EquatableArray<PortRange> ports))
            return false;
        PacketSide side = word is "dports" ? PacketSide.Destination : word is "sports" ? PacketSide.Source : PacketSide.Either;
        return Add(new PortMatch(side, ports, negated), parts);
    }

    private static bool TryReadAddressRange(PacketSide side, ref WordReader words, RuleParts parts) =>
        words.TryRead(out ReadOnlySpan<char> ip) && ip is "IP" && words.TryRead(out ReadOnlySpan<char> range) && range is "range"
        && TryReadNegatable(ref words, out bool negated, out ReadOnlySpan<char> value)
        && Scalar.TryAddressRange(value, out InetAddress first, out InetAddress last)
        && Add(new AddressRangeMatch(side, first, last, negated), parts);

    private static bool TryReadMark(MarkKind kind, ref WordReader words, RuleParts parts) =>
        words.TryRead(out ReadOnlySpan<char> match) && match is "match"
        && TryReadNegatable(ref words, out bool negated, out ReadOnlySpan<char> value)
        && Scalar.TryMasked(value, out uint mark, out uint mask)
        && Add(new MarkMatch(kind, mark, mask, negated), parts);

    private static bool TryReadAddressType(ref WordReader words, RuleParts parts)
    {
        if (!words.TryRead(out ReadOnlySpan<char> match) || match is not "match")
            return false;
        int first = parts.Matches.Count;
        InterfaceDirection? limit = null;
        while (words.Peek() is "src-type" or "dst-type" or "limit-in" or "limit-out")
        {
            words.TryRead(out ReadOnlySpan<char> word);
            if (word is "limit-in" or "limit-out")
            {
                limit = word is "limit-in" ? InterfaceDirection.In : InterfaceDirection.Out;
                continue;
            }
            if (!TryReadNegatable(ref words, out bool negated, out ReadOnlySpan<char> value)
                || !Names.TryAddressTypes(value, out AddressTypes types))
                return false;
            parts.Matches.Add(new AddressTypeMatch(word is "src-type" ? PacketSide.Source : PacketSide.Destination, types, null, negated));
        }
        SaveMatchParser.LimitAddressTypes(parts, first, limit);
        return true;
    }

    private bool TryReadStatistic(ref WordReader words, RuleParts parts)
    {
        if (!words.TryRead(out ReadOnlySpan<char> word) || word is not "mode" || !words.TryRead(out ReadOnlySpan<char> mode))
            return false;
        bool negated = words.Peek() is "!";
        if (negated)
            words.TryRead(out _);
        if (!words.TryRead(out word) || !words.TryRead(out ReadOnlySpan<char> value))
            return false;
        if (mode is "random")
            return word is "probability" && Add(cache.Statistic(value, negated), parts);
        if (mode is not "nth" || word is not "every" || !Scalar.TryUInt32(value, out uint every))
            return false;
        uint packet = 0;
        if (words.Peek() is "packet")
        {
            words.TryRead(out _);
            if (!words.TryRead(out value) || !Scalar.TryUInt32(value, out packet))
                return false;
        }
        return Add(new StatisticNthMatch(every, packet, negated), parts);
    }

    /// <summary>"recent: UPDATE seconds: 60 hit_count: 4 TTL-Match name: LIST side: dest mask: 255.255.255.255".</summary>
    private bool TryReadRecent(ref WordReader words, RuleParts parts)
    {
        RecentMode? mode = null;
        string list = "DEFAULT";
        PacketSide side = PacketSide.Source;
        uint? seconds = null, hits = null;
        bool reap = false, ttl = false, negated = false;
        InetAddress mask = default;
        while (true)
        {
            ReadOnlySpan<char> word = words.Peek();
            if (word is not ("!" or "SET" or "CHECK" or "UPDATE" or "REMOVE" or "reap" or "TTL-Match" or "seconds:" or "hit_count:"
                or "name:" or "side:" or "mask:") || (word is "!" && mode is not null))
                break;
            words.TryRead(out _);
            ReadOnlySpan<char> value = default;
            if (word is [.., ':'] && !words.TryRead(out value))
                return false;
            uint number;
            switch (word)
            {
                case "!": negated = true; break;
                case "SET": mode = RecentMode.Set; break;
                case "CHECK": mode = RecentMode.Check; break;
                case "UPDATE": mode = RecentMode.Update; break;
                case "REMOVE": mode = RecentMode.Remove; break;
                case "reap": reap = true; break;
                case "TTL-Match": ttl = true; break;
                case "seconds:" when Scalar.TryUInt32(value, out number): seconds = number; break;
                case "hit_count:" when Scalar.TryUInt32(value, out number): hits = number; break;
                case "name:": list = cache.Pool.Get(value); break;
                case "side:": side = value is "source" ? PacketSide.Source : PacketSide.Destination; break;
                case "mask:" when InetAddress.TryParse(value, out mask): break;
                default: return false;
            }
        }
        return mode is { } known && Add(SaveMatchParser.Recent(known, list, side, seconds, hits, reap, ttl, mask, negated), parts);
    }

    private static bool TryReadLimit(ref WordReader words, RuleParts parts) =>
        words.TryRead(out ReadOnlySpan<char> avg) && avg is "avg"
        && words.TryRead(out ReadOnlySpan<char> text) && Names.TryRate(text, out ulong rate, out TimeSpan per)
        && words.TryRead(out ReadOnlySpan<char> word) && word is "burst"
        && words.TryRead(out ReadOnlySpan<char> number) && Scalar.TryUInt32(number, out uint burst)
        && Add(new LimitMatch(rate, per, burst), parts);

    /// <summary>
    /// "icmptype 8", "icmp type 3 code 4", "icmp !type 3 code 4", "ipv6-icmptype 1 codes 0-5"; without -n "icmp echo-request".
    /// </summary>
    private static bool TryReadIcmp(scoped ReadOnlySpan<char> word, ref WordReader words, RuleParts parts)
    {
        IpProtocol protocol = word.StartsWith("icmpv6") || word.StartsWith("ipv6") ? IpProtocol.IcmpV6 : IpProtocol.Icmp;
        bool negated = false;
        if (!word.EndsWith("type"))
        {
            ReadOnlySpan<char> next = words.Peek();
            if (next is "type" or "!type")
            {
                negated = next is "!type";
                words.TryRead(out _);
            }
            else
            {
                negated = next is ['!', ..];
                words.TryRead(out _);
                return Add(SaveMatchParser.IcmpMatch(negated ? next[1..] : next, protocol, negated), parts);
            }
        }
        if (!words.TryRead(out ReadOnlySpan<char> value) || !byte.TryParse(value, out byte type))
            return false;
        uint first = 0, last = 255;
        if (words.Peek() is "code" or "codes")
        {
            words.TryRead(out _);
            if (!words.TryRead(out value) || !Scalar.TryRange(value, '-', out first, out last) || first > 255 || last > 255)
                return false;
        }
        return Add(new IcmpMatch(protocol, type, (byte)first, (byte)last, negated), parts);
    }

    private bool TryReadPhysdev(ref WordReader words, RuleParts parts)
    {
        if (!words.TryRead(out ReadOnlySpan<char> match) || match is not "match")
            return false;
        while (words.Peek() is "!" or ['-', '-', 'p', ..])
        {
            WordReader ahead = words;
            if (!TryReadNegatable(ref ahead, out bool negated, out ReadOnlySpan<char> option))
                return false;
            PhysdevKind kind;
            switch (option)
            {
                case "--physdev-in": kind = PhysdevKind.In; break;
                case "--physdev-out": kind = PhysdevKind.Out; break;
                case "--physdev-is-in": kind = PhysdevKind.IsIn; break;
                case "--physdev-is-out": kind = PhysdevKind.IsOut; break;
                case "--physdev-is-bridged": kind = PhysdevKind.IsBridged; break;
                // The "!" belongs to the following match.
                default: return negated;
            }
            ReadOnlySpan<char> name = default;
            if (kind is PhysdevKind.In or PhysdevKind.Out && !ahead.TryRead(out name))
                return false;
            bool isPrefix = name is [.., '+'];
            parts.Matches.Add(new PhysdevMatch(kind, cache.Pool.Get(isPrefix ? name[..^1] : name), isPrefix, negated));
            words = ahead;
        }
        return true;
    }

    private static bool TryReadOwner(bool negated, ref WordReader words, RuleParts parts)
    {
        if (!words.TryRead(out ReadOnlySpan<char> what) || !words.TryRead(out ReadOnlySpan<char> word))
            return false;
        if (what is "socket" && word is "exists")
            return Add(new OwnerMatch(OwnerKind.SocketExists, 0, 0, negated), parts);
        return what is "UID" or "GID" && word is "match" && words.TryRead(out ReadOnlySpan<char> value)
            && Scalar.TryRange(value, '-', out uint first, out uint last)
            && Add(new OwnerMatch(what is "UID" ? OwnerKind.User : OwnerKind.Group, first, last, negated), parts);
    }

    /// <summary>"!value", "! value" or "value".</summary>
    private static bool TryReadNegatable(ref WordReader words, out bool negated, out ReadOnlySpan<char> value)
    {
        negated = false;
        if (!words.TryRead(out value))
            return false;
        if (value is ['!', ..])
        {
            negated = true;
            value = value[1..];
            if (value.IsEmpty)
                return words.TryRead(out value);
        }
        return true;
    }
}
