namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/ip_vs.h: the generic netlink family IPVS.</summary>
internal static class IpvsHeader
{
    internal const string IPVS_GENL_NAME = "IPVS";
    internal const byte IPVS_GENL_VERSION = 1;

    internal const byte IPVS_CMD_NEW_SERVICE = 1;
    internal const byte IPVS_CMD_SET_SERVICE = 2;
    internal const byte IPVS_CMD_DEL_SERVICE = 3;
    internal const byte IPVS_CMD_GET_SERVICE = 4;
    internal const byte IPVS_CMD_NEW_DEST = 5;
    internal const byte IPVS_CMD_SET_DEST = 6;
    internal const byte IPVS_CMD_DEL_DEST = 7;
    internal const byte IPVS_CMD_GET_DEST = 8;
    internal const byte IPVS_CMD_SET_CONFIG = 12;
    internal const byte IPVS_CMD_GET_CONFIG = 13;
    internal const byte IPVS_CMD_GET_INFO = 15;

    // enum of top-level attributes, IPVS_CMD_ATTR_*.
    internal const ushort IPVS_CMD_ATTR_SERVICE = 1;
    internal const ushort IPVS_CMD_ATTR_DEST = 2;
    internal const ushort IPVS_CMD_ATTR_TIMEOUT_TCP = 4;
    internal const ushort IPVS_CMD_ATTR_TIMEOUT_TCP_FIN = 5;
    internal const ushort IPVS_CMD_ATTR_TIMEOUT_UDP = 6;

    internal const ushort IPVS_INFO_ATTR_VERSION = 1;
    internal const ushort IPVS_INFO_ATTR_CONN_TAB_SIZE = 2;

    internal const ushort IPVS_SVC_ATTR_AF = 1;
    internal const ushort IPVS_SVC_ATTR_PROTOCOL = 2;
    internal const ushort IPVS_SVC_ATTR_ADDR = 3;
    internal const ushort IPVS_SVC_ATTR_PORT = 4;
    internal const ushort IPVS_SVC_ATTR_FWMARK = 5;
    internal const ushort IPVS_SVC_ATTR_SCHED_NAME = 6;
    internal const ushort IPVS_SVC_ATTR_FLAGS = 7;
    internal const ushort IPVS_SVC_ATTR_TIMEOUT = 8;
    internal const ushort IPVS_SVC_ATTR_NETMASK = 9;

    internal const ushort IPVS_DEST_ATTR_ADDR = 1;
    internal const ushort IPVS_DEST_ATTR_PORT = 2;
    internal const ushort IPVS_DEST_ATTR_FWD_METHOD = 3;
    internal const ushort IPVS_DEST_ATTR_WEIGHT = 4;
    internal const ushort IPVS_DEST_ATTR_U_THRESH = 5;
    internal const ushort IPVS_DEST_ATTR_L_THRESH = 6;
    internal const ushort IPVS_DEST_ATTR_ACTIVE_CONNS = 7;
    internal const ushort IPVS_DEST_ATTR_INACT_CONNS = 8;
    internal const ushort IPVS_DEST_ATTR_PERSIST_CONNS = 9;
    internal const ushort IPVS_DEST_ATTR_ADDR_FAMILY = 11;

    internal const uint IP_VS_SVC_F_HASHED = 0x2;

    // The address of a service or destination is a union of 16 bytes for both families.
    internal const int ADDRESS_LENGTH = 16;
}
