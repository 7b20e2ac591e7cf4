using System.Collections.Immutable;

namespace Portolan.Inspect.Graphs;

/// <summary>A picture of what becomes of packets to services, or of the chains of rules: boxes and arrows.</summary>
public sealed record ServiceGraph
{
    /// <summary>What the picture shows.</summary>
    public required string Title { get; init; }

    /// <summary>The boxes.</summary>
    public required ImmutableArray<GraphNode> Nodes { get; init; }

    /// <summary>The arrows, in the order of the decisions or rules.</summary>
    public required ImmutableArray<GraphEdge> Edges { get; init; }

    /// <summary>The clients that the decisions tell apart; empty in a picture of chains.</summary>
    public ImmutableArray<GraphClient> Clients { get; init; } = [];

    /// <summary>What the picture assumes or leaves out, in sentences.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];
}
