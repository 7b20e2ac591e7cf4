using System.Collections.Immutable;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>How two values are compared (enum nft_cmp_ops); bytes are compared as memcmp does.</summary>
public enum NfCompareOperator : uint
{
    /// <summary>Equal.</summary>
    Equal = 0,

    /// <summary>Not equal.</summary>
    NotEqual = 1,

    /// <summary>Less.</summary>
    Less = 2,

    /// <summary>Less or equal.</summary>
    LessOrEqual = 3,

    /// <summary>Greater.</summary>
    Greater = 4,

    /// <summary>Greater or equal.</summary>
    GreaterOrEqual = 5,
}

/// <summary>Goes on only if a register compares so with a constant.</summary>
/// <param name="Source">The register.</param>
/// <param name="Operator">The comparison.</param>
/// <param name="Value">The constant; its length is the number of bytes compared.</param>
public sealed record NfCompare(NfRegister Source, NfCompareOperator Operator, NfData Value) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "cmp";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_CMP_SREG, Source);
        writer.PutUInt32BigEndian(NFTA_CMP_OP, (uint)Operator);
        writer.PutData(NFTA_CMP_DATA, Value.Span);
    }
}

/// <summary>Goes on only if a register is (not) within two constants, ends included.</summary>
/// <param name="Source">The register.</param>
/// <param name="Inverted">True: goes on if it is not within.</param>
/// <param name="From">The lowest value.</param>
/// <param name="To">The highest value.</param>
public sealed record NfRange(NfRegister Source, bool Inverted, NfData From, NfData To) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "range";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_RANGE_SREG, Source);
        writer.PutUInt32BigEndian(NFTA_RANGE_OP, Inverted ? 1u : 0u);
        writer.PutData(NFTA_RANGE_FROM_DATA, From.Span);
        writer.PutData(NFTA_RANGE_TO_DATA, To.Span);
    }
}

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

    /// <summary>The second operand of and, or, xor, when it is a register.</summary>
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

/// <summary>Swaps bytes between host and network order.</summary>
/// <param name="Source">The register to read.</param>
/// <param name="Destination">The register for the result.</param>
/// <param name="ToNetwork">True: host to network order; false: the other way.</param>
/// <param name="Length">Number of bytes in all.</param>
/// <param name="Size">Bytes of one number: 2, 4 or 8.</param>
public sealed record NfByteOrder(NfRegister Source, NfRegister Destination, bool ToNetwork, uint Length, uint Size) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "byteorder";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_BYTEORDER_SREG, Source);
        writer.PutRegister(NFTA_BYTEORDER_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_BYTEORDER_OP, ToNetwork ? 1u : 0u);
        writer.PutUInt32BigEndian(NFTA_BYTEORDER_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_BYTEORDER_SIZE, Size);
    }
}

/// <summary>Looks a key up in a set or map: goes on only if it is there (not there, when inverted).</summary>
/// <param name="Set">Name of the set; it may be added earlier in the same transaction.</param>
/// <param name="Source">The register the key starts in.</param>
/// <param name="Destination">The register for a map's data; <see cref="NfRegister.Verdict"/> for a verdict map; null for a set.</param>
/// <param name="Inverted">True: goes on only if the key is not there.</param>
public sealed record NfLookup(string Set, NfRegister Source, NfRegister? Destination = null, bool Inverted = false) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "lookup";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_LOOKUP_SREG, Source);
        writer.PutRegister(NFTA_LOOKUP_DREG, Destination);
        writer.PutString(NFTA_LOOKUP_SET, Set);
        if (Inverted)
            writer.PutUInt32BigEndian(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    }
}

/// <summary>Loads a constant into a register.</summary>
/// <param name="Destination">The register.</param>
/// <param name="Value">The constant.</param>
public sealed record NfImmediate(NfRegister Destination, NfData Value) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_IMMEDIATE_DREG, Destination);
        writer.PutData(NFTA_IMMEDIATE_DATA, Value.Span);
    }
}

/// <summary>Decides about the packet.</summary>
/// <param name="Verdict">The verdict.</param>
public sealed record NfImmediateVerdict(NfVerdict Verdict) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_IMMEDIATE_DREG, NfRegister.Verdict);
        writer.PutVerdict(NFTA_IMMEDIATE_DATA, Verdict);
    }
}

/// <summary>What a rule does to an element of a set (enum nft_dynset_ops).</summary>
public enum NfDynamicSetOperation : uint
{
    /// <summary>Adds it; one that exists stays as it is.</summary>
    Add = 0,

    /// <summary>Adds it, or starts the timeout of one that exists anew.</summary>
    Update = 1,

    /// <summary>Removes it.</summary>
    Delete = 2,
}

/// <summary>Changes a set or map from a rule.</summary>
/// <param name="Set">Name of the set, which must be dynamic.</param>
/// <param name="Operation">What to do.</param>
/// <param name="Key">The register the key starts in.</param>
/// <param name="Data">The register a map's data start in; null for a set.</param>
public sealed record NfDynamicSet(string Set, NfDynamicSetOperation Operation, NfRegister Key, NfRegister? Data = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "dynset";

    /// <summary>The element's timeout; zero: as the set says.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>True: goes on only if the element could not be added.</summary>
    public bool Inverted { get; init; }

    /// <summary>Expressions the element carries, such as a counter or a limit.</summary>
    public ImmutableArray<NfExpression> Expressions { get; init; } = [];

    /// <summary>Equality of content, expression by expression.</summary>
    public bool Equals(NfDynamicSet? other) =>
        other is not null && Set == other.Set && Operation == other.Operation && Key == other.Key && Data == other.Data
        && Timeout == other.Timeout && Inverted == other.Inverted && Expressions.SequenceEqual(other.Expressions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Set, Operation, Key, Data, Timeout, Inverted);

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_DYNSET_SREG_KEY, Key);
        writer.PutRegister(NFTA_DYNSET_SREG_DATA, Data);
        writer.PutUInt32BigEndian(NFTA_DYNSET_OP, (uint)Operation);
        if (Timeout > TimeSpan.Zero)
            writer.PutUInt64BigEndian(NFTA_DYNSET_TIMEOUT, (ulong)Timeout.TotalMilliseconds);
        writer.PutString(NFTA_DYNSET_SET_NAME, Set);
        uint flags = Inverted ? NFT_DYNSET_F_INV : 0;
        if (Expressions is [NfExpression single])
        {
            single.Write(writer, NFTA_DYNSET_EXPR);
        }
        else if (Expressions.Length > 1)
        {
            flags |= NFT_DYNSET_F_EXPR;
            WriteList(writer, NFTA_DYNSET_EXPRESSIONS, Expressions.AsSpan());
        }
        if (flags != 0)
            writer.PutUInt32BigEndian(NFTA_DYNSET_FLAGS, flags);
    }
}
