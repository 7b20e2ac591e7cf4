using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads a property of the packet's connection into a register.</summary>
/// <param name="Key">The property.</param>
/// <param name="Destination">The register.</param>
/// <param name="Direction">The direction, for properties that have one.</param>
public sealed record NfConntrackLoad(NfConntrackKey Key, NfRegister Destination, NfConntrackDirection? Direction = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_CT_KEY, (uint)Key);
        writer.PutRegister(NFTA_CT_DREG, Destination);
        if (Direction is { } direction)
            writer.PutUInt8(NFTA_CT_DIRECTION, (byte)direction);
    }
}
