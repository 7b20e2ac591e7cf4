using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads a constant into a register.</summary>
/// <param name="Destination">The register.</param>
/// <param name="Value">The constant.</param>
public sealed record NfImmediate(NfRegister Destination, NfData Value) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_IMMEDIATE_DREG, Destination);
        writer.PutData(NFTA_IMMEDIATE_DATA, Value.Span);
    }
}
