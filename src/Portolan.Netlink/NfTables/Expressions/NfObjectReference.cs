using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Uses a stateful object by its name.</summary>
/// <param name="ObjectType">The kind of object (NFT_OBJECT_*): 1 counter, 2 quota, 3 ct helper, 4 limit.</param>
/// <param name="ObjectName">Its name.</param>
public sealed record NfObjectReference(uint ObjectType, string ObjectName) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "objref";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_OBJREF_IMM_TYPE, ObjectType);
        writer.PutString(NFTA_OBJREF_IMM_NAME, ObjectName);
    }
}
