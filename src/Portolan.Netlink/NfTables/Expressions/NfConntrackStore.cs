using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Sets a property of the packet's connection, such as its mark, from a register.</summary>
/// <param name="Key">The property.</param>
/// <param name="Source">The register.</param>
/// <param name="Direction">The direction, for properties that have one (zones).</param>
public sealed record NfConntrackStore(NfConntrackKey Key, NfRegister Source, NfConntrackDirection? Direction = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_CT_KEY, (uint)Key);
        if (Direction is { } direction)
            writer.PutUInt8(NFTA_CT_DIRECTION, (byte)direction);
        writer.PutRegister(NFTA_CT_SREG, Source);
    }
}
