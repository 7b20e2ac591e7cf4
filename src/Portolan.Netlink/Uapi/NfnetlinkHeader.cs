namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/netfilter/nfnetlink.h: the header that all netfilter messages share.</summary>
internal static class NfnetlinkHeader
{
    // struct nfgenmsg: u8 family, u8 version, be16 res_id.
    internal const int NFGENMSG_LEN = 4;
    internal const byte NFNETLINK_V0 = 0;

    internal const byte NFNL_SUBSYS_CTNETLINK = 1;
    internal const byte NFNL_SUBSYS_IPSET = 6;
    internal const byte NFNL_SUBSYS_NFTABLES = 10;

    internal const ushort NFNL_MSG_BATCH_BEGIN = 0x10;
    internal const ushort NFNL_MSG_BATCH_END = 0x11;
    internal const ushort NFNL_BATCH_GENID = 1;

    internal const uint NFNLGRP_NFTABLES = 7;
    internal const uint NFNLGRP_NFTRACE = 9;
}
