using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads the matches of iptables-extensions(8) with their options, as iptables-save writes them.</summary>
internal sealed class SaveMatchParser(StatementCache cache)
{
    /// <summary>Reads the options of "-m NAME". A match that is not known, or has unknown options, is kept as text.</summary>
    public bool TryRead(ReadOnlySpan<char> name, ref WordReader words, RuleParts parts)
    {
        int start = words.Position;
        int before = parts.Matches.Count;
        WordReader options = words;
        if (TryReadKnown(name, ref options, parts))
        {
            words = options;
            return true;
        }
        parts.Matches.RemoveRange(before, parts.Matches.Count - before);
        while (words.Peek() is not ("-m" or "--match" or "-j" or "--jump" or "-g" or "--goto" or []) || words.IsQuotedNext)
            words.TryRead(out _);
        parts.Matches.Add(new UnmodelledMatch(cache.Pool.Get(name), $"{name} {words.Since(start)}".TrimEnd()));
        return true;
    }

    /// <summary>Reads an option of the protocol's own match when "-m" was left out; the option itself is already read.</summary>
    public bool TryReadImplicit(
        scoped ReadOnlySpan<char> protocol, scoped ReadOnlySpan<char> option, ref WordReader words, bool negated, RuleParts parts) =>
        TryReadOption(protocol, option, ref words, negated, parts);

    private bool TryReadKnown(ReadOnlySpan<char> name, ref WordReader words, RuleParts parts)
    {
        switch (name)
        {
            case "recent": return TryReadRecent(ref words, parts);
            case "statistic": return TryReadStatistic(ref words, parts);
            case "limit": return TryReadLimit(ref words, parts);
            case "addrtype": return TryReadAddressType(ref words, parts);
            case "set": return TryReadSet(ref words, parts);
            case "tcp" or "udp" or "udplite" or "sctp" or "dccp" or "icmp" or "icmp6" or "multiport" or "comment" or "mark" or "connmark"
                or "conntrack" or "state" or "iprange" or "physdev" or "owner" or "nfacct":
                break;
            default:
                return false;
        }
        int from = parts.Matches.Count;
        while (TryReadOptionName(ref words, out ReadOnlySpan<char> option, out bool negated))
        {
            if (!TryReadOption(name, option, ref words, negated, parts))
                return false;
        }
        if (name is "conntrack")
            ConntrackOptions.Join(parts.Matches, from);
        return true;
    }

    /// <summary>The next "--option" or "! --option" of the current match; false when something else follows.</summary>
    private static bool TryReadOptionName(ref WordReader words, out ReadOnlySpan<char> option, out bool negated)
    {
        WordReader ahead = words;
        negated = false;
        if (!ahead.TryRead(out option))
            return false;
        if (option is "!")
        {
            negated = true;
            if (!ahead.TryRead(out option))
                return false;
        }
        if (!option.StartsWith("--", StringComparison.Ordinal) || option is "--jump" or "--match" or "--goto")
            return false;
        words = ahead;
        return true;
    }

    private bool TryReadOption(
        scoped ReadOnlySpan<char> module, scoped ReadOnlySpan<char> option, ref WordReader words, bool negated, RuleParts parts)
    {
        if (option is "--syn")
        {
            parts.Matches.Add(new TcpFlagsMatch(TcpFlags.Syn | TcpFlags.Rst | TcpFlags.Ack | TcpFlags.Fin, TcpFlags.Syn, negated));
            return true;
        }
        if (module is "physdev" && option is "--physdev-is-in" or "--physdev-is-out" or "--physdev-is-bridged")
        {
            PhysdevKind kind = option is "--physdev-is-in" ? PhysdevKind.IsIn
                : option is "--physdev-is-out" ? PhysdevKind.IsOut : PhysdevKind.IsBridged;
            parts.Matches.Add(new PhysdevMatch(kind, string.Empty, false, negated));
            return true;
        }
        if (option is "--socket-exists")
        {
            parts.Matches.Add(new OwnerMatch(OwnerKind.SocketExists, 0, 0, negated));
            return true;
        }
        if (!words.TryRead(out ReadOnlySpan<char> value))
            return false;
        // Old versions put the "!" after the option.
        if (value is "!")
        {
            negated = !negated;
            if (!words.TryRead(out value))
                return false;
        }
        if (module is "comment")
        {
            parts.AddComment(cache.Pool.Get(value));
            return option is "--comment";
        }
        if (option is "--tcp-flags")
        {
            return Names.TryTcpFlags(value, out TcpFlags mask) && words.TryRead(out ReadOnlySpan<char> compared)
                && Names.TryTcpFlags(compared, out TcpFlags flags) && Add(new TcpFlagsMatch(mask, flags, negated), parts);
        }
        Match? match = module switch
        {
            "tcp" or "udp" or "udplite" or "sctp" or "dccp" => TransportMatch(option, value, negated),
            "icmp" => option is "--icmp-type" ? IcmpMatch(value, IpProtocol.Icmp, negated) : null,
            "icmp6" or "icmpv6" => option is "--icmpv6-type" ? IcmpMatch(value, IpProtocol.IcmpV6, negated) : null,
            "multiport" => MultiportMatch(option, value, negated),
            "mark" or "connmark" => option is "--mark" && Scalar.TryMasked(value, out uint mark, out uint mask)
                ? new MarkMatch(module is "mark" ? MarkKind.Packet : MarkKind.Connection, mark, mask, negated) : null,
            "state" => option is "--state" && Names.TryStates(value, out ConntrackStates states)
                ? new ConntrackStateMatch(states, negated) : null,
            "conntrack" => ConntrackOptions.Read(option[2..], value, negated),
            "iprange" => AddressRange(option, value, negated),
            "physdev" => PhysdevMatch(option, value, negated),
            "owner" => OwnerMatch(option, value, negated),
            "nfacct" => option is "--nfacct-name" ? new AccountingMatch(cache.Pool.Get(value)) : null,
            _ => null,
        };
        return match is not null && Add(match, parts);
    }

    private static bool Add(Match match, RuleParts parts)
    {
        parts.Matches.Add(match);
        return true;
    }

    private Match? TransportMatch(ReadOnlySpan<char> option, ReadOnlySpan<char> value, bool negated)
    {
        switch (option)
        {
            case "--dport" or "--destination-port":
                return Scalar.TryPorts(value, out PortRange to) ? cache.Port(PacketSide.Destination, to, negated) : null;
            case "--sport" or "--source-port":
                return Scalar.TryPorts(value, out PortRange from) ? cache.Port(PacketSide.Source, from, negated) : null;
            case "--tcp-option":
                return byte.TryParse(value, out byte number) ? new TcpOptionMatch(number, negated) : null;
            default:
                return null;
        }
    }

    /// <summary>"8", "3/4", "1/0:5" or a name.</summary>
    internal static IcmpMatch? IcmpMatch(ReadOnlySpan<char> value, IpProtocol protocol, bool negated)
    {
        if ((protocol == IpProtocol.IcmpV6 ? Names.Icmpv6Type(value) : Names.IcmpType(value)) is var (named, first, last))
            return new(protocol, named, first, last, negated);
        int slash = value.IndexOf('/');
        if (!byte.TryParse(slash < 0 ? value : value[..slash], out byte type))
            return null;
        if (slash < 0)
            return new(protocol, type, 0, 255, negated);
        return Scalar.TryRange(value[(slash + 1)..], ':', out uint low, out uint high) && low <= 255 && high <= 255
            ? new(protocol, type, (byte)low, (byte)high, negated) : null;
    }

    private static PortMatch? MultiportMatch(ReadOnlySpan<char> option, ReadOnlySpan<char> value, bool negated)
    {
        PacketSide side;
        switch (option)
        {
            case "--dports" or "--destination-ports": side = PacketSide.Destination; break;
            case "--sports" or "--source-ports": side = PacketSide.Source; break;
            case "--ports": side = PacketSide.Either; break;
            default: return null;
        }
        return TryPortList(value, out EquatableArray<PortRange> ports) ? new(side, ports, negated) : null;
    }

    internal static bool TryPortList(ReadOnlySpan<char> text, out EquatableArray<PortRange> ports)
    {
        var list = new List<PortRange>();
        foreach (Range part in text.Split(','))
        {
            if (!Scalar.TryPorts(text[part], out PortRange range))
            {
                ports = default;
                return false;
            }
            list.Add(range);
        }
        ports = [.. list];
        return true;
    }

    private static AddressRangeMatch? AddressRange(ReadOnlySpan<char> option, ReadOnlySpan<char> value, bool negated) =>
        option is "--src-range" or "--dst-range" && Scalar.TryAddressRange(value, out InetAddress first, out InetAddress last)
            ? new(option is "--src-range" ? PacketSide.Source : PacketSide.Destination, first, last, negated) : null;

    private PhysdevMatch? PhysdevMatch(ReadOnlySpan<char> option, ReadOnlySpan<char> value, bool negated)
    {
        if (option is not ("--physdev-in" or "--physdev-out"))
            return null;
        bool isPrefix = value is [.., '+'];
        return new(option is "--physdev-in" ? PhysdevKind.In : PhysdevKind.Out, cache.Pool.Get(isPrefix ? value[..^1] : value),
            isPrefix, negated);
    }

    private static OwnerMatch? OwnerMatch(ReadOnlySpan<char> option, ReadOnlySpan<char> value, bool negated) =>
        option is "--uid-owner" or "--gid-owner" && Scalar.TryRange(value, '-', out uint first, out uint last)
            ? new(option is "--uid-owner" ? OwnerKind.User : OwnerKind.Group, first, last, negated) : null;

    private bool TryReadRecent(ref WordReader words, RuleParts parts)
    {
        RecentMode? mode = null;
        string list = "DEFAULT";
        PacketSide side = PacketSide.Source;
        uint? seconds = null, hits = null;
        bool reap = false, ttl = false, isNegated = false;
        InetAddress mask = default;
        while (TryReadOptionName(ref words, out ReadOnlySpan<char> option, out bool negated))
        {
            isNegated |= negated;
            switch (option)
            {
                case "--set": mode = RecentMode.Set; continue;
                case "--rcheck": mode = RecentMode.Check; continue;
                case "--update": mode = RecentMode.Update; continue;
                case "--remove": mode = RecentMode.Remove; continue;
                case "--reap": reap = true; continue;
                case "--rttl": ttl = true; continue;
                case "--rsource": side = PacketSide.Source; continue;
                case "--rdest": side = PacketSide.Destination; continue;
            }
            if (!words.TryRead(out ReadOnlySpan<char> value))
                return false;
            uint number;
            switch (option)
            {
                case "--name": list = cache.Pool.Get(value); break;
                case "--seconds" when Scalar.TryUInt32(value, out number): seconds = number; break;
                case "--hitcount" when Scalar.TryUInt32(value, out number): hits = number; break;
                case "--mask" when InetAddress.TryParse(value, out mask): break;
                default: return false;
            }
        }
        return mode is { } known && Add(Recent(known, list, side, seconds, hits, reap, ttl, mask, isNegated), parts);
    }

    /// <summary>The match, without a mask that keeps the whole address.</summary>
    internal static RecentMatch Recent(
        RecentMode mode, string list, PacketSide side, uint? seconds, uint? hits, bool reap, bool ttl, InetAddress mask, bool negated)
    {
        UInt128 whole = mask.Family == IpFamily.IPv4 ? uint.MaxValue : UInt128.MaxValue;
        return new(mode, list, side, seconds, hits, reap, ttl, mask.ToNumber() == whole ? default : mask, negated);
    }

    private bool TryReadStatistic(ref WordReader words, RuleParts parts)
    {
        bool? isRandom = null;
        bool isNegated = false;
        uint every = 0, packet = 0;
        Match? random = null;
        while (TryReadOptionName(ref words, out ReadOnlySpan<char> option, out bool negated))
        {
            isNegated |= negated;
            if (!words.TryRead(out ReadOnlySpan<char> value))
                return false;
            switch (option)
            {
                case "--mode" when value is "random" or "nth": isRandom = value is "random"; break;
                case "--probability": random = cache.Statistic(value, isNegated); break;
                case "--every" when Scalar.TryUInt32(value, out every): break;
                case "--packet" when Scalar.TryUInt32(value, out packet): break;
                default: return false;
            }
        }
        if (isRandom == true)
            return random is not null && Add(random, parts);
        return isRandom == false && every > 0 && Add(new StatisticNthMatch(every, packet, isNegated), parts);
    }

    private static bool TryReadLimit(ref WordReader words, RuleParts parts)
    {
        // xt_limit's defaults: 3 per hour, burst 5.
        ulong rate = 3;
        var per = TimeSpan.FromHours(1);
        uint burst = 5;
        while (TryReadOptionName(ref words, out ReadOnlySpan<char> option, out bool negated))
        {
            if (negated || !words.TryRead(out ReadOnlySpan<char> value))
                return false;
            switch (option)
            {
                case "--limit" when Names.TryRate(value, out rate, out per): break;
                case "--limit-burst" when Scalar.TryUInt32(value, out burst): break;
                default: return false;
            }
        }
        return Add(new LimitMatch(rate, per, burst), parts);
    }

    private static bool TryReadAddressType(ref WordReader words, RuleParts parts)
    {
        InterfaceDirection? limit = null;
        int first = parts.Matches.Count;
        while (TryReadOptionName(ref words, out ReadOnlySpan<char> option, out bool negated))
        {
            switch (option)
            {
                case "--limit-iface-in": limit = InterfaceDirection.In; continue;
                case "--limit-iface-out": limit = InterfaceDirection.Out; continue;
            }
            if (option is not ("--src-type" or "--dst-type") || !words.TryRead(out ReadOnlySpan<char> value)
                || !Names.TryAddressTypes(value, out AddressTypes types))
                return false;
            parts.Matches.Add(new AddressTypeMatch(option is "--src-type" ? PacketSide.Source : PacketSide.Destination, types,
                null, negated));
        }
        LimitAddressTypes(parts, first, limit);
        return true;
    }

    /// <summary>One --limit-iface option applies to both sides.</summary>
    internal static void LimitAddressTypes(RuleParts parts, int first, InterfaceDirection? limit)
    {
        if (limit is null)
            return;
        for (int i = first; i < parts.Matches.Count; i++)
        {
            if (parts.Matches[i] is AddressTypeMatch match)
                parts.Matches[i] = match with { LimitTo = limit };
        }
    }

    private bool TryReadSet(ref WordReader words, RuleParts parts)
    {
        IpSetMatch? match = null;
        int optionsFrom = 0;
        while (TryReadOptionName(ref words, out ReadOnlySpan<char> option, out bool negated))
        {
            if (option is "--match-set")
            {
                if (match is not null || !words.TryRead(out ReadOnlySpan<char> name) || !words.TryRead(out ReadOnlySpan<char> sides)
                    || !Names.TrySides(sides, out EquatableArray<PacketSide> read))
                    return false;
                match = new(cache.Pool.Get(name), read, string.Empty, negated);
                optionsFrom = words.Position;
            }
            else if (option is not ("--return-nomatch" or "--update-counters" or "--update-subcounters"))
            {
                words.TryRead(out _);
            }
        }
        return match is not null && Add(match with { Options = cache.Pool.Get(words.Since(optionsFrom)) }, parts);
    }
}
