using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Answers;

/// <summary>What the rules do with one packet: the answer of trace.</summary>
/// <param name="Outcomes">The possible ends, most likely first; their probabilities add up to 1.</param>
/// <param name="Notes">What the whole answer rests on, such as tables that the input does not show.</param>
public sealed record TraceAnswer(ImmutableArray<TraceOutcome> Outcomes, ImmutableArray<string> Notes)
{
    /// <summary>The answer for a simulated packet.</summary>
    public static TraceAnswer Of(TraceResult result, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(result);
        return new TraceAnswer([.. result.Outcomes.Select(outcome => TraceOutcome.Of(outcome, guide))], result.Caveats);
    }
}

/// <summary>One possible end of a packet's path.</summary>
/// <param name="Probability">How likely it is, from 0 to 1, rounded to nine digits.</param>
/// <param name="Verdict">"forward", "local", "drop", "reject" or "unknown".</param>
/// <param name="Destination">The destination at the end: "address:port", or the address alone.</param>
/// <param name="Source">The source at the end; null when masquerading chooses an address that the input does not show.</param>
/// <param name="Masquerade">Whether the source becomes an address of this node.</param>
/// <param name="Mark">The packet's mark at the end.</param>
/// <param name="Reason">What is unknown and why, or what a rejected sender receives; null otherwise.</param>
/// <param name="Path">The rules that matched, in order.</param>
/// <param name="Candidates">For an unknown end: the ends that are possible; null otherwise.</param>
public sealed record TraceOutcome(
    double Probability,
    string Verdict,
    string Destination,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Source,
    bool Masquerade,
    uint Mark,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    ImmutableArray<TraceStep> Path,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImmutableArray<TraceOutcome>? Candidates)
{
    internal static TraceOutcome Of(Outcome outcome, ChainGuide guide) => new(
        Math.Round(outcome.Probability, 9),
        outcome.Verdict.ToString().ToLowerInvariant(),
        outcome.DestinationText,
        outcome.Source.Family == IpFamily.None ? null : outcome.Source.ToString(),
        outcome.IsMasqueraded,
        outcome.Mark,
        outcome is { Verdict: OutcomeVerdict.Unknown, Reason: { } unknown } ? $"unknown: {unknown}" : outcome.Reason,
        [.. outcome.Path.Where(step => step.Kind is PathStepKind.Rule or PathStepKind.Policy).Select(step => TraceStep.Of(step, guide))],
        outcome.Candidates.IsEmpty ? null : [.. outcome.Candidates.Select(candidate => Of(candidate, guide))]);
}

/// <summary>A rule that matched, or a policy that dropped the packet.</summary>
/// <param name="Hook">At which hook, in lower case.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Rule">The rule's number in its chain, from 1; null for a policy.</param>
/// <param name="Service">The service that the rule belongs to; null for none.</param>
/// <param name="Text">The rule as its tool prints it; "policy drop" for a policy.</param>
/// <param name="Source">File and line that the rule was read from; null where it has none.</param>
public sealed record TraceStep(
    string Hook,
    string Table,
    string Chain,
    int? Rule,
    string? Service,
    string Text,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Source)
{
    internal static TraceStep Of(PathStep step, ChainGuide guide)
    {
        string hook = step.Hook.ToString().ToLowerInvariant();
        if (step.Place is not { } place)
            return new TraceStep(hook, step.Table!.Name, step.Chain!.Name, null, null, "policy drop", null);
        string source = place.Rule.Source.ToString();
        return new TraceStep(hook, step.Table!.Name, step.Chain!.Name, place.Index + 1, guide.ServiceOf(place), RuleText.Of(place.Rule), source.Length == 0 ? null : source);
    }
}
