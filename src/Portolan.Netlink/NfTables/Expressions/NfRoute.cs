using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads a property of the packet's route.</summary>
/// <param name="Key">0 realm, 1 IPv4 next hop, 2 IPv6 next hop, 3 TCP maximum segment size, 4 IPsec (enum nft_rt_keys).</param>
/// <param name="Destination">The register.</param>
public sealed record NfRoute(uint Key, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "rt";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_RT_KEY, Key);
        writer.PutRegister(NFTA_RT_DREG, Destination);
    }
}
