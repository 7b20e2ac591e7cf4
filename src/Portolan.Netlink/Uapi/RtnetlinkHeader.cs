namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h and linux/if.h: links, addresses and routes.</summary>
internal static class RtnetlinkHeader
{
    internal const ushort RTM_NEWLINK = 16;
    internal const ushort RTM_DELLINK = 17;
    internal const ushort RTM_GETLINK = 18;
    internal const ushort RTM_NEWADDR = 20;
    internal const ushort RTM_DELADDR = 21;
    internal const ushort RTM_GETADDR = 22;

    internal const ushort RTM_NEWROUTE = 24;
    internal const ushort RTM_DELROUTE = 25;
    internal const ushort RTM_GETROUTE = 26;

    internal const uint RTNLGRP_LINK = 1;
    internal const uint RTNLGRP_IPV4_IFADDR = 5;
    internal const uint RTNLGRP_IPV4_ROUTE = 7;
    internal const uint RTNLGRP_IPV6_IFADDR = 9;
    internal const uint RTNLGRP_IPV6_ROUTE = 11;

    // struct ifinfomsg: u8 family, u8 pad, u16 type, s32 index, u32 flags, u32 change.
    internal const int IFINFOMSG_LEN = 16;
    internal const ushort IFLA_IFNAME = 3;
    internal const ushort IFLA_MASTER = 10;
    internal const uint IFF_UP = 1;
    internal const uint IFF_LOOPBACK = 8;

    // struct ifaddrmsg: u8 family, u8 prefixlen, u8 flags, u8 scope, u32 index.
    internal const int IFADDRMSG_LEN = 8;
    internal const ushort IFA_ADDRESS = 1;
    internal const ushort IFA_LOCAL = 2;
    internal const ushort IFA_FLAGS = 8;

    // struct rtmsg: u8 family, u8 dst_len, u8 src_len, u8 tos, u8 table, u8 protocol, u8 scope, u8 type, u32 flags.
    internal const int RTMSG_LEN = 12;
    internal const ushort RTA_DST = 1;
    internal const ushort RTA_OIF = 4;
    internal const ushort RTA_PRIORITY = 6;
    internal const ushort RTA_PREFSRC = 7;
    internal const byte RT_TABLE_LOCAL = 255;
    internal const byte RT_SCOPE_HOST = 254;
    internal const byte RTN_LOCAL = 2;

    internal const byte AF_INET = 2;
    internal const byte AF_INET6 = 10;
}
