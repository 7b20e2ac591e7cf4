using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Writes a register into the packet.</summary>
/// <param name="Base">The header.</param>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Source">The register.</param>
/// <param name="ChecksumType">The checksum to update: 0 none, 1 Internet, 2 SCTP (enum nft_payload_csum_types).</param>
/// <param name="ChecksumOffset">Where it is, in bytes from the start of the header.</param>
/// <param name="ChecksumFlags">1: the field is part of the transport checksum's pseudo header.</param>
public sealed record NfPayloadStore(
    NfPayloadBase Base, uint Offset, uint Length, NfRegister Source, uint ChecksumType = 0, uint ChecksumOffset = 0, uint ChecksumFlags = 0)
    : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "payload";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_PAYLOAD_SREG, Source);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_BASE, (uint)Base);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_CSUM_TYPE, ChecksumType);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_CSUM_OFFSET, ChecksumOffset);
        if (ChecksumFlags != 0)
            writer.PutUInt32BigEndian(NFTA_PAYLOAD_CSUM_FLAGS, ChecksumFlags);
    }
}
