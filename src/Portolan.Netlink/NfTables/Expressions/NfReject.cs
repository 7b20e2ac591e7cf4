using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Drops the packet and notifies the sender.</summary>
/// <param name="Kind">How the sender is notified.</param>
/// <param name="Code">The ICMP code; port unreachable is 3 in ICMP, 4 in ICMPv6. 0 for a TCP reset.</param>
public sealed record NfReject(NfRejectKind Kind, byte Code = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "reject";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_REJECT_TYPE, (uint)Kind);
        writer.PutUInt8(NFTA_REJECT_ICMP_CODE, Code);
    }
}
