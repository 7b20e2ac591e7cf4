using System.Collections.Immutable;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>A chain of a listing.</summary>
public sealed record ChainAnswer
{
    /// <summary>Which back-end holds the chain's table.</summary>
    public required RuleBackend Backend { get; init; }

    /// <summary>The table's family.</summary>
    public required TableFamily Family { get; init; }

    /// <summary>The table's name.</summary>
    public required string Table { get; init; }

    /// <summary>The chain's name.</summary>
    public required string Chain { get; init; }

    /// <summary>Hook, priority and policy of a base chain; null for others.</summary>
    public required BaseChain? Base { get; init; }

    /// <summary>What the chain is for, in words without a subject; null when that is not known.</summary>
    public required string? Purpose { get; init; }

    /// <summary>The rules that are shown.</summary>
    public required ImmutableArray<RuleAnswer> Rules { get; init; }

    /// <summary>How many rules after those are left out.</summary>
    public required int Omitted { get; init; }
}
