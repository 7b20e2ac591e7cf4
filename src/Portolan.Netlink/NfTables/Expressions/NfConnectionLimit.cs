using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Continues the rule only while no more than a number of connections exist.</summary>
/// <param name="Count">The number.</param>
/// <param name="Inverted">True: continues only if there are more ("over").</param>
public sealed record NfConnectionLimit(uint Count, bool Inverted = false) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "connlimit";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_CONNLIMIT_COUNT, Count);
        writer.PutUInt32BigEndian(NFTA_CONNLIMIT_FLAGS, Inverted ? 1u : 0u);
    }
}
