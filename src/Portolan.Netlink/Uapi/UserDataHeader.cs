namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // libnftnl's own spelling, so that a name can be searched for in its source.

/// <summary>libnftnl/udata.h: what nft stores in the kernel's opaque user data fields; one byte type, one byte length, value.</summary>
internal static class UserDataHeader
{
    internal const byte NFTNL_UDATA_TABLE_COMMENT = 0;
    internal const byte NFTNL_UDATA_CHAIN_COMMENT = 0;
    internal const byte NFTNL_UDATA_RULE_COMMENT = 0;
    internal const byte NFTNL_UDATA_SET_KEYBYTEORDER = 0;
    internal const byte NFTNL_UDATA_SET_DATABYTEORDER = 1;
    internal const byte NFTNL_UDATA_SET_MERGE_ELEMENTS = 2;
    internal const byte NFTNL_UDATA_SET_KEY_TYPEOF = 3;
    internal const byte NFTNL_UDATA_SET_DATA_TYPEOF = 4;
    internal const byte NFTNL_UDATA_SET_DATA_INTERVAL = 6;
    internal const byte NFTNL_UDATA_SET_COMMENT = 7;
    internal const byte NFTNL_UDATA_SET_TYPEOF_EXPR = 0;
    internal const byte NFTNL_UDATA_SET_TYPEOF_DATA = 1;
    internal const byte NFTNL_UDATA_SET_ELEM_COMMENT = 0;
    internal const byte NFTNL_UDATA_SET_ELEM_FLAGS = 1;
}
