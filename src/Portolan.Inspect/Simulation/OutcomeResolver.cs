using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Turns the ends of all paths into outcomes. A fork over an unknown condition disappears when both branches end the same; otherwise its
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
            // A fork must wait while its ends carry later assumptions.
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
        // Only the difference is unknown: ends on both sides keep the smaller of their two probabilities.
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
        ImmutableArray<Outcome> candidates = Either(
            Assumed(ifFalse, assumption, assumption.Condition.IsNegated, reason),
            Assumed(ifTrue, assumption, !assumption.Condition.IsNegated, reason));
        results.Add(example with
        {
            Verdict = OutcomeVerdict.Unknown,
            Probability = total - known,
            IsMasqueraded = false,
            When = [],
            Reason = reason,
            SettledBy = Union([.. ifFalse, .. ifTrue], assumption.Condition.Fact.SettledBy),
            // The candidates have paths of their own.
            Path = candidates.IsEmpty ? example.Path : [],
            Candidates = candidates,
        });
        if (OutcomeText.IsOnlyPlaceUnknown(results[^1]))
            results[^1] = results[^1] with
            {
                Path = candidates.First(outcome => outcome.Verdict == OutcomeVerdict.Forward).Path,
                IsTranslated = candidates[0].IsTranslated,
                IsMasqueraded = candidates[0].IsMasqueraded,
                IsSourceTranslated = candidates[0].IsSourceTranslated,
                Source = candidates[0].Source,
            };
        return results.Select(outcome => new Open(outcome, assumption.Previous));
    }

    /// <summary>The ends where the kernel may call chains in several orders: what differs between them is unknown.</summary>
    /// <param name="orders">The ends in each order, which the words that follow "if" describe.</param>
    /// <param name="chains">The chains.</param>
    internal static ImmutableArray<Outcome> OfOrders(IReadOnlyList<(string When, ImmutableArray<Outcome> Outcomes)> orders, string chains)
    {
        ImmutableArray<Outcome> first = orders[0].Outcomes;
        if (orders.All(order => AreAlike(first, order.Outcomes)))
            return first;
        string reason = $"in which order chains of equal priority are called ({chains}): 'nft list hooks' on the node shows it";
        var shared = first
            .Where(outcome => outcome.Verdict != OutcomeVerdict.Unknown)
            .Select(outcome =>
                outcome with
                {
                    Probability = orders.Min(order =>
                        order.Outcomes.Where(other => Key(other) == Key(outcome)).Sum(other => other.Probability)
                    ),
                }
            )
            .Where(outcome => outcome.Probability > 0)
            .ToList();
        List<Outcome> candidates = [];
        foreach ((string when, ImmutableArray<Outcome> outcomes) in orders)
        {
            List<Outcome> ends = [.. outcomes.SelectMany(outcome => outcome.Candidates.IsEmpty || OutcomeText.IsOnlyPlaceUnknown(outcome)
                ? [outcome] : outcome.Candidates).Select(outcome => outcome with
                {
                    When = outcome.When.IsEmpty ? [when] : [.. outcome.When.Select(inner => $"{when} and {inner}")],
                })];
            candidates = candidates.Count == 0 ? [.. Merge(ends)] : [.. Either(candidates, ends)];
        }
        shared.Add(first[0] with
        {
            Verdict = OutcomeVerdict.Unknown,
            Probability = 1 - shared.Sum(outcome => outcome.Probability),
            IsMasqueraded = false,
            IsTranslated = false,
            When = [],
            SettledBy = Union(orders.SelectMany(order => order.Outcomes)),
            Reason = reason,
            Path = [],
            Candidates = [.. candidates],
        });
        return [.. shared];
    }

    /// <summary>The ends of one side of a fork, each with what was assumed for it.</summary>
    private static List<Outcome> Assumed(ImmutableArray<Outcome> side, Assumption assumption, bool holds, string reason)
    {
        string condition = assumption.Condition.Fact.If(holds)
            ?? (assumption.Place is { } place ? $"{place} {(holds != assumption.Condition.IsNegated ? "matches" : "does not match")}" : "");
        // Whether an arriving packet stays on this node is part of one end, not two ends.
        return [.. side.SelectMany(outcome => outcome.Candidates.IsEmpty || OutcomeText.IsOnlyPlaceUnknown(outcome) ? [outcome]
                : outcome.Candidates)
            .Where(outcome => outcome.Reason != reason)
            .Select(outcome => condition.Length == 0 ? outcome : outcome with
            {
                When = outcome.When.IsEmpty ? [condition] : [.. outcome.When.Select(inner => $"{condition} and {inner}")],
            })];
    }

    /// <summary>
    /// The ends of both sides of a fork: one on both sides is not likelier for it, and holds under the conditions of either.
    /// </summary>
    private static ImmutableArray<Outcome> Either(List<Outcome> ifFalse, List<Outcome> ifTrue)
    {
        var merged = Merge(ifFalse).ToDictionary(Key);
        foreach (Outcome outcome in Merge(ifTrue))
        {
            merged[Key(outcome)] = merged.TryGetValue(Key(outcome), out Outcome? other)
                ? (outcome.Probability > other.Probability ? outcome : other) with
                {
                    When = Any(other.When, outcome.When),
                    Candidates = outcome.Candidates.IsEmpty || other.Candidates.IsEmpty
                        ? [] : Either([.. other.Candidates], [.. outcome.Candidates]),
                }
                : outcome;
        }
        return Sort(merged.Values);
    }

    private static ImmutableArray<string> Union(IEnumerable<Outcome> outcomes, string? first = null) =>
        [.. outcomes.SelectMany(static outcome => outcome.SettledBy).Prepend(first).OfType<string>().Distinct(StringComparer.Ordinal)];

    // Many alternatives explain nothing: they are then left out.
    private static ImmutableArray<string> Any(ImmutableArray<string> one, ImmutableArray<string> other)
    {
        const int most = 4;
        ImmutableArray<string> all = [.. one.Concat(other).Distinct(StringComparer.Ordinal)];
        return one.IsEmpty || other.IsEmpty || all.Length > most ? [] : all;
    }

    /// <summary>True for the same ends with the same probabilities, whatever their paths.</summary>
    internal static bool AreAlike(ImmutableArray<Outcome> left, ImmutableArray<Outcome> right)
    {
        if (left.Length != right.Length)
            return false;
        var byKey = right.ToDictionary(Key);
        return left.All(outcome => byKey.TryGetValue(Key(outcome), out Outcome? other)
            && Math.Abs(other.Probability - outcome.Probability) < 1e-9
            // An unknown is another one where a choice of IPVS may end otherwise.
            && (IsPlain(outcome) && IsPlain(other) || AreAlike(outcome.Candidates, other.Candidates)));

        static bool IsPlain(Outcome outcome) => !outcome.Candidates.Any(static candidate => candidate.Choice is not null);
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
                Probability = Math.Min(1, outcome.Probability + other.Probability),
                When = Any(other.When, outcome.When),
                SettledBy = Union([other, outcome]),
                Candidates = outcome.Candidates.IsEmpty || other.Candidates.IsEmpty
                    ? [] : Merge(other.Candidates.Concat(outcome.Candidates)),
            };
        }
        return Sort(merged.Values);
    }

    private static ImmutableArray<Outcome> Sort(IEnumerable<Outcome> outcomes) =>
        [.. outcomes.OrderByDescending(outcome => Math.Round(outcome.Probability, 9)).ThenBy(outcome => outcome.Verdict)
            .ThenBy(outcome => outcome.Destination).ThenBy(outcome => outcome.DestinationPort)];

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
            IsTranslated = state.IsDestinationTranslated || state.IsSentByIpvs,
            IsMasqueraded = state.IsMasqueraded,
            IsSourceTranslated = state.IsSourceTranslated,
            Mark = state.Mark,
            Reason = ending.Reason,
            Path = path.DrainToImmutable(),
        };
        if (state.Ambiguity is not { } ambiguity)
            return outcome;
        // The input does not show which path it was: together they are one unknown end, and this is one of its candidates.
        return outcome with
        {
            Verdict = OutcomeVerdict.Unknown,
            Source = ambiguity.Source,
            Destination = ambiguity.Destination,
            DestinationPort = ambiguity.DestinationPort,
            IsTranslated = false,
            IsMasqueraded = false,
            IsSourceTranslated = false,
            Reason = ambiguity.Reason,
            Path = [],
            Candidates = ending.Verdict == OutcomeVerdict.Unknown ? []
                : [ambiguity.When is { } when ? outcome with { When = [when], Choice = when, Probability = 1 } : outcome],
        };
    }

    private sealed record Open(Outcome Outcome, Assumption? Assumptions);
}
