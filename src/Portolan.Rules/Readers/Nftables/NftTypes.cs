using System.Collections.Frozen;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>The selectors and data types of nft(8) by name.</summary>
internal static class NftTypes
{
    private const DataType Number = DataType.Integer;

    private static readonly FrozenDictionary<string, (PacketField Field, DataType Type)> s_selectors =
        new Dictionary<string, (PacketField, DataType)>
        {
            ["ip version"] = (PacketField.IpVersion, Number),
            ["ip hdrlength"] = (PacketField.IpHeaderLength, Number),
            ["ip dscp"] = (PacketField.IpDscp, DataType.Dscp),
            ["ip ecn"] = (PacketField.IpEcn, Number),
            ["ip length"] = (PacketField.IpLength, Number),
            ["ip id"] = (PacketField.IpId, Number),
            ["ip frag-off"] = (PacketField.IpFragmentOffset, Number),
            ["ip ttl"] = (PacketField.IpTtl, Number),
            ["ip protocol"] = (PacketField.IpProtocol, DataType.InetProtocol),
            ["ip saddr"] = (PacketField.IpSource, DataType.Ipv4Address),
            ["ip daddr"] = (PacketField.IpDestination, DataType.Ipv4Address),
            ["ip6 dscp"] = (PacketField.Ip6Dscp, DataType.Dscp),
            ["ip6 flowlabel"] = (PacketField.Ip6FlowLabel, Number),
            ["ip6 length"] = (PacketField.Ip6Length, Number),
            ["ip6 nexthdr"] = (PacketField.Ip6NextHeader, DataType.InetProtocol),
            ["ip6 hoplimit"] = (PacketField.Ip6HopLimit, Number),
            ["ip6 saddr"] = (PacketField.Ip6Source, DataType.Ipv6Address),
            ["ip6 daddr"] = (PacketField.Ip6Destination, DataType.Ipv6Address),
            ["tcp sport"] = (PacketField.TcpSourcePort, DataType.InetService),
            ["tcp dport"] = (PacketField.TcpDestinationPort, DataType.InetService),
            ["tcp flags"] = (PacketField.TcpFlags, DataType.TcpFlag),
            ["udp sport"] = (PacketField.UdpSourcePort, DataType.InetService),
            ["udp dport"] = (PacketField.UdpDestinationPort, DataType.InetService),
            ["udp length"] = (PacketField.UdpLength, Number),
            ["udplite sport"] = (PacketField.UdpLiteSourcePort, DataType.InetService),
            ["udplite dport"] = (PacketField.UdpLiteDestinationPort, DataType.InetService),
            ["sctp sport"] = (PacketField.SctpSourcePort, DataType.InetService),
            ["sctp dport"] = (PacketField.SctpDestinationPort, DataType.InetService),
            ["dccp sport"] = (PacketField.DccpSourcePort, DataType.InetService),
            ["dccp dport"] = (PacketField.DccpDestinationPort, DataType.InetService),
            ["th sport"] = (PacketField.TransportSourcePort, DataType.InetService),
            ["th dport"] = (PacketField.TransportDestinationPort, DataType.InetService),
            ["icmp type"] = (PacketField.IcmpType, DataType.IcmpType),
            ["icmp code"] = (PacketField.IcmpCode, DataType.IcmpCode),
            ["icmp id"] = (PacketField.IcmpId, Number),
            ["icmpv6 type"] = (PacketField.Icmpv6Type, DataType.Icmpv6Type),
            ["icmpv6 code"] = (PacketField.Icmpv6Code, DataType.Icmpv6Code),
            ["icmpv6 id"] = (PacketField.Icmpv6Id, Number),
            ["ether saddr"] = (PacketField.EtherSource, DataType.EtherAddress),
            ["ether daddr"] = (PacketField.EtherDestination, DataType.EtherAddress),
            ["ether type"] = (PacketField.EtherType, DataType.EtherType),
            ["meta length"] = (PacketField.MetaLength, Number),
            ["meta protocol"] = (PacketField.MetaProtocol, DataType.EtherType),
            ["meta nfproto"] = (PacketField.MetaNfProto, DataType.NetfilterProtocol),
            ["meta l4proto"] = (PacketField.MetaL4Proto, DataType.InetProtocol),
            ["meta mark"] = (PacketField.MetaMark, DataType.Mark),
            ["meta priority"] = (PacketField.MetaPriority, DataType.TrafficClass),
            ["meta iif"] = (PacketField.MetaInInterfaceIndex, DataType.InterfaceIndex),
            ["meta iifname"] = (PacketField.MetaInInterface, DataType.InterfaceName),
            ["meta iiftype"] = (PacketField.MetaInInterfaceType, DataType.InterfaceType),
            ["meta iifgroup"] = (PacketField.MetaInInterfaceGroup, DataType.InterfaceGroup),
            ["meta iifkind"] = (PacketField.MetaInInterfaceKind, DataType.InterfaceName),
            ["meta oif"] = (PacketField.MetaOutInterfaceIndex, DataType.InterfaceIndex),
            ["meta oifname"] = (PacketField.MetaOutInterface, DataType.InterfaceName),
            ["meta oiftype"] = (PacketField.MetaOutInterfaceType, DataType.InterfaceType),
            ["meta oifgroup"] = (PacketField.MetaOutInterfaceGroup, DataType.InterfaceGroup),
            ["meta oifkind"] = (PacketField.MetaOutInterfaceKind, DataType.InterfaceName),
            ["meta ibrname"] = (PacketField.MetaInBridge, DataType.InterfaceName),
            ["meta obrname"] = (PacketField.MetaOutBridge, DataType.InterfaceName),
            ["meta skuid"] = (PacketField.MetaSocketUser, DataType.UserOrGroup),
            ["meta skgid"] = (PacketField.MetaSocketGroup, DataType.UserOrGroup),
            ["meta nftrace"] = (PacketField.MetaTrace, Number),
            ["meta rtclassid"] = (PacketField.MetaRouteClass, DataType.Realm),
            ["meta pkttype"] = (PacketField.MetaPacketType, DataType.PacketType),
            ["meta cpu"] = (PacketField.MetaCpu, Number),
            ["meta cgroup"] = (PacketField.MetaCgroup, Number),
            ["meta random"] = (PacketField.MetaRandom, Number),
            ["ct state"] = (PacketField.CtState, DataType.ConntrackState),
            ["ct status"] = (PacketField.CtStatus, DataType.ConntrackStatus),
            ["ct direction"] = (PacketField.CtDirection, DataType.ConntrackDirection),
            ["ct mark"] = (PacketField.CtMark, DataType.Mark),
            ["ct expiration"] = (PacketField.CtExpiration, DataType.Time),
            ["ct helper"] = (PacketField.CtHelper, DataType.Text),
            ["ct label"] = (PacketField.CtLabel, DataType.ConntrackLabel),
            ["ct zone"] = (PacketField.CtZone, Number),
            ["ct event"] = (PacketField.CtEvent, Number),
            ["ct l3proto"] = (PacketField.CtL3Proto, DataType.NetfilterProtocol),
            ["ct protocol"] = (PacketField.CtProtocol, DataType.InetProtocol),
            ["ct ip saddr"] = (PacketField.CtIpSource, DataType.Ipv4Address),
            ["ct ip daddr"] = (PacketField.CtIpDestination, DataType.Ipv4Address),
            ["ct ip6 saddr"] = (PacketField.CtIp6Source, DataType.Ipv6Address),
            ["ct ip6 daddr"] = (PacketField.CtIp6Destination, DataType.Ipv6Address),
            ["ct proto-src"] = (PacketField.CtSourcePort, DataType.InetService),
            ["ct proto-dst"] = (PacketField.CtDestinationPort, DataType.InetService),
            ["ct packets"] = (PacketField.CtPackets, Number),
            ["ct bytes"] = (PacketField.CtBytes, Number),
            ["ct avgpkt"] = (PacketField.CtAveragePacket, Number),
            ["ct id"] = (PacketField.CtId, Number),
            ["rt ip nexthop"] = (PacketField.RouteNextHop, DataType.Ipv4Address),
            ["rt ip6 nexthop"] = (PacketField.RouteNextHop6, DataType.Ipv6Address),
            ["rt mtu"] = (PacketField.RouteMtu, Number),
            ["rt classid"] = (PacketField.RouteClass, DataType.Realm),
        }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<PacketField, DataType> s_typesByField =
        s_selectors.Values.DistinctBy(pair => pair.Field).ToFrozenDictionary(pair => pair.Field, pair => pair.Type);

    /// <summary>The type of a field's values.</summary>
    public static DataType TypeOf(PacketField field) => s_typesByField.GetValueOrDefault(field, DataType.Unknown);

    /// <summary>The field of two words ("ip saddr") or three ("ct ip saddr"); null when it is not modelled.</summary>
    public static PacketField? Field(ReadOnlySpan<char> group, ReadOnlySpan<char> name)
    {
        Span<char> key = stackalloc char[32];
        return key.TryWrite($"{group} {name}", out int length)
            && s_selectors.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key[..length], out (PacketField Field, DataType Type) found)
            ? found.Field : null;
    }

    /// <summary>Words that may be written without "meta".</summary>
    public static bool IsBareMeta(ReadOnlySpan<char> word) => word is "mark" or "iif" or "iifname" or "iiftype" or "iifgroup"
        or "oif" or "oifname" or "oiftype" or "oifgroup" or "skuid" or "skgid" or "nftrace" or "rtclassid" or "pkttype" or "cpu" or "cgroup"
        or "ibrname" or "obrname";

    /// <summary>Protocol words that a field name follows.</summary>
    public static bool IsPayload(ReadOnlySpan<char> word) =>
        word is "ip" or "ip6" or "tcp" or "udp" or "udplite" or "sctp" or "dccp" or "th" or "icmp" or "icmpv6" or "ether";

    /// <summary>A type's name in a set's declaration.</summary>
    public static DataType Type(ReadOnlySpan<char> name) => name switch
    {
        "ipv4_addr" => DataType.Ipv4Address,
        "ipv6_addr" => DataType.Ipv6Address,
        "ether_addr" => DataType.EtherAddress,
        "ether_type" => DataType.EtherType,
        "inet_proto" => DataType.InetProtocol,
        "inet_service" => DataType.InetService,
        "mark" => DataType.Mark,
        "ifname" => DataType.InterfaceName,
        "iface_index" => DataType.InterfaceIndex,
        "iface_type" => DataType.InterfaceType,
        "devgroup" => DataType.InterfaceGroup,
        "ct_state" => DataType.ConntrackState,
        "ct_status" => DataType.ConntrackStatus,
        "ct_dir" => DataType.ConntrackDirection,
        "ct_label" => DataType.ConntrackLabel,
        "fib_addrtype" => DataType.AddressType,
        "icmp_type" => DataType.IcmpType,
        "icmpv6_type" => DataType.Icmpv6Type,
        "icmp_code" => DataType.IcmpCode,
        "icmpv6_code" => DataType.Icmpv6Code,
        "nf_proto" => DataType.NetfilterProtocol,
        "tcp_flag" => DataType.TcpFlag,
        "pkt_type" => DataType.PacketType,
        "dscp" => DataType.Dscp,
        "uid" or "gid" => DataType.UserOrGroup,
        "realm" => DataType.Realm,
        "classid" => DataType.TrafficClass,
        "time" => DataType.Time,
        "boolean" => DataType.Boolean,
        "string" => DataType.Text,
        "verdict" => DataType.Verdict,
        "integer" => DataType.Integer,
        _ => DataType.Unknown,
    };

    /// <summary>True for types whose values are bits: a comparison without operator tests whether one of them is set.</summary>
    public static bool IsBits(DataType type) =>
        type is DataType.ConntrackState or DataType.ConntrackStatus or DataType.ConntrackLabel or DataType.TcpFlag;

    public static ChainType? ChainType(ReadOnlySpan<char> word) => word switch
    {
        "filter" => Rules.Model.ChainType.Filter,
        "nat" => Rules.Model.ChainType.Nat,
        "route" => Rules.Model.ChainType.Route,
        _ => null,
    };

    public static Hook? Hook(ReadOnlySpan<char> word) => word switch
    {
        "prerouting" => Rules.Model.Hook.Prerouting,
        "input" => Rules.Model.Hook.Input,
        "forward" => Rules.Model.Hook.Forward,
        "output" => Rules.Model.Hook.Output,
        "postrouting" => Rules.Model.Hook.Postrouting,
        "ingress" => Rules.Model.Hook.Ingress,
        "egress" => Rules.Model.Hook.Egress,
        _ => null,
    };

    public static TableFamily? Family(ReadOnlySpan<char> word) => word switch
    {
        "ip" => TableFamily.Ip,
        "ip6" => TableFamily.Ip6,
        "inet" => TableFamily.Inet,
        "arp" => TableFamily.Arp,
        "bridge" => TableFamily.Bridge,
        "netdev" => TableFamily.Netdev,
        _ => null,
    };

    /// <summary>The names of priorities, nft(8); the bridge family has its own numbers.</summary>
    public static int? Priority(ReadOnlySpan<char> word, TableFamily family)
    {
        bool bridge = family == TableFamily.Bridge;
        return word switch
        {
            "raw" => -300,
            "mangle" => -150,
            "dstnat" => bridge ? -300 : -100,
            "filter" => bridge ? -200 : 0,
            "security" => 50,
            "out" => 100,
            "srcnat" => bridge ? 300 : 100,
            _ => null,
        };
    }
}
