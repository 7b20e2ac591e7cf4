using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Looks an address of the packet up in the routing table.</summary>
/// <param name="Result">What to load.</param>
/// <param name="Flags">What to go by.</param>
/// <param name="Destination">The register.</param>
public sealed record NfFib(NfFibResult Result, NfFibFlags Flags, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "fib";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_FIB_FLAGS, (uint)Flags);
        writer.PutUInt32BigEndian(NFTA_FIB_RESULT, (uint)Result);
        writer.PutRegister(NFTA_FIB_DREG, Destination);
    }
}
