using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Sets a property of the packet, such as its mark, from a register.</summary>
/// <param name="Key">The property.</param>
/// <param name="Source">The register.</param>
public sealed record NfMetaStore(NfMetaKey Key, NfRegister Source) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_META_KEY, (uint)Key);
        writer.PutRegister(NFTA_META_SREG, Source);
    }
}
