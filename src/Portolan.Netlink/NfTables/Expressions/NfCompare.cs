using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Continues the rule only if the comparison of a register with a constant is true.</summary>
/// <param name="Source">The register.</param>
/// <param name="Operator">The comparison.</param>
/// <param name="Value">The constant; its length is the number of bytes compared.</param>
public sealed record NfCompare(NfRegister Source, NfCompareOperator Operator, NfData Value) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "cmp";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_CMP_SREG, Source);
        writer.PutUInt32BigEndian(NFTA_CMP_OP, (uint)Operator);
        writer.PutData(NFTA_CMP_DATA, Value.Span);
    }
}
