namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>The operation of a <see cref="NfBitwise"/> (enum nft_bitwise_ops).</summary>
public enum NfBitwiseOperation : uint
{
    /// <summary>(source &amp; mask) ^ xor.</summary>
    MaskXor = 0,

    /// <summary>Left by a number of bits.</summary>
    LeftShift = 1,

    /// <summary>Right by a number of bits.</summary>
    RightShift = 2,

    /// <summary>source &amp; second source (since Linux 6.13).</summary>
    And = 3,

    /// <summary>source | second source (since Linux 6.13).</summary>
    Or = 4,

    /// <summary>source ^ second source (since Linux 6.13).</summary>
    Xor = 5,
}
