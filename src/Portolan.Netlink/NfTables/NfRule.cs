using System.Collections.Immutable;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.NfTables;

/// <summary>A rule: expressions that are evaluated in order until one ends the rule or issues a verdict.</summary>
/// <param name="Table">The table it is in.</param>
/// <param name="Chain">The name of the chain it is in.</param>
/// <param name="Expressions">The register program.</param>
public sealed record NfRule(NfTableId Table, string Chain, ImmutableArray<NfExpression> Expressions)
{
    /// <summary>The comment nft shows: up to 128 bytes of UTF-8.</summary>
    public string? Comment { get; init; }

    /// <summary>Its handle in the kernel, unique in the table; 0 if not read from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>In a notification: the handle of the rule before it; 0 for the first of a chain.</summary>
    public ulong PreviousHandle { get; init; }

    /// <summary>Protocol and flags for xt matches (NFTA_RULE_COMPAT), which iptables-nft writes; null if there are none.</summary>
    public NfRuleCompat? Compat { get; init; }

    /// <summary>Equality of all that is written, expression by expression.</summary>
    public bool Equals(NfRule? other) =>
        other is not null && Table == other.Table && Chain == other.Chain && Comment == other.Comment && Handle == other.Handle
        && PreviousHandle == other.PreviousHandle && Compat == other.Compat && Expressions.SequenceEqual(other.Expressions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Table, Chain, Comment, Handle, Expressions.Length);
}

/// <summary>What iptables-nft passes to the kernel about a rule for xt matches.</summary>
/// <param name="Protocol">The IP protocol the rule is for; 0 for any.</param>
/// <param name="Flags">NFT_RULE_COMPAT_F_INV (2): any but this protocol.</param>
public sealed record NfRuleCompat(uint Protocol, uint Flags);
