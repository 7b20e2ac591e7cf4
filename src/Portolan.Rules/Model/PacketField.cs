namespace Portolan.Rules.Model;

/// <summary>
/// The fields that nf_tables rules can match, by their names in nft(8). Addresses give an <see cref="AddressValue"/>, interface names a
/// <see cref="NameValue"/>, everything else a <see cref="NumberValue"/>.
/// </summary>
public enum PacketField : byte
{
    /// <summary>ip version.</summary>
    IpVersion,

    /// <summary>ip hdrlength.</summary>
    IpHeaderLength,

    /// <summary>ip dscp.</summary>
    IpDscp,

    /// <summary>ip ecn.</summary>
    IpEcn,

    /// <summary>ip length.</summary>
    IpLength,

    /// <summary>ip id.</summary>
    IpId,

    /// <summary>ip frag-off: flags and fragment offset, 16 bits.</summary>
    IpFragmentOffset,

    /// <summary>ip ttl.</summary>
    IpTtl,

    /// <summary>ip protocol.</summary>
    IpProtocol,

    /// <summary>ip saddr.</summary>
    IpSource,

    /// <summary>ip daddr.</summary>
    IpDestination,

    /// <summary>ip6 dscp.</summary>
    Ip6Dscp,

    /// <summary>ip6 flowlabel.</summary>
    Ip6FlowLabel,

    /// <summary>ip6 length.</summary>
    Ip6Length,

    /// <summary>ip6 nexthdr.</summary>
    Ip6NextHeader,

    /// <summary>ip6 hoplimit.</summary>
    Ip6HopLimit,

    /// <summary>ip6 saddr.</summary>
    Ip6Source,

    /// <summary>ip6 daddr.</summary>
    Ip6Destination,

    /// <summary>tcp sport.</summary>
    TcpSourcePort,

    /// <summary>tcp dport.</summary>
    TcpDestinationPort,

    /// <summary>tcp flags.</summary>
    TcpFlags,

    /// <summary>udp sport.</summary>
    UdpSourcePort,

    /// <summary>udp dport.</summary>
    UdpDestinationPort,

    /// <summary>udp length.</summary>
    UdpLength,

    /// <summary>udplite sport.</summary>
    UdpLiteSourcePort,

    /// <summary>udplite dport.</summary>
    UdpLiteDestinationPort,

    /// <summary>sctp sport.</summary>
    SctpSourcePort,

    /// <summary>sctp dport.</summary>
    SctpDestinationPort,

    /// <summary>dccp sport.</summary>
    DccpSourcePort,

    /// <summary>dccp dport.</summary>
    DccpDestinationPort,

    /// <summary>th sport: the source port of any transport.</summary>
    TransportSourcePort,

    /// <summary>th dport: the destination port of any transport.</summary>
    TransportDestinationPort,

    /// <summary>icmp type.</summary>
    IcmpType,

    /// <summary>icmp code.</summary>
    IcmpCode,

    /// <summary>icmp id.</summary>
    IcmpId,

    /// <summary>icmpv6 type.</summary>
    Icmpv6Type,

    /// <summary>icmpv6 code.</summary>
    Icmpv6Code,

    /// <summary>icmpv6 id.</summary>
    Icmpv6Id,

    /// <summary>ether saddr.</summary>
    EtherSource,

    /// <summary>ether daddr.</summary>
    EtherDestination,

    /// <summary>ether type.</summary>
    EtherType,

    /// <summary>meta length.</summary>
    MetaLength,

    /// <summary>meta protocol: the EtherType.</summary>
    MetaProtocol,

    /// <summary>meta nfproto: 2 for IPv4, 10 for IPv6.</summary>
    MetaNfProto,

    /// <summary>meta l4proto: the transport protocol, after IPv6 extension headers.</summary>
    MetaL4Proto,

    /// <summary>meta mark.</summary>
    MetaMark,

    /// <summary>meta priority.</summary>
    MetaPriority,

    /// <summary>meta iif: the incoming interface's index; the input shows names.</summary>
    MetaInInterfaceIndex,

    /// <summary>meta iifname.</summary>
    MetaInInterface,

    /// <summary>meta iiftype.</summary>
    MetaInInterfaceType,

    /// <summary>meta iifgroup.</summary>
    MetaInInterfaceGroup,

    /// <summary>meta iifkind.</summary>
    MetaInInterfaceKind,

    /// <summary>meta oif: the outgoing interface's index; the input shows names.</summary>
    MetaOutInterfaceIndex,

    /// <summary>meta oifname.</summary>
    MetaOutInterface,

    /// <summary>meta oiftype.</summary>
    MetaOutInterfaceType,

    /// <summary>meta oifgroup.</summary>
    MetaOutInterfaceGroup,

    /// <summary>meta oifkind.</summary>
    MetaOutInterfaceKind,

    /// <summary>meta ibrname.</summary>
    MetaInBridge,

    /// <summary>meta obrname.</summary>
    MetaOutBridge,

    /// <summary>meta skuid.</summary>
    MetaSocketUser,

    /// <summary>meta skgid.</summary>
    MetaSocketGroup,

    /// <summary>meta nftrace.</summary>
    MetaTrace,

    /// <summary>meta rtclassid.</summary>
    MetaRouteClass,

    /// <summary>meta pkttype.</summary>
    MetaPacketType,

    /// <summary>meta cpu.</summary>
    MetaCpu,

    /// <summary>meta cgroup.</summary>
    MetaCgroup,

    /// <summary>meta random: 32 random bits.</summary>
    MetaRandom,

    /// <summary>ct state.</summary>
    CtState,

    /// <summary>ct status.</summary>
    CtStatus,

    /// <summary>ct direction.</summary>
    CtDirection,

    /// <summary>ct mark.</summary>
    CtMark,

    /// <summary>ct expiration, milliseconds.</summary>
    CtExpiration,

    /// <summary>ct helper.</summary>
    CtHelper,

    /// <summary>ct label.</summary>
    CtLabel,

    /// <summary>ct zone.</summary>
    CtZone,

    /// <summary>ct event.</summary>
    CtEvent,

    /// <summary>ct original|reply l3proto.</summary>
    CtL3Proto,

    /// <summary>ct original|reply protocol.</summary>
    CtProtocol,

    /// <summary>ct original|reply ip saddr.</summary>
    CtIpSource,

    /// <summary>ct original|reply ip daddr.</summary>
    CtIpDestination,

    /// <summary>ct original|reply ip6 saddr.</summary>
    CtIp6Source,

    /// <summary>ct original|reply ip6 daddr.</summary>
    CtIp6Destination,

    /// <summary>ct original|reply proto-src.</summary>
    CtSourcePort,

    /// <summary>ct original|reply proto-dst.</summary>
    CtDestinationPort,

    /// <summary>ct packets.</summary>
    CtPackets,

    /// <summary>ct bytes.</summary>
    CtBytes,

    /// <summary>ct avgpkt.</summary>
    CtAveragePacket,

    /// <summary>ct id.</summary>
    CtId,

    /// <summary>rt nexthop (IPv4).</summary>
    RouteNextHop,

    /// <summary>rt nexthop (IPv6).</summary>
    RouteNextHop6,

    /// <summary>rt mtu: the largest TCP segment.</summary>
    RouteMtu,

    /// <summary>rt classid.</summary>
    RouteClass,
}
