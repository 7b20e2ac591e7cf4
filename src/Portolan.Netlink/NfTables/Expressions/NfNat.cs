using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>
/// Translates the source or destination of the packet's connection to the address and port in registers ("dnat", "snat").
/// </summary>
/// <param name="Kind">Source or destination.</param>
/// <param name="Family">The addresses' family.</param>
/// <param name="AddressMin">Register of the address, or of the first one of a range; null: only the port changes.</param>
/// <param name="PortMin">Register of the port, or of the first one of a range; null: the port stays.</param>
public sealed record NfNat(NfNatKind Kind, NfFamily Family, NfRegister? AddressMin, NfRegister? PortMin = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "nat";

    /// <summary>Register of the last address of a range; null: one address.</summary>
    public NfRegister? AddressMax { get; init; }

    /// <summary>Register of the last port of a range; null: one port.</summary>
    public NfRegister? PortMax { get; init; }

    /// <summary>
    /// Flags. The kernel adds <see cref="NfNatFlags.MapAddresses"/> and <see cref="NfNatFlags.PortSpecified"/> by itself; when read, they
    /// are left out.
    /// </summary>
    public NfNatFlags Flags { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_NAT_TYPE, (uint)Kind);
        writer.PutUInt32BigEndian(NFTA_NAT_FAMILY, (uint)Family);
        writer.PutRegister(NFTA_NAT_REG_ADDR_MIN, AddressMin);
        writer.PutRegister(NFTA_NAT_REG_ADDR_MAX, AddressMax);
        writer.PutRegister(NFTA_NAT_REG_PROTO_MIN, PortMin);
        writer.PutRegister(NFTA_NAT_REG_PROTO_MAX, PortMax);
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_NAT_FLAGS, (uint)Flags);
    }
}
