using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Translates the destination to this host.</summary>
public sealed record NfRedirect : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "redir";

    /// <summary>Register of the port, or of the first one of a range; null: the port stays.</summary>
    public NfRegister? PortMin { get; init; }

    /// <summary>Register of the last port of a range; null: one port.</summary>
    public NfRegister? PortMax { get; init; }

    /// <summary>Flags.</summary>
    public NfNatFlags Flags { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_REDIR_REG_PROTO_MIN, PortMin);
        writer.PutRegister(NFTA_REDIR_REG_PROTO_MAX, PortMax);
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_REDIR_FLAGS, (uint)Flags);
    }
}
