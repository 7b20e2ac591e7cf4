using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Issues a verdict.</summary>
/// <param name="Verdict">The verdict.</param>
public sealed record NfImmediateVerdict(NfVerdict Verdict) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_IMMEDIATE_DREG, NfRegister.Verdict);
        writer.PutVerdict(NFTA_IMMEDIATE_DATA, Verdict);
    }
}
