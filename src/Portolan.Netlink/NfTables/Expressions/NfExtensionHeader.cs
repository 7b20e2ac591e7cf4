using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads, writes or only checks for an IPv6 extension header, IPv4 option, TCP option or SCTP chunk.</summary>
/// <param name="Operation">Where: 0 IPv6 header, 1 TCP option, 2 IPv4 option, 3 SCTP chunk, 4 DCCP option (enum nft_exthdr_op).</param>
/// <param name="Type">Number of the header, option or chunk.</param>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Flags">1: load 1 or 0 for present or not.</param>
/// <param name="Destination">The register to load into, or null.</param>
/// <param name="Source">The register to write from, or null.</param>
public sealed record NfExtensionHeader(
    uint Operation, byte Type, uint Offset, uint Length, uint Flags, NfRegister? Destination, NfRegister? Source = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "exthdr";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_EXTHDR_SREG, Source);
        writer.PutRegister(NFTA_EXTHDR_DREG, Destination);
        writer.PutUInt8(NFTA_EXTHDR_TYPE, Type);
        writer.PutUInt32BigEndian(NFTA_EXTHDR_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_EXTHDR_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_EXTHDR_OP, Operation);
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_EXTHDR_FLAGS, Flags);
    }
}
