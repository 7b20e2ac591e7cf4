namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/netfilter/nfnetlink_conntrack.h: messages of the connection tracking table and their attributes.</summary>
internal static class NfnetlinkConntrackHeader
{
    // enum cntl_msg_types
    internal const byte IPCTNL_MSG_CT_NEW = 0;
    internal const byte IPCTNL_MSG_CT_GET = 1;
    internal const byte IPCTNL_MSG_CT_DELETE = 2;
    internal const byte IPCTNL_MSG_CT_GET_CTRZERO = 3;
    internal const byte IPCTNL_MSG_CT_GET_STATS_CPU = 4;
    internal const byte IPCTNL_MSG_CT_GET_STATS = 5;
    internal const byte IPCTNL_MSG_CT_GET_DYING = 6;
    internal const byte IPCTNL_MSG_CT_GET_UNCONFIRMED = 7;

    // enum ctattr_type
    internal const ushort CTA_TUPLE_ORIG = 1;
    internal const ushort CTA_TUPLE_REPLY = 2;
    internal const ushort CTA_STATUS = 3;
    internal const ushort CTA_PROTOINFO = 4;
    internal const ushort CTA_HELP = 5;
    internal const ushort CTA_NAT_SRC = 6;
    internal const ushort CTA_TIMEOUT = 7;
    internal const ushort CTA_MARK = 8;
    internal const ushort CTA_COUNTERS_ORIG = 9;
    internal const ushort CTA_COUNTERS_REPLY = 10;
    internal const ushort CTA_USE = 11;
    internal const ushort CTA_ID = 12;
    internal const ushort CTA_NAT_DST = 13;
    internal const ushort CTA_TUPLE_MASTER = 14;
    internal const ushort CTA_SEQ_ADJ_ORIG = 15;
    internal const ushort CTA_NAT_SEQ_ADJ_ORIG = 15;
    internal const ushort CTA_SEQ_ADJ_REPLY = 16;
    internal const ushort CTA_NAT_SEQ_ADJ_REPLY = 16;
    internal const ushort CTA_SECMARK = 17;
    internal const ushort CTA_ZONE = 18;
    internal const ushort CTA_SECCTX = 19;
    internal const ushort CTA_TIMESTAMP = 20;
    internal const ushort CTA_MARK_MASK = 21;
    internal const ushort CTA_LABELS = 22;
    internal const ushort CTA_LABELS_MASK = 23;
    internal const ushort CTA_SYNPROXY = 24;
    internal const ushort CTA_FILTER = 25;
    internal const ushort CTA_STATUS_MASK = 26;

    // enum ctattr_tuple
    internal const ushort CTA_TUPLE_IP = 1;
    internal const ushort CTA_TUPLE_PROTO = 2;
    internal const ushort CTA_TUPLE_ZONE = 3;

    // enum ctattr_ip
    internal const ushort CTA_IP_V4_SRC = 1;
    internal const ushort CTA_IP_V4_DST = 2;
    internal const ushort CTA_IP_V6_SRC = 3;
    internal const ushort CTA_IP_V6_DST = 4;

    // enum ctattr_l4proto
    internal const ushort CTA_PROTO_NUM = 1;
    internal const ushort CTA_PROTO_SRC_PORT = 2;
    internal const ushort CTA_PROTO_DST_PORT = 3;
    internal const ushort CTA_PROTO_ICMP_ID = 4;
    internal const ushort CTA_PROTO_ICMP_TYPE = 5;
    internal const ushort CTA_PROTO_ICMP_CODE = 6;
    internal const ushort CTA_PROTO_ICMPV6_ID = 7;
    internal const ushort CTA_PROTO_ICMPV6_TYPE = 8;
    internal const ushort CTA_PROTO_ICMPV6_CODE = 9;

    // enum ctattr_filter
    internal const ushort CTA_FILTER_ORIG_FLAGS = 1;
    internal const ushort CTA_FILTER_REPLY_FLAGS = 2;

    // enum ctattr_stats_global
    internal const ushort CTA_STATS_GLOBAL_ENTRIES = 1;
    internal const ushort CTA_STATS_GLOBAL_MAX_ENTRIES = 2;
}
