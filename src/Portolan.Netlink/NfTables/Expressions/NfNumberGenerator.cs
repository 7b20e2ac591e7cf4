using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>
/// Loads a generated number, host byte order: one of <paramref name="Modulus"/> numbers from <paramref name="Offset"/> on.
/// </summary>
/// <param name="Kind">How it counts.</param>
/// <param name="Modulus">Number of different numbers; at least 1.</param>
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
