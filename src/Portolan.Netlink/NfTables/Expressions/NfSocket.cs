using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads a property of the local socket the packet belongs to.</summary>
/// <param name="Key">0 transparent, 1 mark, 2 wildcard, 3 control group (enum nft_socket_keys).</param>
/// <param name="Destination">The register.</param>
/// <param name="Level">Depth of the control group, for key 3; otherwise 0.</param>
public sealed record NfSocket(uint Key, NfRegister Destination, uint Level = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "socket";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_SOCKET_KEY, Key);
        writer.PutRegister(NFTA_SOCKET_DREG, Destination);
        if (Level != 0)
            writer.PutUInt32BigEndian(NFTA_SOCKET_LEVEL, Level);
    }
}
