using Portolan.Netlink.Core;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Keeps the packet out of connection tracking.</summary>
public sealed record NfNoTrack : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "notrack";

    private protected override bool HasData => false;

    private protected override void WriteData(MessageWriter writer)
    {
    }
}
