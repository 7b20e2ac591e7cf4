using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads bytes of the packet into a register.</summary>
/// <param name="Base">The header.</param>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Destination">The register.</param>
public sealed record NfPayloadLoad(NfPayloadBase Base, uint Offset, uint Length, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "payload";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_PAYLOAD_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_BASE, (uint)Base);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_LEN, Length);
    }
}
