using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Answers;

/// <summary>One end of a packet's path.</summary>
public sealed record OutcomeAnswer
{
    /// <summary>Its probability, above 0 up to 1; those of candidates are not comparable.</summary>
    [JsonConverter(typeof(ProbabilityConverter))]
    public required double Probability { get; init; }

    /// <summary>How the path ends.</summary>
    public required OutcomeVerdict Verdict { get; init; }

    /// <summary>The destination at the end: "address:port", or the address alone.</summary>
    public required string Destination { get; init; }

    /// <summary>The source at the end; null when masquerading chooses an address that the input does not show.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public InetAddress? Source { get; init; }

    /// <summary>True when the source becomes an address of this node by masquerading.</summary>
    public required bool Masquerade { get; init; }

    /// <summary>The packet's mark at the end.</summary>
    public required uint Mark { get; init; }

    /// <summary>"unknown: ..." and the rule, or what a rejected sender receives; null otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>
    /// Of a candidate: the conditions under which the packet ends so, in words that follow "if"; any one is enough. Null for others and
    /// for an unconditional end.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? When { get; init; }

    /// <summary>The rules and policies that matched, in order.</summary>
    public required ImmutableArray<PathStepAnswer> Path { get; init; }

    /// <summary>For an unknown end: the possible ends; null for others.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<OutcomeAnswer>? Candidates { get; init; }

    /// <summary>
    /// For an unknown end: what one may add to the question so that it is known; null for others, and when nothing would do.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? SettledBy { get; init; }

    /// <summary>The answer for one end.</summary>
    public static OutcomeAnswer Of(Outcome outcome, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(guide);
        return new OutcomeAnswer
        {
            Probability = outcome.Probability,
            Verdict = outcome.Verdict,
            Destination = outcome.DestinationText,
            Source = outcome.Source.Family == IpFamily.None ? null : outcome.Source,
            Masquerade = outcome.IsMasqueraded,
            Mark = outcome.Mark,
            Reason = outcome is { Verdict: OutcomeVerdict.Unknown, Reason: { } reason } ? $"unknown: {reason}" : outcome.Reason,
            When = outcome.When.IsEmpty ? null : outcome.When,
            Path = [.. outcome.Path.Where(step => step.Kind is PathStepKind.Rule or PathStepKind.Policy or PathStepKind.VirtualServer)
                .Select(step => PathStepAnswer.Of(step, guide))],
            Candidates = outcome.Candidates.IsEmpty ? null : [.. outcome.Candidates.Select(candidate => Of(candidate, guide))],
            SettledBy = SettlesUnknown(outcome) ? outcome.SettledBy : null,
        };
    }

    internal static bool SettlesUnknown(Outcome outcome) =>
        outcome is { Verdict: OutcomeVerdict.Unknown, SettledBy.IsEmpty: false } && !OutcomeText.IsOnlyPlaceUnknown(outcome);
}
