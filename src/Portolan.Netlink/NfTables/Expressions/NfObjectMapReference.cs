using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Uses the stateful object a map names for a key.</summary>
/// <param name="Set">The map.</param>
/// <param name="Source">The register the key starts in.</param>
public sealed record NfObjectMapReference(string Set, NfRegister Source) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "objref";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_OBJREF_SET_SREG, Source);
        writer.PutString(NFTA_OBJREF_SET_NAME, Set);
    }
}
