using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Looks up an address of the packet in the routing table.</summary>
/// <param name="Result">What to load.</param>
/// <param name="Flags">The fields to use for the look-up.</param>
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
