namespace Portolan.Inspect.Simulation;

/// <summary>Keeps the ends of all paths, and the count of forks over unknown conditions.</summary>
internal sealed class ForkTracker
{
    // Beyond these the answer would be useless; the outcome is then unknown, with the condition.
    private const int DeepestAssumptions = 12;
    private const int MostForks = 200_000;

    // Ten times the rules of the largest nodes: only chains that each call the next one twice need more, as a packet may meet their
    // rules two to the power of their number times.
    private const int MostSteps = 2_000_000;
    private const int MostCalls = 250_000;

    private int _forks;
    private int _steps;
    private int _calls;

    /// <summary>Counts rules that a packet was checked against; false when there were too many for an answer.</summary>
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
    /// Takes both branches of an unknown condition: the state where the rule matches and the one where it does not. One is null when the
    /// path has already assumed the answer; both are null when there were too many forks, and the path has ended.
    /// </summary>
    internal (PacketState? Matches, PacketState? Passes)? Fork(PacketState state, Condition condition, RuleRef? place)
    {
        if (Assumption.Find(state.Assumptions, condition.Fact) is { } known)
            return known != condition.IsNegated ? (state, null) : (null, state);
        if (state.Assumptions?.Depth >= DeepestAssumptions || _forks >= MostForks)
        {
            Finish(state, OutcomeVerdict.Unknown, Reason(condition, place) + ", one of many unknowns");
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
        ? condition.Text : $"{condition.Text}: needed by {place}";
}

/// <summary>The end of one path.</summary>
internal sealed record Ending(PacketState State, OutcomeVerdict Verdict, string? Reason);
