using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Causes;

namespace Portolan.Inspect.Answers;

/// <summary>Nodes that answered the same.</summary>
public sealed record NodeGroup
{
    /// <summary>The worst of what they found.</summary>
    public required DiagnosisState State { get; init; }

    /// <summary>What these nodes do, as it follows their number: "drop it", "serve it".</summary>
    public required string Does { get; init; }

    /// <summary>Their names, in order.</summary>
    public required ImmutableArray<string> Nodes { get; init; }

    /// <summary>What they found, as the first of them worded it; for nodes where all works, nothing.</summary>
    public required ImmutableArray<NodeItem> Items { get; init; }

    /// <summary>The node whose words these are; null when all used the same.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? WordsOf { get; init; }
}
