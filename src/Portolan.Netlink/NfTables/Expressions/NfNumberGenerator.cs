using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>
/// Loads a number of a row, host byte order: the lowest is <paramref name="Offset"/>, and there are <paramref name="Modulus"/>.
/// </summary>
/// <param name="Kind">How it counts.</param>
/// <param name="Modulus">How many different numbers; at least 1.</param>
/// <param name="Destination">The register.</param>
/// <param name="Offset">The lowest number.</param>
public sealed record NfNumberGenerator(NfNumberGeneratorKind Kind, uint Modulus, NfRegister Destination, uint Offset = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "numgen";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_NG_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_NG_MODULUS, Modulus);
        writer.PutUInt32BigEndian(NFTA_NG_TYPE, (uint)Kind);
        writer.PutUInt32BigEndian(NFTA_NG_OFFSET, Offset);
    }
}
