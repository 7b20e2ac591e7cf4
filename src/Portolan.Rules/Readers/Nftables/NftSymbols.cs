using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Constants as nft prints them: the names and forms of each data type.</summary>
internal static class NftSymbols
{
    // Two IPv6 addresses joined by a dash are 79 characters. The search for a range's dash is quadratic in the length.
    private const int LongestConstant = 100;

    /// <summary>
    /// Reads one constant: a number, a name of the type, an address, a prefix, a range "a-b" or a text. Null for any other text.
    /// </summary>
    public static Expression? Constant(ReadOnlySpan<char> text, DataType type, bool quoted = false)
    {
        // The index of a removed interface is printed as a number.
        if (quoted || type is DataType.InterfaceName or DataType.Text
            || (type == DataType.InterfaceIndex && !Scalar.TryNumber(text, out _)))
            return Name(text);
        if (text.IsEmpty || text.Length > LongestConstant)
            return null;
        if (text is "*")
            return new CatchAllValue();
        if (Single(text, type) is { } single)
            return single;
        if (text.Contains('/') && InetPrefix.TryParse(text, out InetPrefix prefix))
            return new PrefixValue(prefix);
        int dash = RangeDash(text, type);
        if (dash > 0 && Single(text[..dash], type) is { } first && Single(text[(dash + 1)..], type) is { } last)
            return new RangeValue(first, last);
        return null;
    }

    /// <summary>An interface's or helper's name; "eth*" is a prefix, "\*" a literal asterisk.</summary>
    public static NameValue Name(ReadOnlySpan<char> text)
    {
        if (text is [.., '\\', '*'])
            return new($"{text[..^2]}*");
        return text is [.., '*'] ? new(text[..^1].ToString(), true) : new(text.ToString());
    }

    private static Expression? Single(ReadOnlySpan<char> text, DataType type)
    {
        if (Symbol(text, type) is { } symbol)
            return new NumberValue(symbol);
        if (type == DataType.Time)
            return Scalar.TryDuration(text, out TimeSpan time) ? new NumberValue((ulong)time.TotalMilliseconds) : null;
        if (type == DataType.EtherAddress)
            return Scalar.TryMac(text, out ulong mac) ? new NumberValue(mac) : null;
        if (type == DataType.TrafficClass && TrafficClass(text) is { } trafficClass)
            return new NumberValue(trafficClass);
        if (Scalar.TryNumber(text, out ulong number))
            return new NumberValue(number);
        if (InetAddress.TryParse(text, out InetAddress address))
            return new AddressValue(address);
        return null;
    }

    /// <summary>"major:minor", both hexadecimal, each left out when it is 0; "none" and "root" (TC_H_* of linux/pkt_sched.h).</summary>
    private static uint? TrafficClass(ReadOnlySpan<char> text)
    {
        if (text is "none")
            return 0;
        if (text is "root")
            return uint.MaxValue;
        int colon = text.IndexOf(':');
        ushort major = 0, minor = 0;
        if (colon < 0 || text.Length == 1
            || (colon > 0 && !ushort.TryParse(text[..colon], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out major))
            || (colon < text.Length - 1
                && !ushort.TryParse(text[(colon + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out minor)))
            return null;
        return (uint)((major << 16) | minor);
    }

    // Names may contain dashes ("seen-reply"): a range has a dash with a constant on both sides.
    private static int RangeDash(ReadOnlySpan<char> text, DataType type)
    {
        for (int i = 1; i < text.Length - 1; i++)
        {
            if (text[i] == '-' && Single(text[..i], type) is not null)
                return i;
        }
        return -1;
    }

    /// <summary>The number of a name of the type; null for an unknown name.</summary>
    public static ulong? Symbol(ReadOnlySpan<char> text, DataType type)
    {
        switch (type)
        {
            case DataType.InetProtocol:
                return Scalar.TryProtocol(text, out IpProtocol protocol) ? (ulong)protocol : null;
            case DataType.InetService:
                return Scalar.TryPort(text, out ushort port) ? port : null;
        }
        byte? number = type switch
        {
            DataType.ConntrackState => text switch
            {
                "invalid" => 1,
                "established" => 2,
                "related" => 4,
                "new" => 8,
                "untracked" => 64,
                _ => null,
            },
            DataType.ConntrackStatus => text switch
            {
                "expected" => 1,
                "seen-reply" => 2,
                "assured" => 4,
                "confirmed" => 8,
                "snat" => 16,
                "dnat" => 32,
                _ => null,
            },
            DataType.ConntrackDirection => text switch { "original" => 0, "reply" => 1, _ => null },
            DataType.NetfilterProtocol => text switch { "ipv4" => 2, "ipv6" => 10, _ => null },
            DataType.Boolean => text switch { "exists" or "true" => 1, "missing" or "false" => 0, _ => null },
            DataType.PacketType => text switch
            {
                "host" or "unicast" => 0,
                "broadcast" => 1,
                "multicast" => 2,
                "other" => 3,
                _ => null,
            },
            DataType.TcpFlag => text switch
            {
                "fin" => 1,
                "syn" => 2,
                "rst" => 4,
                "psh" => 8,
                "ack" => 16,
                "urg" => 32,
                "ecn" => 64,
                "cwr" => 128,
                _ => null,
            },
            DataType.AddressType => AddressType(text),
            DataType.IcmpType => IcmpType(text),
            DataType.Icmpv6Type => Icmpv6Type(text),
            DataType.IcmpCode => text switch
            {
                "net-unreachable" => 0,
                "host-unreachable" => 1,
                "prot-unreachable" => 2,
                "port-unreachable" => 3,
                "frag-needed" => 4,
                "net-prohibited" => 9,
                "host-prohibited" => 10,
                "admin-prohibited" => 13,
                _ => null,
            },
            DataType.Icmpv6Code => text switch
            {
                "no-route" => 0,
                "admin-prohibited" => 1,
                "addr-unreachable" => 3,
                "port-unreachable" => 4,
                "policy-fail" => 5,
                "reject-route" => 6,
                _ => null,
            },
            DataType.Dscp => Dscp(text),
            _ => null,
        };
        return number ?? (type == DataType.EtherType ? EtherType(text) : null);
    }

    private static ulong? EtherType(ReadOnlySpan<char> text) => text switch
    {
        "ip" => 0x0800,
        "arp" => 0x0806,
        "ip6" => 0x86dd,
        "vlan" or "8021q" => 0x8100,
        "8021ad" => 0x88a8,
        _ => null,
    };

    private static byte? AddressType(ReadOnlySpan<char> text) => text switch
    {
        "unspec" => 0,
        "unicast" => 1,
        "local" => 2,
        "broadcast" => 3,
        "anycast" => 4,
        "multicast" => 5,
        "blackhole" => 6,
        "unreachable" => 7,
        "prohibit" => 8,
        "throw" => 9,
        "nat" => 10,
        "xresolve" => 11,
        _ => null,
    };

    private static byte? IcmpType(ReadOnlySpan<char> text) => text switch
    {
        "echo-reply" => 0,
        "destination-unreachable" => 3,
        "source-quench" => 4,
        "redirect" => 5,
        "echo-request" => 8,
        "router-advertisement" => 9,
        "router-solicitation" => 10,
        "time-exceeded" => 11,
        "parameter-problem" => 12,
        "timestamp-request" => 13,
        "timestamp-reply" => 14,
        "info-request" => 15,
        "info-reply" => 16,
        "address-mask-request" => 17,
        "address-mask-reply" => 18,
        _ => null,
    };

    private static byte? Icmpv6Type(ReadOnlySpan<char> text) => text switch
    {
        "destination-unreachable" => 1,
        "packet-too-big" => 2,
        "time-exceeded" => 3,
        "parameter-problem" => 4,
        "echo-request" => 128,
        "echo-reply" => 129,
        "mld-listener-query" => 130,
        "mld-listener-report" => 131,
        "mld-listener-done" or "mld-listener-reduction" => 132,
        "nd-router-solicit" => 133,
        "nd-router-advert" => 134,
        "nd-neighbor-solicit" => 135,
        "nd-neighbor-advert" => 136,
        "nd-redirect" => 137,
        "router-renumbering" => 138,
        "ind-neighbor-solicit" => 141,
        "ind-neighbor-advert" => 142,
        "mld2-listener-report" => 143,
        _ => null,
    };

    private static byte? Dscp(ReadOnlySpan<char> text) => text switch
    {
        "cs0" or "df" => 0,
        "cs1" => 8,
        "cs2" => 16,
        "cs3" => 24,
        "cs4" => 32,
        "cs5" => 40,
        "cs6" => 48,
        "cs7" => 56,
        "lephb" => 1,
        "af11" => 10,
        "af12" => 12,
        "af13" => 14,
        "af21" => 18,
        "af22" => 20,
        "af23" => 22,
        "af31" => 26,
        "af32" => 28,
        "af33" => 30,
        "af41" => 34,
        "af42" => 36,
        "af43" => 38,
        "va" => 44,
        "ef" => 46,
        _ => null,
    };

    /// <summary>The types and codes of nft's reject, by name or, with -n, by number.</summary>
    public static RejectWith? Reject(ReadOnlySpan<char> type, ReadOnlySpan<char> code)
    {
        switch (type)
        {
            case "tcp":
                return RejectWith.TcpReset;
            case "icmp":
                return (Symbol(code, DataType.IcmpCode) ?? (byte.TryParse(code, out byte v4) ? v4 : (ulong?)null)) switch
                {
                    0 => RejectWith.NetUnreachable,
                    1 => RejectWith.HostUnreachable,
                    2 => RejectWith.ProtocolUnreachable,
                    3 => RejectWith.PortUnreachable,
                    9 => RejectWith.NetProhibited,
                    10 => RejectWith.HostProhibited,
                    13 => RejectWith.AdminProhibited,
                    _ => null,
                };
            case "icmpv6":
                return (Symbol(code, DataType.Icmpv6Code) ?? (byte.TryParse(code, out byte v6) ? v6 : (ulong?)null)) switch
                {
                    0 => RejectWith.NetUnreachable,
                    1 => RejectWith.AdminProhibited,
                    3 => RejectWith.HostUnreachable,
                    4 => RejectWith.PortUnreachable,
                    5 => RejectWith.PolicyFail,
                    6 => RejectWith.RejectRoute,
                    _ => null,
                };
            case "icmpx":
                // linux/netfilter/nf_tables.h, NFT_REJECT_ICMPX_*
                return code switch
                {
                    "no-route" or "0" => RejectWith.NetUnreachable,
                    "port-unreachable" or "1" => RejectWith.PortUnreachable,
                    "host-unreachable" or "2" => RejectWith.HostUnreachable,
                    "admin-prohibited" or "3" => RejectWith.AdminProhibited,
                    _ => null,
                };
            default:
                return null;
        }
    }
}
