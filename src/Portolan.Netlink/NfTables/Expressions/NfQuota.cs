using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Continues the rule only while a number of bytes is not used up.</summary>
/// <param name="Bytes">The number of bytes.</param>
/// <param name="Consumed">How many are used up.</param>
/// <param name="Flags">1: continues only once they are used up ("over"); 2: they are used up (enum nft_quota_flags).</param>
public sealed record NfQuota(ulong Bytes, ulong Consumed = 0, uint Flags = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "quota";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt64BigEndian(NFTA_QUOTA_BYTES, Bytes);
        writer.PutUInt64BigEndian(NFTA_QUOTA_CONSUMED, Consumed);
        writer.PutUInt32BigEndian(NFTA_QUOTA_FLAGS, Flags);
    }
}
