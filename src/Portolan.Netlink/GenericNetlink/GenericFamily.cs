using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.GenericNetlinkHeader;

namespace Portolan.Netlink.GenericNetlink;

/// <summary>A family of generic netlink, as this kernel numbers it.</summary>
/// <param name="Name">Its name: "IPVS".</param>
/// <param name="Type">The message type that its messages have, valid until the module that provides it is unloaded.</param>
/// <param name="Version">The version the kernel speaks.</param>
public sealed record GenericFamily(string Name, ushort Type, uint Version)
{
    /// <summary>Asks the kernel for a family by its name, upon which it may load the module that provides it.</summary>
    /// <param name="socket">A socket of <see cref="NetlinkProtocol.Generic"/>.</param>
    /// <param name="name">The name, case-sensitive.</param>
    /// <returns>The family; null when this kernel has none of this name.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static GenericFamily? Find(NetlinkSocket socket, string name)
    {
        var visitor = new FamilyVisitor(name);
        try
        {
            new NetlinkDump(socket).Run($"find the generic netlink family {name}", GENL_ID_CTRL, dump: false, static (writer, name) =>
            {
                writer.PutGenericHeader(CTRL_CMD_GETFAMILY, CTRL_VERSION);
                writer.PutString(CTRL_ATTR_FAMILY_NAME, name);
            }, name, ref visitor);
        }
        catch (NetlinkException failure) when (failure.Errno == Errno.ENOENT)
        {
            return null;
        }
        return visitor.Family;
    }

    private struct FamilyVisitor(string name) : INetlinkVisitor
    {
        internal GenericFamily? Family { get; private set; }

        public void Start() => Family = null;

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (payload.Length < GENL_HDRLEN)
                return false;
            ushort type = 0;
            uint version = 0;
            var attributes = new AttributeReader(payload[GENL_HDRLEN..]);
            while (attributes.MoveNext())
            {
                if (attributes.Type == CTRL_ATTR_FAMILY_ID)
                    type = attributes.UInt16HostOrder();
                else if (attributes.Type == CTRL_ATTR_VERSION)
                    version = attributes.UInt32HostOrder();
            }
            if (attributes.IsMalformed || type == 0)
                return false;
            Family = new GenericFamily(name, type, version);
            return true;
        }
    }
}
