namespace Portolan.Inspect.Simulation;

/// <summary>Keeps the ends of all ways, and the count of forks over unknown conditions.</summary>
internal sealed class ForkTracker
{
    // Beyond these the answer would be no help to anybody; the outcome says that it is unknown and at which condition.
    private const int DeepestAssumptions = 12;
    private const int MostForks = 200_000;

    // Ten times the rules of the largest nodes: what needs more are chains that call the next one twice each, whose rules a packet may
    // meet two to the power of their number times.
    private const int MostSteps = 2_000_000;
    private const int MostCalls = 250_000;

    private int _forks;
    private int _steps;
    private int _calls;

    /// <summary>Counts rules that a packet has met; false when those were too many for an answer.</summary>
    internal bool TryStep(int states)
    {
        if (_steps > MostSteps || _calls > MostCalls)
            return false;
        _steps += states;
        return true;
    }

    /// <summary>Counts the chains that a packet has been sent to.</summary>
    internal void CountCall() => _calls++;

    internal List<Ending> Endings { get; } = [];

    internal void Finish(PacketState state, OutcomeVerdict verdict, string? reason) => Endings.Add(new Ending(state, verdict, reason));

    /// <summary>
    /// Goes both ways of an unknown condition: the state where the rule matches and the one where it does not. One is null when the
    /// packet's way has already assumed the answer; both are null when there have been too many forks, and the way has ended.
    /// </summary>
    internal (PacketState? Matches, PacketState? Passes)? Fork(PacketState state, Condition condition, RuleRef? place)
    {
        if (Assumption.Find(state.Assumptions, condition.Fact) is { } known)
            return known != condition.IsNegated ? (state, null) : (null, state);
        if (state.Assumptions?.Depth >= DeepestAssumptions || _forks >= MostForks)
        {
            Finish(state, OutcomeVerdict.Unknown, Reason(condition, place) + ", one unknown of many");
            return null;
        }
        int fork = ++_forks;
        PacketState other = state.Copy();
        state.Assumptions = new Assumption(fork, condition, !condition.IsNegated, place, state.Assumptions);
        other.Assumptions = new Assumption(fork, condition, condition.IsNegated, place, other.Assumptions);
        return (state, other);
    }

    internal static string Reason(Condition condition, RuleRef? place) =>
        place is null || condition.Text.Contains(place.Chain.Name, StringComparison.Ordinal)
        ? condition.Text : $"{condition.Text}: {place} asks";
}

/// <summary>The end of one way.</summary>
internal sealed record Ending(PacketState State, OutcomeVerdict Verdict, string? Reason);
