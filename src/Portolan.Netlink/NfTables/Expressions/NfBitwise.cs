using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Bit operations on registers.</summary>
/// <param name="Source">The register to read.</param>
/// <param name="Destination">The register for the result.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Operation">The operation.</param>
public sealed record NfBitwise(NfRegister Source, NfRegister Destination, uint Length, NfBitwiseOperation Operation) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "bitwise";

    /// <summary>The mask, for <see cref="NfBitwiseOperation.MaskXor"/>.</summary>
    public NfData Mask { get; init; }

    /// <summary>The second mask, for <see cref="NfBitwiseOperation.MaskXor"/>.</summary>
    public NfData Xor { get; init; }

    /// <summary>The number of bits of a shift (4 bytes, host order), or the constant of and, or, xor.</summary>
    public NfData Data { get; init; }

    /// <summary>The second operand of and, or, xor, if it is a register.</summary>
    public NfRegister? SecondSource { get; init; }

    /// <summary>(register &amp; mask) ^ xor, in place.</summary>
    public static NfBitwise MaskXor(NfRegister register, NfData mask, NfData xor) =>
        new(register, register, (uint)mask.Length, NfBitwiseOperation.MaskXor) { Mask = mask, Xor = xor };

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_BITWISE_SREG, Source);
        writer.PutRegister(NFTA_BITWISE_SREG2, SecondSource);
        writer.PutRegister(NFTA_BITWISE_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_BITWISE_OP, (uint)Operation);
        writer.PutUInt32BigEndian(NFTA_BITWISE_LEN, Length);
        if (Operation == NfBitwiseOperation.MaskXor)
        {
            writer.PutData(NFTA_BITWISE_MASK, Mask.Span);
            writer.PutData(NFTA_BITWISE_XOR, Xor.Span);
        }
        else if (Data.Length > 0)
        {
            writer.PutData(NFTA_BITWISE_DATA, Data.Span);
        }
    }
}
