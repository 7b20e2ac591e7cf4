using Portolan.Netlink.Core;

namespace Portolan.Netlink.GenericNetlink;

/// <summary>What all messages of generic netlink begin with.</summary>
internal static class GenericMessages
{
    /// <summary>Appends the header: a command of the family, and the version of its messages.</summary>
    internal static void PutGenericHeader(this MessageWriter writer, byte command, byte version) =>
        writer.PutRaw([command, version, 0, 0]);
}
