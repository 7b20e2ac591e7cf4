namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/genetlink.h: the header of generic netlink and its controller, which maps names to message types.</summary>
internal static class GenericNetlinkHeader
{
    // struct genlmsghdr: u8 cmd, u8 version, u16 reserved.
    internal const int GENL_HDRLEN = 4;
    internal const ushort GENL_ID_CTRL = 0x10;

    internal const byte CTRL_CMD_GETFAMILY = 3;
    internal const byte CTRL_VERSION = 1;
    internal const ushort CTRL_ATTR_FAMILY_ID = 1;
    internal const ushort CTRL_ATTR_FAMILY_NAME = 2;
    internal const ushort CTRL_ATTR_VERSION = 3;
}
