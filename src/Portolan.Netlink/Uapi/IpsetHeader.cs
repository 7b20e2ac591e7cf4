namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/netfilter/ipset/ip_set.h.</summary>
internal static class IpsetHeader
{
    /// <summary>The oldest version of the protocol that kernels take, and which has all that is used here.</summary>
    internal const byte IPSET_PROTOCOL_MIN = 6;

    internal const byte IPSET_CMD_DESTROY = 3;
    internal const byte IPSET_CMD_TEST = 11;

    internal const ushort IPSET_ATTR_PROTOCOL = 1;
    internal const ushort IPSET_ATTR_SETNAME = 2;
    internal const ushort IPSET_ATTR_DATA = 7;

    // Inside of IPSET_ATTR_DATA.
    internal const ushort IPSET_ATTR_PORT = 4;
}
