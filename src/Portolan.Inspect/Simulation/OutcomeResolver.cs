using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Turns the ends of all ways into outcomes. A fork over an unknown condition disappears when both of its sides end alike; otherwise its
/// ends become one unknown outcome that lists them.
/// </summary>
internal static class OutcomeResolver
{
    internal static ImmutableArray<Outcome> Resolve(List<Ending> endings)
    {
        List<Open> open = [.. endings.Select(ending => new Open(ToOutcome(ending), ending.State.Assumptions))];
        // Assumptions were made in the order of their numbers, so the latest fork is always the last assumption of all its ends.
        while (open.Exists(item => item.Assumptions is not null))
        {
            var byFork = open.ToLookup(item => item.Assumptions?.Fork ?? 0);
            var next = new List<Open>(byFork[0]);
            var forks = byFork.Where(group => group.Key != 0).ToList();
            // A fork whose ends carry later assumptions of other ends of the same fork has to wait for those.
            var waiting = new HashSet<int>(open.SelectMany(item => Earlier(item.Assumptions)));
            foreach (IGrouping<int, Open> fork in forks)
            {
                if (waiting.Contains(fork.Key))
                    next.AddRange(fork);
                else
                    next.AddRange(Close([.. fork]));
            }
            open = next;
        }
        return Merge(open.Select(item => item.Outcome));
    }

    private static IEnumerable<int> Earlier(Assumption? assumption)
    {
        for (Assumption? item = assumption?.Previous; item is not null; item = item.Previous)
            yield return item.Fork;
    }

    private static IEnumerable<Open> Close(List<Open> ends)
    {
        Assumption assumption = ends[0].Assumptions!;
        ImmutableArray<Outcome> ifTrue = Merge(ends.Where(end => end.Assumptions!.Holds).Select(end => end.Outcome));
        ImmutableArray<Outcome> ifFalse = Merge(ends.Where(end => !end.Assumptions!.Holds).Select(end => end.Outcome));
        if (AreAlike(ifTrue, ifFalse))
            return ifFalse.Select(outcome => new Open(outcome, assumption.Previous));
        if (IsOnlyRoute(assumption, ifTrue, ifFalse))
            return ifFalse.Select(outcome =>
                new Open(outcome with { Reason = $"delivered here if {outcome.Destination} is an address of this node" },
                assumption.Previous));

        // Only what differs is unknown: ends that both sides have keep the smaller of their two probabilities.
        var results = new List<Outcome>();
        double known = 0;
        foreach (Outcome outcome in ifFalse.Where(outcome => outcome.Verdict != OutcomeVerdict.Unknown))
        {
            Outcome? same = ifTrue.FirstOrDefault(other => Key(other) == Key(outcome));
            if (same is null)
                continue;
            double shared = Math.Min(same.Probability, outcome.Probability);
            known += shared;
            results.Add(outcome with { Probability = shared });
        }
        double total = Math.Max(ifTrue.Sum(outcome => outcome.Probability), ifFalse.Sum(outcome => outcome.Probability));
        Outcome example = ifFalse.Concat(ifTrue).First();
        string reason = ForkTracker.Reason(assumption.Condition, assumption.Place);
        ImmutableArray<Outcome> candidates = Merge(ifFalse.Concat(ifTrue)
            .SelectMany(outcome => outcome.Candidates.IsEmpty ? [outcome] : outcome.Candidates)
            .Where(outcome => outcome.Reason != reason));
        results.Add(example with
        {
            Verdict = OutcomeVerdict.Unknown,
            Probability = total - known,
            IsMasqueraded = false,
            Reason = reason,
            // The candidates have paths of their own.
            Path = candidates.IsEmpty ? example.Path : [],
            Candidates = candidates,
        });
        return results.Select(outcome => new Open(outcome, assumption.Previous));
    }

    /// <summary>
    /// True when the unknown is whether the destination is local, and the packet passes either way: it arrives, and only the place is open.
    /// </summary>
    private static bool IsOnlyRoute(Assumption assumption, ImmutableArray<Outcome> ifTrue, ImmutableArray<Outcome> ifFalse) =>
        assumption.Place is null && assumption.Condition.Fact is LocalAddress
        && ifTrue.All(outcome => outcome.Verdict == OutcomeVerdict.Local)
            && ifFalse.All(outcome => outcome.Verdict == OutcomeVerdict.Forward)
        && ifTrue.Length == 1 && ifFalse.Length == 1 && ifTrue[0].IsTranslated == ifFalse[0].IsTranslated;

    /// <summary>True for the same ends with the same probabilities, whatever the ways there.</summary>
    internal static bool AreAlike(ImmutableArray<Outcome> left, ImmutableArray<Outcome> right)
    {
        if (left.Length != right.Length)
            return false;
        var byKey = right.ToDictionary(Key, outcome => outcome.Probability);
        return left.All(outcome => byKey.TryGetValue(Key(outcome), out double probability)
            && Math.Abs(probability - outcome.Probability) < 1e-9);
    }

    private static ImmutableArray<Outcome> Merge(IEnumerable<Outcome> outcomes)
    {
        var merged = new Dictionary<object, Outcome>();
        foreach (Outcome outcome in outcomes)
        {
            object key = Key(outcome);
            if (!merged.TryGetValue(key, out Outcome? other))
            {
                merged[key] = outcome;
                continue;
            }
            merged[key] = (outcome.Probability > other.Probability ? outcome : other) with
            {
                Probability = outcome.Probability + other.Probability,
                Candidates = outcome.Candidates.IsEmpty || other.Candidates.IsEmpty
                    ? [] : Merge(other.Candidates.Concat(outcome.Candidates)),
            };
        }
        return [.. merged.Values.OrderByDescending(outcome => Math.Round(outcome.Probability, 9)).ThenBy(outcome => outcome.Verdict)
            .ThenBy(outcome => outcome.Destination).ThenBy(outcome => outcome.DestinationPort)];
    }

    private static (OutcomeVerdict, InetAddress, ushort?, InetAddress, bool, string?) Key(Outcome outcome) =>
        (outcome.Verdict, outcome.Destination, outcome.DestinationPort, outcome.Source, outcome.IsMasqueraded, outcome.Reason);

    private static Outcome ToOutcome(Ending ending)
    {
        PacketState state = ending.State;
        var path = ImmutableArray.CreateBuilder<PathStep>();
        for (PathNode? node = state.Path; node is not null; node = node.Previous)
            path.Add(node.Step);
        path.Reverse();
        var outcome = new Outcome
        {
            Verdict = ending.Verdict,
            Probability = state.Probability,
            Destination = state.Destination,
            DestinationPort = state.DestinationPort,
            Source = state.Source,
            IsTranslated = state.IsDestinationTranslated,
            IsMasqueraded = state.IsMasqueraded,
            Mark = state.Mark,
            Reason = ending.Reason,
            Path = path.DrainToImmutable(),
        };
        if (state.Ambiguity is not { } ambiguity)
            return outcome;
        // Which of the ways it was, the input does not tell: together they are one unknown end, and this is one of its candidates.
        return outcome with
        {
            Verdict = OutcomeVerdict.Unknown,
            Source = ambiguity.Source,
            Destination = ambiguity.Destination,
            DestinationPort = ambiguity.DestinationPort,
            IsTranslated = false,
            IsMasqueraded = false,
            Reason = ambiguity.Reason,
            Path = [],
            Candidates = ending.Verdict == OutcomeVerdict.Unknown ? [] : [outcome],
        };
    }

    private sealed record Open(Outcome Outcome, Assumption? Assumptions);
}
