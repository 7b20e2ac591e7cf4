using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>The words that iptables uses in both saved rules and listings.</summary>
internal static class Names
{
    public static bool IsTable(ReadOnlySpan<char> name) => name is "raw" or "mangle" or "nat" or "filter" or "security";

    /// <summary>The hook of a built-in chain's name.</summary>
    public static Hook? HookOf(ReadOnlySpan<char> chain) => chain switch
    {
        "PREROUTING" => Hook.Prerouting,
        "INPUT" => Hook.Input,
        "FORWARD" => Hook.Forward,
        "OUTPUT" => Hook.Output,
        "POSTROUTING" => Hook.Postrouting,
        _ => null,
    };

    /// <summary>The chains a table always has, net/ipv4/netfilter/iptable_*.c.</summary>
    public static ReadOnlySpan<string> BuiltIn(ReadOnlySpan<char> table) => table switch
    {
        "raw" => s_rawChains,
        "mangle" => s_mangleChains,
        "nat" => s_natChains,
        _ => s_filterChains,
    };

    private static readonly string[] s_rawChains = ["PREROUTING", "OUTPUT"];
    private static readonly string[] s_mangleChains = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    private static readonly string[] s_natChains = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"];
    private static readonly string[] s_filterChains = ["INPUT", "FORWARD", "OUTPUT"];

    /// <summary>The place of a built-in chain, with the priorities of linux/netfilter_ipv4.h; null for any other chain.</summary>
    public static BaseChain? BaseOf(ReadOnlySpan<char> table, ReadOnlySpan<char> chain, VerdictKind policy)
    {
        if (HookOf(chain) is not { } hook)
            return null;
        return table switch
        {
            "raw" => new(ChainType.Filter, hook, -300, policy),
            "mangle" => new(hook == Hook.Output ? ChainType.Route : ChainType.Filter, hook, -150, policy),
            "nat" => new(ChainType.Nat, hook, hook is Hook.Prerouting or Hook.Output ? -100 : 100, policy),
            "security" => new(ChainType.Filter, hook, 50, policy),
            _ => new(ChainType.Filter, hook, 0, policy),
        };
    }

    /// <summary>The argument of --reject-with, of iptables and ip6tables.</summary>
    public static RejectWith? Reject(ReadOnlySpan<char> text) => text switch
    {
        "icmp-port-unreachable" or "icmp6-port-unreachable" or "port-unreach" => RejectWith.PortUnreachable,
        "icmp-net-unreachable" or "icmp6-no-route" or "no-route" => RejectWith.NetUnreachable,
        "icmp-host-unreachable" or "icmp6-addr-unreachable" or "addr-unreach" => RejectWith.HostUnreachable,
        "icmp-proto-unreachable" => RejectWith.ProtocolUnreachable,
        "icmp-net-prohibited" => RejectWith.NetProhibited,
        "icmp-host-prohibited" => RejectWith.HostProhibited,
        "icmp-admin-prohibited" or "icmp6-adm-prohibited" or "adm-prohibited" => RejectWith.AdminProhibited,
        "icmp6-policy-fail" or "policy-fail" => RejectWith.PolicyFail,
        "icmp6-reject-route" or "reject-route" => RejectWith.RejectRoute,
        "tcp-reset" => RejectWith.TcpReset,
        _ => null,
    };

    /// <summary>Targets that never end a chain and change nothing that is modelled, iptables-extensions(8).</summary>
    public static bool PassesOn(ReadOnlySpan<char> target) => target is "AUDIT" or "CHECKSUM" or "CLASSIFY" or "CONNSECMARK" or "ECN"
        or "HL" or "IDLETIMER" or "LED" or "RATEEST" or "SECMARK" or "TCPMSS" or "TCPOPTSTRIP" or "TEE" or "TTL" or "ULOG";

    /// <summary>Other targets that exist but are not modelled.</summary>
    public static bool IsOtherTarget(ReadOnlySpan<char> target) =>
        target is "CLUSTERIP" or "DNPT" or "DSCP" or "HMARK" or "MIRROR" or "NFQUEUE"
        or "SET" or "SNPT" or "SYNPROXY" or "TARPIT" or "TOS" or "TPROXY" or "RTPENGINE" or "FLOWOFFLOAD";

    /// <summary>"NEW,ESTABLISHED" and the like.</summary>
    public static bool TryStates(ReadOnlySpan<char> text, out ConntrackStates states)
    {
        states = ConntrackStates.None;
        foreach (Range part in text.Split(','))
        {
            ConntrackStates state = text[part] switch
            {
                "INVALID" => ConntrackStates.Invalid,
                "ESTABLISHED" => ConntrackStates.Established,
                "RELATED" => ConntrackStates.Related,
                "NEW" => ConntrackStates.New,
                "UNTRACKED" => ConntrackStates.Untracked,
                "SNAT" => ConntrackStates.Snat,
                "DNAT" => ConntrackStates.Dnat,
                _ => ConntrackStates.None,
            };
            if (state == ConntrackStates.None)
                return false;
            states |= state;
        }
        return true;
    }

    /// <summary>"EXPECTED,ASSURED" and the like; "NONE" means no bit.</summary>
    public static bool TryStatuses(ReadOnlySpan<char> text, out ConntrackStatuses statuses)
    {
        statuses = ConntrackStatuses.None;
        if (text is "NONE")
            return true;
        foreach (Range part in text.Split(','))
        {
            ConntrackStatuses status = text[part] switch
            {
                "EXPECTED" => ConntrackStatuses.Expected,
                "SEEN_REPLY" => ConntrackStatuses.SeenReply,
                "ASSURED" => ConntrackStatuses.Assured,
                "CONFIRMED" => ConntrackStatuses.Confirmed,
                _ => ConntrackStatuses.None,
            };
            if (status == ConntrackStatuses.None)
                return false;
            statuses |= status;
        }
        return true;
    }

    /// <summary>"LOCAL,BROADCAST" and the like.</summary>
    public static bool TryAddressTypes(ReadOnlySpan<char> text, out AddressTypes types)
    {
        types = AddressTypes.None;
        foreach (Range part in text.Split(','))
        {
            AddressTypes type = text[part] switch
            {
                "UNSPEC" => AddressTypes.Unspec,
                "UNICAST" => AddressTypes.Unicast,
                "LOCAL" => AddressTypes.Local,
                "BROADCAST" => AddressTypes.Broadcast,
                "ANYCAST" => AddressTypes.Anycast,
                "MULTICAST" => AddressTypes.Multicast,
                "BLACKHOLE" => AddressTypes.Blackhole,
                "UNREACHABLE" => AddressTypes.Unreachable,
                "PROHIBIT" => AddressTypes.Prohibit,
                "THROW" => AddressTypes.Throw,
                "NAT" => AddressTypes.Nat,
                "XRESOLVE" => AddressTypes.XResolve,
                _ => AddressTypes.None,
            };
            if (type == AddressTypes.None)
                return false;
            types |= type;
        }
        return true;
    }

    /// <summary>"SYN,ACK", "ALL" or "NONE".</summary>
    public static bool TryTcpFlags(ReadOnlySpan<char> text, out TcpFlags flags)
    {
        flags = TcpFlags.None;
        foreach (Range part in text.Split(','))
        {
            switch (text[part])
            {
                case "FIN": flags |= TcpFlags.Fin; break;
                case "SYN": flags |= TcpFlags.Syn; break;
                case "RST": flags |= TcpFlags.Rst; break;
                case "PSH": flags |= TcpFlags.Psh; break;
                case "ACK": flags |= TcpFlags.Ack; break;
                case "URG": flags |= TcpFlags.Urg; break;
                case "ALL": flags |= (TcpFlags)0x3f; break;
                case "NONE": break;
                default: return false;
            }
        }
        return true;
    }

    /// <summary>"src,dst".</summary>
    public static bool TrySides(ReadOnlySpan<char> text, out EquatableArray<PacketSide> sides)
    {
        sides = default;
        Span<PacketSide> found = stackalloc PacketSide[6];
        int count = 0;
        foreach (Range part in text.Split(','))
        {
            if (count == found.Length || text[part] is not ("src" or "dst"))
                return false;
            found[count++] = text[part] is "src" ? PacketSide.Source : PacketSide.Destination;
        }
        sides = EquatableArray.Create<PacketSide>(found[..count]);
        return true;
    }

    /// <summary>"5/min" as limit and hashlimit write it.</summary>
    public static bool TryRate(ReadOnlySpan<char> text, out ulong rate, out TimeSpan per)
    {
        rate = 0;
        per = default;
        int slash = text.IndexOf('/');
        if (slash < 0 || !Reading.Scalar.TryNumber(text[..slash], out rate))
            return false;
        int seconds = text[(slash + 1)..] switch
        {
            "s" or "sec" or "second" => 1,
            "m" or "min" or "minute" => 60,
            "h" or "hour" => 3600,
            "d" or "day" => 86400,
            _ => 0,
        };
        per = TimeSpan.FromSeconds(seconds);
        return seconds > 0;
    }

    /// <summary>ICMP types by name, as written by hand and printed by listings without -n; numbers are not handled here.</summary>
    public static (byte Type, byte FirstCode, byte LastCode)? IcmpType(ReadOnlySpan<char> text) => text switch
    {
        "any" => (255, 0, 255),
        "echo-reply" or "pong" => (0, 0, 255),
        "destination-unreachable" => (3, 0, 255),
        "network-unreachable" => (3, 0, 0),
        "host-unreachable" => (3, 1, 1),
        "protocol-unreachable" => (3, 2, 2),
        "port-unreachable" => (3, 3, 3),
        "fragmentation-needed" => (3, 4, 4),
        "source-quench" => (4, 0, 255),
        "redirect" => (5, 0, 255),
        "echo-request" or "ping" => (8, 0, 255),
        "router-advertisement" => (9, 0, 255),
        "router-solicitation" => (10, 0, 255),
        "time-exceeded" or "ttl-exceeded" => (11, 0, 255),
        "parameter-problem" => (12, 0, 255),
        "timestamp-request" => (13, 0, 255),
        "timestamp-reply" => (14, 0, 255),
        _ => null,
    };

    /// <summary>The same for ICMPv6.</summary>
    public static (byte Type, byte FirstCode, byte LastCode)? Icmpv6Type(ReadOnlySpan<char> text) => text switch
    {
        "destination-unreachable" => (1, 0, 255),
        "no-route" => (1, 0, 0),
        "packet-too-big" => (2, 0, 255),
        "time-exceeded" or "ttl-exceeded" => (3, 0, 255),
        "parameter-problem" => (4, 0, 255),
        "echo-request" or "ping" => (128, 0, 255),
        "echo-reply" or "pong" => (129, 0, 255),
        "router-solicitation" => (133, 0, 255),
        "router-advertisement" => (134, 0, 255),
        "neighbour-solicitation" or "neighbor-solicitation" => (135, 0, 255),
        "neighbour-advertisement" or "neighbor-advertisement" => (136, 0, 255),
        "redirect" => (137, 0, 255),
        _ => null,
    };
}
