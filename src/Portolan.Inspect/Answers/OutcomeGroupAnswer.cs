using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Answers;

/// <summary>
/// Ends of a packet's path that are shown together because their paths differ in one stretch only, as those of endpoints do.
/// </summary>
public sealed record OutcomeGroupAnswer
{
    /// <summary>How all of them end.</summary>
    public required OutcomeVerdict Verdict { get; init; }

    /// <summary>The ends, a line each, with their probabilities.</summary>
    public required ImmutableArray<string> Ends { get; init; }

    /// <summary>The steps from the beginning that all have in common.</summary>
    public required ImmutableArray<PathStepAnswer> First { get; init; }

    /// <summary>The steps in between, for each end.</summary>
    public required ImmutableArray<OutcomeBranchAnswer> Branches { get; init; }

    /// <summary>The steps up to the end that all have in common.</summary>
    public required ImmutableArray<PathStepAnswer> Last { get; init; }

    /// <summary>For an unknown end: the possible ends.</summary>
    public ImmutableArray<OutcomeGroupAnswer> Candidates { get; init; } = [];

    /// <summary>For an unknown end: what one may add to the question so that it is known; empty when nothing would do.</summary>
    public ImmutableArray<string> SettledBy { get; init; } = [];

    /// <summary>The answer for a group of ends.</summary>
    public static OutcomeGroupAnswer Of(OutcomeGroup group, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(guide);
        Outcome first = group.Outcomes[0];
        return new OutcomeGroupAnswer
        {
            Verdict = first.Verdict,
            Ends = [.. group.Outcomes.Select(OutcomeText.Of)],
            First = Steps(first.Path[..group.SharedStart], guide),
            Branches = [.. group.Outcomes.Where(outcome => !group.OwnSteps(outcome).IsEmpty)
                .Select(outcome => new OutcomeBranchAnswer(outcome.DestinationText, Steps(group.OwnSteps(outcome), guide)))],
            Last = Steps(first.Path[(first.Path.Length - group.SharedEnd)..], guide),
            Candidates = [.. OutcomeGroup.Of(first.Candidates).Select(candidates => Of(candidates, guide))],
            SettledBy = OutcomeAnswer.SettlesUnknown(first) ? first.SettledBy : [],
        };
    }

    private static ImmutableArray<PathStepAnswer> Steps(ImmutableArray<PathStep> steps, ChainGuide guide) =>
        [.. steps.Select(step => PathStepAnswer.Of(step, guide))];
}
