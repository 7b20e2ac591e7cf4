namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Flags of translation (linux/netfilter/nf_nat.h, NF_NAT_RANGE_*).</summary>
[Flags]
public enum NfNatFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Addresses are given; set by the kernel itself.</summary>
    MapAddresses = 1,

    /// <summary>Ports are given ("proto specified"); needed with ports.</summary>
    PortSpecified = 2,

    /// <summary>The port is picked at random, with a hash.</summary>
    PortRandom = 4,

    /// <summary>The same client always gets the same address.</summary>
    Persistent = 8,

    /// <summary>The port is picked at random.</summary>
    PortRandomFully = 16,

    /// <summary>Ports are shifted by an offset.</summary>
    PortOffset = 32,

    /// <summary>Networks are mapped one to one.</summary>
    Netmap = 64,
}
