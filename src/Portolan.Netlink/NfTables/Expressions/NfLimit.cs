using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Continues the rule only while a rate is not exceeded.</summary>
/// <param name="Rate">Packets or bytes per unit.</param>
/// <param name="UnitSeconds">The unit in seconds: 1, 60, 3600, ...</param>
/// <param name="Burst">How much may arrive in a burst.</param>
/// <param name="OfBytes">True: bytes are limited; false: packets.</param>
/// <param name="Inverted">True: continues only if the rate is exceeded ("over").</param>
public sealed record NfLimit(ulong Rate, ulong UnitSeconds, uint Burst, bool OfBytes = false, bool Inverted = false) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "limit";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt64BigEndian(NFTA_LIMIT_RATE, Rate);
        writer.PutUInt64BigEndian(NFTA_LIMIT_UNIT, UnitSeconds);
        writer.PutUInt32BigEndian(NFTA_LIMIT_BURST, Burst);
        writer.PutUInt32BigEndian(NFTA_LIMIT_TYPE, OfBytes ? 1u : 0u);
        writer.PutUInt32BigEndian(NFTA_LIMIT_FLAGS, Inverted ? NFT_LIMIT_F_INV : 0);
    }
}
