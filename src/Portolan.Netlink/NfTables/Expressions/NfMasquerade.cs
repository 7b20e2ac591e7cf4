using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Translates the source to the address of the output interface.</summary>
public sealed record NfMasquerade : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "masq";

    /// <summary>Flags.</summary>
    public NfNatFlags Flags { get; init; }

    /// <summary>Register of the first source port to use; null: any.</summary>
    public NfRegister? PortMin { get; init; }

    /// <summary>Register of the last source port to use; null: one port.</summary>
    public NfRegister? PortMax { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_MASQ_FLAGS, (uint)Flags);
        writer.PutRegister(NFTA_MASQ_REG_PROTO_MIN, PortMin);
        writer.PutRegister(NFTA_MASQ_REG_PROTO_MAX, PortMax);
    }
}
