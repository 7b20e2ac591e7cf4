namespace Portolan.Netlink.NfTables;

/// <summary>The family of a table (linux/netfilter.h, enum NFPROTO_*).</summary>
public enum NfFamily : byte
{
    /// <summary>No family: all families in a dump.</summary>
    Unspecified = 0,

    /// <summary>IPv4 and IPv6 ("inet").</summary>
    Inet = 1,

    /// <summary>IPv4 ("ip").</summary>
    IPv4 = 2,

    /// <summary>ARP ("arp").</summary>
    Arp = 3,

    /// <summary>Ingress and egress of a device ("netdev").</summary>
    Netdev = 5,

    /// <summary>Ethernet bridges ("bridge").</summary>
    Bridge = 7,

    /// <summary>IPv6 ("ip6").</summary>
    IPv6 = 10,
}
