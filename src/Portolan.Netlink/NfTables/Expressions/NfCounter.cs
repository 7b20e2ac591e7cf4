using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Counts packets and bytes.</summary>
/// <param name="Packets">Packets so far.</param>
/// <param name="Bytes">Bytes so far.</param>
public sealed record NfCounter(ulong Packets = 0, ulong Bytes = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "counter";

    private protected override void WriteData(MessageWriter writer)
    {
        if (Bytes != 0)
            writer.PutUInt64BigEndian(NFTA_COUNTER_BYTES, Bytes);
        if (Packets != 0)
            writer.PutUInt64BigEndian(NFTA_COUNTER_PACKETS, Packets);
    }
}
