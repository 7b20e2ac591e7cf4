using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads a hash of the packet's flow that is the same for both directions ("symhash"), host byte order.</summary>
/// <param name="Modulus">Number of different results; at least 1.</param>
/// <param name="Destination">The register for the result.</param>
/// <param name="Offset">The lowest result.</param>
public sealed record NfSymmetricHash(uint Modulus, NfRegister Destination, uint Offset = 0) : NfExpression
{
    internal const uint Type = 1;

    /// <inheritdoc/>
    public override string Name => "hash";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_HASH_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_HASH_MODULUS, Modulus);
        if (Offset != 0)
            writer.PutUInt32BigEndian(NFTA_HASH_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_HASH_TYPE, Type);
    }
}
