using System.Collections.Immutable;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Descriptions;

/// <summary>
/// Ends of a packet's path that are shown together: the same rules but for one stretch between two hooks, as endpoints have.
/// Fifty endpoints are then fifty lines and one path, not fifty paths.
/// </summary>
public sealed class OutcomeGroup
{
    private readonly List<Outcome> _outcomes;

    private OutcomeGroup(Outcome first)
    {
        _outcomes = [first];
        SharedStart = first.Path.Length;
    }

    /// <summary>The ends, in the order they were given.</summary>
    public IReadOnlyList<Outcome> Outcomes => _outcomes;

    /// <summary>Number of steps from the beginning that all have in common.</summary>
    public int SharedStart { get; private set; }

    /// <summary>Number of steps up to the end that all have in common; none of those counted in <see cref="SharedStart"/>.</summary>
    public int SharedEnd { get; private set; }

    /// <summary>The steps of one of the ends that the others do not have; empty for all of them when there is only one path.</summary>
    public ImmutableArray<PathStep> OwnSteps(Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        return outcome.Path[SharedStart..(outcome.Path.Length - SharedEnd)];
    }

    /// <summary>Groups ends, in the order of the first of each group.</summary>
    public static IReadOnlyList<OutcomeGroup> Of(IEnumerable<Outcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        List<OutcomeGroup> groups = [];
        foreach (Outcome outcome in outcomes)
        {
            if (!groups.Exists(group => group.TryTake(outcome)))
                groups.Add(new(outcome));
        }
        return groups;
    }

    private bool TryTake(Outcome outcome)
    {
        Outcome first = _outcomes[0];
        // Unknown outcomes have candidates of their own to list.
        if (outcome.Verdict == OutcomeVerdict.Unknown
            || (outcome.Verdict, outcome.IsTranslated, outcome.IsMasqueraded, outcome.Source, outcome.Mark)
            != (first.Verdict, first.IsTranslated, first.IsMasqueraded, first.Source, first.Mark))
            return false;
        int start = 0, longest = Math.Min(SharedStart, outcome.Path.Length);
        while (start < longest && IsSame(first.Path[start], outcome.Path[start]))
            start++;
        int shortest = Math.Min(outcome.Path.Length, _outcomes.Min(static member => member.Path.Length));
        int end = 0;
        // With one path only, all of it belongs to the shared beginning.
        longest = Math.Min(SharedStart == first.Path.Length ? shortest : SharedEnd, shortest - start);
        while (end < longest && IsSame(first.Path[^(end + 1)], outcome.Path[^(end + 1)]))
            end++;
        // Paths that differ over more than one hook are easier to read separately.
        if (_outcomes.Append(outcome)
            .Any(member => member.Path[start..(member.Path.Length - end)].Any(static step => step.Kind == PathStepKind.Hook)))
            return false;
        (SharedStart, SharedEnd) = (start, end);
        _outcomes.Add(outcome);
        return true;
    }

    // Compared by what is printed, not by the packet's destination at that step.
    private static bool IsSame(PathStep one, PathStep other) => (one.Kind, one.Hook, one.Place, one.Table, one.Chain, one.Text)
        == (other.Kind, other.Hook, other.Place, other.Table, other.Chain, other.Text);
}
