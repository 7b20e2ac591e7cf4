using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Graphs;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>graph</c>: boxes and arrows.</summary>
public sealed record GraphAnswer
{
    /// <summary>What the picture shows.</summary>
    public required string Title { get; init; }

    /// <summary>The boxes.</summary>
    public required ImmutableArray<GraphNode> Nodes { get; init; }

    /// <summary>The arrows, in the order of the rules.</summary>
    public required ImmutableArray<GraphEdge> Edges { get; init; }

    /// <summary>The clients that the decisions tell apart; null in a picture of chains.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<GraphClient>? Clients { get; init; }

    /// <summary>What the picture assumes or leaves out.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>The picture as the drawing programs take it.</summary>
    [JsonIgnore]
    public ServiceGraph Graph => new() { Title = Title, Nodes = Nodes, Edges = Edges, Clients = Clients ?? [], Notes = Notes };

    /// <summary>The answer for a graph.</summary>
    public static GraphAnswer Of(ServiceGraph graph, AnswerInput? input = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return new GraphAnswer
        {
            Title = graph.Title,
            Nodes = graph.Nodes,
            Edges = graph.Edges,
            Clients = graph.Clients.IsEmpty ? null : graph.Clients,
            Notes = graph.Notes,
            Input = input,
        };
    }
}
