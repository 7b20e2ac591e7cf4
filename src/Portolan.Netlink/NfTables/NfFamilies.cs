using Portolan.Inet;

namespace Portolan.Netlink.NfTables;

/// <summary>Conversions of <see cref="NfFamily"/>.</summary>
public static class NfFamilies
{
    /// <summary>The table family for addresses of one IP family.</summary>
    public static NfFamily ToNfFamily(this IpFamily family) => family switch
    {
        IpFamily.IPv4 => NfFamily.IPv4,
        IpFamily.IPv6 => NfFamily.IPv6,
        _ => NfFamily.Unspecified,
    };

    /// <summary>nft's word: "ip", "ip6", "inet", "arp", "bridge", "netdev".</summary>
    public static string ToRuleText(this NfFamily family) => family switch
    {
        NfFamily.IPv4 => "ip",
        NfFamily.IPv6 => "ip6",
        NfFamily.Inet => "inet",
        NfFamily.Arp => "arp",
        NfFamily.Bridge => "bridge",
        NfFamily.Netdev => "netdev",
        _ => "unspec",
    };
}
