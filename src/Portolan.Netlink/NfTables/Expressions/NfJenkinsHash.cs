using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Loads Jenkins' hash of registers ("jhash"), modulo a number, host byte order.</summary>
/// <param name="Source">First register to hash.</param>
/// <param name="Length">Number of bytes to hash.</param>
/// <param name="Modulus">Number of different results; at least 1.</param>
/// <param name="Destination">The register for the result.</param>
/// <param name="Seed">The seed; null lets the kernel choose one at random.</param>
/// <param name="Offset">The lowest result.</param>
public sealed record NfJenkinsHash(
    NfRegister Source, uint Length, uint Modulus, NfRegister Destination, uint? Seed = null, uint Offset = 0) : NfExpression
{
    internal const uint Type = 0;

    /// <inheritdoc/>
    public override string Name => "hash";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_HASH_SREG, Source);
        writer.PutRegister(NFTA_HASH_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_HASH_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_HASH_MODULUS, Modulus);
        if (Seed is { } seed)
            writer.PutUInt32BigEndian(NFTA_HASH_SEED, seed);
        if (Offset != 0)
            writer.PutUInt32BigEndian(NFTA_HASH_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_HASH_TYPE, Type);
    }
}
