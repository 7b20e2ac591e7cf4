using Portolan.Netlink.Core;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>An xt match or target of iptables, with its own binary data.</summary>
/// <param name="IsTarget">True for a target, false for a match.</param>
/// <param name="ExtensionName">The extension's name: "addrtype", "MASQUERADE".</param>
/// <param name="Revision">The revision of its data.</param>
/// <param name="Info">Its data, in the layout of linux/netfilter/xt_*.h of this machine.</param>
public sealed record NfCompat(bool IsTarget, string ExtensionName, uint Revision, NfData Info) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => IsTarget ? "target" : "match";

    // linux/netfilter/nf_tables_compat.h numbers the attributes of targets and of matches the same way.
    internal const ushort NameAttribute = 1;
    internal const ushort RevisionAttribute = 2;
    internal const ushort InfoAttribute = 3;

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutString(NameAttribute, ExtensionName);
        writer.PutUInt32BigEndian(RevisionAttribute, Revision);
        writer.PutBytes(InfoAttribute, Info.Span);
    }
}
