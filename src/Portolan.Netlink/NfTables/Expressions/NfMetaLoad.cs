using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads a property of the packet into a register.</summary>
/// <param name="Key">The property.</param>
/// <param name="Destination">The register.</param>
public sealed record NfMetaLoad(NfMetaKey Key, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_META_KEY, (uint)Key);
        writer.PutRegister(NFTA_META_DREG, Destination);
    }
}
