using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Continues the rule only if a register is (not) between two constants, inclusive.</summary>
/// <param name="Source">The register.</param>
/// <param name="Inverted">True: continues if it is not between them.</param>
/// <param name="From">The lowest value.</param>
/// <param name="To">The highest value.</param>
public sealed record NfRange(NfRegister Source, bool Inverted, NfData From, NfData To) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "range";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_RANGE_SREG, Source);
        writer.PutUInt32BigEndian(NFTA_RANGE_OP, Inverted ? 1u : 0u);
        writer.PutData(NFTA_RANGE_FROM_DATA, From.Span);
        writer.PutData(NFTA_RANGE_TO_DATA, To.Span);
    }
}
