using System.Collections.Immutable;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Changes a set or map from a rule.</summary>
/// <param name="Set">Name of the set, which must be dynamic.</param>
/// <param name="Operation">What to do.</param>
/// <param name="Key">The register the key starts in.</param>
/// <param name="Data">The register a map's data starts in; null for a set.</param>
public sealed record NfDynamicSet(string Set, NfDynamicSetOperation Operation, NfRegister Key, NfRegister? Data = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "dynset";

    /// <summary>The element's timeout; zero: the set's.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>True: continues the rule only if the element could not be added.</summary>
    public bool Inverted { get; init; }

    /// <summary>Expressions of the element, such as a counter or a limit.</summary>
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
