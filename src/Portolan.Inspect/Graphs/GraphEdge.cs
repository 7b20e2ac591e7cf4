using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Portolan.Inspect.Graphs;

/// <summary>An arrow.</summary>
/// <param name="From">Id of the box it leaves.</param>
/// <param name="To">Id of the box it leads to.</param>
/// <param name="Label">Whom it concerns, its condition, share and mark, in words; may be empty.</param>
public sealed record GraphEdge(string From, string To, string Label)
{
    /// <summary>Ids of the clients whose packets take it; null in a picture of chains.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? Clients { get; init; }

    /// <summary>
    /// The conditions, in words that follow "if", under which they take it, any one being enough; null when nothing that the input does
    /// not show decides.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? When { get; init; }

    /// <summary>
    /// The share of these clients' new connections that take it, under its conditions, from 0 to 1; null where there is no choice.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Share { get; init; }

    /// <summary>
    /// True when the source becomes an address of this node; "unknown" when the packet is marked for it and the input does not show the
    /// rule that does it.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public MasqueradeMark Masquerade { get; init; }

    /// <summary>The source that a rule names; null when it stays or masquerading chooses it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Source { get; init; }

    /// <summary>The same for an endpoint that gets itself by this arrow, where that differs from its neighbours.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public MasqueradeMark Hairpin { get; init; }

    /// <summary>The endpoints to which the packets were on their way when they were stopped; null for other arrows.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? OnTheWayTo { get; init; }
}
