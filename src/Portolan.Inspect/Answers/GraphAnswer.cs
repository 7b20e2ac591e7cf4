using System.Collections.Immutable;
using Portolan.Inspect.Graphs;

namespace Portolan.Inspect.Answers;

/// <summary>The picture of a service's rules as data: the answer of graph.</summary>
/// <param name="Title">What is drawn.</param>
/// <param name="Nodes">Hooks, chains, marks, ends.</param>
/// <param name="Edges">The arrows between them.</param>
public sealed record GraphAnswer(string Title, ImmutableArray<GraphNodeAnswer> Nodes, ImmutableArray<GraphEdgeAnswer> Edges)
{
    /// <summary>The answer for a graph.</summary>
    public static GraphAnswer Of(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return new GraphAnswer(
            graph.Title,
            [.. graph.Nodes.Select(node => new GraphNodeAnswer(node.Id, node.Kind.ToString().ToLowerInvariant(), node.Label))],
            [.. graph.Edges.Select(edge => new GraphEdgeAnswer(edge.From, edge.To, edge.Label))]);
    }
}

/// <summary>A box of the picture.</summary>
/// <param name="Id">Names it within the graph.</param>
/// <param name="Kind">"hook", "chain", "mark", "endpoint", "deadend" or "missing".</param>
/// <param name="Label">The text in it.</param>
public sealed record GraphNodeAnswer(string Id, string Kind, string Label);

/// <summary>An arrow of the picture.</summary>
/// <param name="From">The id of the box it starts at.</param>
/// <param name="To">The id of the box it ends at.</param>
/// <param name="Label">Condition and effective probability.</param>
public sealed record GraphEdgeAnswer(string From, string To, string Label);
