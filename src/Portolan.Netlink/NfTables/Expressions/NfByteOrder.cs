using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Swaps bytes between host and network order.</summary>
/// <param name="Source">The register to read.</param>
/// <param name="Destination">The register for the result.</param>
/// <param name="ToNetwork">True: host to network order; false: network to host order.</param>
/// <param name="Length">Total number of bytes.</param>
/// <param name="Size">Bytes of one number: 2, 4 or 8.</param>
public sealed record NfByteOrder(NfRegister Source, NfRegister Destination, bool ToNetwork, uint Length, uint Size) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "byteorder";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_BYTEORDER_SREG, Source);
        writer.PutRegister(NFTA_BYTEORDER_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_BYTEORDER_OP, ToNetwork ? 1u : 0u);
        writer.PutUInt32BigEndian(NFTA_BYTEORDER_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_BYTEORDER_SIZE, Size);
    }
}
