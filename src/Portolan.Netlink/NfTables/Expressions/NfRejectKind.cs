namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>How a packet is rejected (enum nft_reject_types).</summary>
public enum NfRejectKind : uint
{
    /// <summary>An ICMP or ICMPv6 "destination unreachable"; the code is that of the packet's family.</summary>
    IcmpUnreachable = 0,

    /// <summary>A TCP reset.</summary>
    TcpReset = 1,

    /// <summary>The same for both families: code 0 no route, 1 port, 2 host, 3 prohibited (enum nft_reject_inet_code).</summary>
    IcmpxUnreachable = 2,
}
