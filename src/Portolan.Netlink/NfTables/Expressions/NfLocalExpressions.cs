using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>What a look-up of the routing table gives (enum nft_fib_result).</summary>
public enum NfFibResult : uint
{
    /// <summary>Index of the output interface, host byte order.</summary>
    OutputInterface = 1,

    /// <summary>Name of the output interface, 16 bytes.</summary>
    OutputInterfaceName = 2,

    /// <summary>Type of the address (RTN_*, linux/rtnetlink.h), host byte order: 1 unicast, 2 local.</summary>
    AddressType = 3,
}

/// <summary>What a look-up of the routing table goes by (enum nft_fib_flags).</summary>
[Flags]
public enum NfFibFlags : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The source address.</summary>
    Source = 1,

    /// <summary>The destination address.</summary>
    Destination = 2,

    /// <summary>The packet mark.</summary>
    Mark = 4,

    /// <summary>The input interface.</summary>
    InputInterface = 8,

    /// <summary>The output interface.</summary>
    OutputInterface = 16,

    /// <summary>Only whether there is a result: 1 byte, 1 or 0.</summary>
    Present = 32,
}

/// <summary>Looks an address of the packet up in the routing table.</summary>
/// <param name="Result">What to load.</param>
/// <param name="Flags">What to go by.</param>
/// <param name="Destination">The register.</param>
public sealed record NfFib(NfFibResult Result, NfFibFlags Flags, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "fib";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_FIB_FLAGS, (uint)Flags);
        writer.PutUInt32BigEndian(NFTA_FIB_RESULT, (uint)Result);
        writer.PutRegister(NFTA_FIB_DREG, Destination);
    }
}

/// <summary>Loads a fact about the packet's route.</summary>
/// <param name="Key">0 realm, 1 IPv4 next hop, 2 IPv6 next hop, 3 TCP maximum segment size, 4 IPsec (enum nft_rt_keys).</param>
/// <param name="Destination">The register.</param>
public sealed record NfRoute(uint Key, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "rt";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_RT_KEY, Key);
        writer.PutRegister(NFTA_RT_DREG, Destination);
    }
}

/// <summary>Loads a fact about the local socket the packet belongs to.</summary>
/// <param name="Key">0 transparent, 1 mark, 2 wildcard, 3 control group (enum nft_socket_keys).</param>
/// <param name="Destination">The register.</param>
/// <param name="Level">Depth of the control group, for key 3; else 0.</param>
public sealed record NfSocket(uint Key, NfRegister Destination, uint Level = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "socket";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_SOCKET_KEY, Key);
        writer.PutRegister(NFTA_SOCKET_DREG, Destination);
        if (Level != 0)
            writer.PutUInt32BigEndian(NFTA_SOCKET_LEVEL, Level);
    }
}

/// <summary>How a <see cref="NfNumberGenerator"/> counts (enum nft_ng_types).</summary>
public enum NfNumberGeneratorKind : uint
{
    /// <summary>One more for each packet.</summary>
    Incremental = 0,

    /// <summary>At random.</summary>
    Random = 1,
}

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

/// <summary>Loads Jenkins' hash of registers ("jhash"), modulo a number, host byte order.</summary>
/// <param name="Source">First register to hash.</param>
/// <param name="Length">Number of bytes to hash.</param>
/// <param name="Modulus">How many different results; at least 1.</param>
/// <param name="Destination">The register for the result.</param>
/// <param name="Seed">The seed; null lets the kernel draw one.</param>
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

/// <summary>Loads a hash of the packet's flow that is the same for both directions ("symhash"), host byte order.</summary>
/// <param name="Modulus">How many different results; at least 1.</param>
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
