using System.Text.Json.Serialization;

namespace Portolan.Inspect.Answers;

/// <summary>A step of a real packet whose rule is known.</summary>
public sealed record WatchRuleAnswer : WatchStepAnswer
{
    /// <summary>The rule's number in its chain, from 1.</summary>
    [JsonPropertyOrder(1)]
    public required int Rule { get; init; }

    /// <summary>The service port that the rule is about, or null.</summary>
    [JsonPropertyOrder(2)]
    public required string? Service { get; init; }

    /// <summary>The rule as it was read.</summary>
    [JsonPropertyOrder(3)]
    public required string Text { get; init; }
}
