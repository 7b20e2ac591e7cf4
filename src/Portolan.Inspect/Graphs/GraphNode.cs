using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;

namespace Portolan.Inspect.Graphs;

/// <summary>A box.</summary>
/// <param name="Id">Unique in the graph: letters, digits and "_" only.</param>
/// <param name="Kind">What it represents.</param>
/// <param name="Label">Its text; lines are separated by "\n".</param>
public sealed record GraphNode(string Id, GraphNodeKind Kind, string Label)
{
    /// <summary>The service whose decisions it belongs to; null in a picture of chains.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Service { get; init; }

    /// <summary>Of a frontend: its addresses, "172.30.10.1:80", or "*:30080" for all of the node's; null for other boxes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? Addresses { get; init; }

    /// <summary>Of a frontend: the protocol; null for other boxes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IpProtocol? Protocol { get; init; }

    /// <summary>The rule or policy that decides here, "filter FORWARD rule 3"; null where it is the service's own, or several.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Rule { get; init; }

    /// <summary>Who has probably written that rule; null when nothing shows it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Owner { get; init; }
}
