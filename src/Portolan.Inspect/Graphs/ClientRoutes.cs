using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>Turns the ends of a traced packet into the decisions that are drawn.</summary>
internal sealed class ClientRoutes(Ruleset rules, ChainGuide guide)
{
    /// <summary>The paths of a client's packets.</summary>
    /// <param name="walk">What becomes of them.</param>
    /// <param name="checksSources">The frontend's first decision is about source ranges.</param>
    /// <param name="checksPlace">Its last decision is about endpoints of this node.</param>
    internal ImmutableArray<ClientRoute> Of(FrontendWalk walk, bool checksSources, bool checksPlace)
    {
        Hook hook = walk.Trace.Packet.IsFromNode ? Hook.Output : Hook.Prerouting;
        var found = new List<(RouteTarget? Foreign, int Decisions, RouteLeaf Leaf)>();
        foreach (Outcome outcome in walk.Trace.Outcomes)
        {
            var ends = new List<(RouteTarget? Foreign, int Decisions, RouteLeaf Leaf)>();
            foreach (Outcome end in Obstacles.Ends(outcome).Select(static end => end.AsChoice()))
            {
                Obstacle? obstacle = Obstacles.Of(end, hook, walk.Service);
                UnservedCause? refusal = RefusalOf(end);
                RouteTarget? foreign = obstacle is { Kind: ObstacleKind.Taken or ObstacleKind.Passed or ObstacleKind.Untracked }
                    ? ForeignOf(obstacle) : null;
                int decisions = foreign is not null || (obstacle is not null && !end.IsTranslated) || !IsAsked(end, walk.Service) ? 0
                    : refusal is UnservedCause.SourceNotAllowed or UnservedCause.NoEndpoints or UnservedCause.UnknownPort
                        ? checksSources ? 1 : 0
                    : (checksSources ? 1 : 0) + (checksPlace ? 1 : 0);
                ends.Add((foreign, decisions, LeafOf(end, obstacle, refusal)));
            }
            found.AddRange(WithoutIdleConditions(ends));
        }
        return [.. found.GroupBy(static item => (item.Foreign, item.Decisions)).SelectMany(static group =>
            RoutesOf(group.Key.Foreign, group.Key.Decisions, group.Select(static item => item.Leaf)))];
    }

    /// <summary>The service's own refusal on a path that serves nobody.</summary>
    internal static UnservedCause? RefusalOf(Outcome end) => IsServed(end) ? null : UnservedCauses.Of(end);

    // What happens whether the unknown holds or not has no condition.
    private static IEnumerable<(RouteTarget? Foreign, int Decisions, RouteLeaf Leaf)> WithoutIdleConditions(
        List<(RouteTarget? Foreign, int Decisions, RouteLeaf Leaf)> ends)
    {
        var conditions = ends.GroupBy(static end => string.Join('\n', end.Leaf.When)).Select(static same => same.ToArray()).ToArray();
        if (conditions.Length < 2)
            return ends;
        static string KeyOf((RouteTarget? Foreign, int Decisions, RouteLeaf Leaf)[] some) => string.Join('\n', some.Select(static end =>
            $"{end.Foreign?.Label} {end.Decisions} {(end.Leaf with { When = [] }).Key}").Order(StringComparer.Ordinal));
        return Array.TrueForAll(conditions, same => KeyOf(same) == KeyOf(conditions[0]))
            ? conditions[0].Select(static end => (end.Foreign, end.Decisions, end.Leaf with { When = [] })) : ends;
    }

    // Ends under different conditions are paths of their own where each condition settles all of it; else the arrows to the ends have them.
    private static IEnumerable<ClientRoute> RoutesOf(RouteTarget? foreign, int decisions, IEnumerable<RouteLeaf> leaves)
    {
        const double all = 0.999;
        RouteLeaf[] merged =
        [
            .. leaves.GroupBy(static leaf => leaf.ArrowKey).Select(static same => same.First() with
            {
                Share = Math.Min(1, same.Sum(static leaf => leaf.Share)),
                OnTheWayTo = [.. same.SelectMany(static leaf => leaf.OnTheWayTo).Distinct()],
            }),
        ];
        IGrouping<string, RouteLeaf>[] byCondition = [.. merged.GroupBy(static leaf => string.Join('\n', leaf.When))];
        if (byCondition.Length > 1 && !Array.TrueForAll(byCondition, static group => group.Sum(static leaf => leaf.Share) >= all))
            return [new ClientRoute(foreign, decisions, [.. merged], [])];
        return byCondition.Select(group => new ClientRoute(foreign, decisions, [.. group.Select(static leaf => leaf with { When = [] })],
            group.First().When));
    }

    private static bool IsServed(Outcome end) => end.IsTranslated
        && (end.Verdict is OutcomeVerdict.Forward or OutcomeVerdict.Local || OutcomeText.IsOnlyPlaceUnknown(end));

    /// <summary>True when the packet came to rules of the service.</summary>
    private bool IsAsked(Outcome end, ProgrammedService service) =>
        end.IsTranslated
        || end.Path.Any(step =>
            step.Place is { } place
            && (
                guide.ServiceOf(place) == service.DisplayName
                || (RuleOwners.IsOfProxy(place) && UnservedCauses.Of(place, end.Verdict) is not null)
            )
        );

    private static RouteTarget ForeignOf(Obstacle obstacle) => new(GraphNodeKind.Foreign, $"{obstacle.PlaceText}\n" + obstacle.Kind switch
    {
        ObstacleKind.Taken => "comes first and translates",
        ObstacleKind.Passed => "comes first and accepts",
        _ => "comes first: NOTRACK",
    } + (obstacle.Owner is { } owner ? $"\nprobably {owner}" : string.Empty), obstacle.PlaceText, obstacle.Owner);

    private RouteLeaf LeafOf(Outcome end, Obstacle? obstacle, UnservedCause? refusal)
    {
        bool isStopped = end.Verdict is OutcomeVerdict.Drop or OutcomeVerdict.Reject;
        bool arrives = !isStopped && (end.Verdict != OutcomeVerdict.Unknown || OutcomeText.IsOnlyPlaceUnknown(end));
        return new RouteLeaf(TargetOf(end, obstacle, refusal), end.Probability,
            arrives ? MasqueradeOf(end) : MasqueradeMark.No,
            arrives && end is { IsSourceTranslated: true, IsMasqueraded: false, Source.Family: not IpFamily.None }
                ? end.Source.ToString() : null,
            isStopped && end.IsTranslated ? [end.DestinationText] : [], end.When);
    }

    private MasqueradeMark MasqueradeOf(Outcome end)
    {
        Outcome one = OutcomeText.IsOnlyPlaceUnknown(end) ? end.Candidates[0] : end;
        if (one.IsMasqueraded)
            return MasqueradeMark.Yes;
        if (one.IsSourceTranslated || !one.Path.Any(static step => step.Place is { } place
            && KubeProxyIptables.RoleOf(place.Chain.Name) == KubeChainRole.MarkMasquerade))
            return MasqueradeMark.No;
        return rules.Tables.Any(static table =>
            table.Name == ServiceTables.Nat && table.FindChain(KubeProxyIptables.Postrouting) is not null
        )
            ? MasqueradeMark.No
            : MasqueradeMark.Unknown;
    }

    private static RouteTarget TargetOf(Outcome end, Obstacle? obstacle, UnservedCause? refusal)
    {
        switch (end.Verdict)
        {
            case OutcomeVerdict.Drop or OutcomeVerdict.Reject:
                return Stopped(end, obstacle, refusal);
            case OutcomeVerdict.Unknown when obstacle?.Kind == ObstacleKind.Taken && !OutcomeText.IsOnlyPlaceUnknown(end):
                return new RouteTarget(GraphNodeKind.Elsewhere, "this node\nno endpoint of the service");
            case OutcomeVerdict.Unknown when refusal is { } cause:
                return new RouteTarget(
                    GraphNodeKind.Unknown,
                    $"marked to be dropped:\n{CauseText(cause)}\n(the input does not show\nthe rule that drops)"
                );
            case OutcomeVerdict.Unknown when !OutcomeText.IsOnlyPlaceUnknown(end):
                return MissingChain(end) is { } chain ? new RouteTarget(GraphNodeKind.Missing, $"{chain}\nnot in the input")
                    : new RouteTarget(GraphNodeKind.Unknown, $"unknown:\n{GraphLabels.Wrap(end.Reason ?? "what becomes of it")}");
        }
        if (obstacle?.Kind == ObstacleKind.Taken)
            return new RouteTarget(GraphNodeKind.Elsewhere, $"{end.DestinationText}\nno endpoint of the service");
        if (end.IsTranslated)
            return new RouteTarget(GraphNodeKind.Endpoint, end.DestinationText);
        string mark = refusal is { } why ? $"\n(marked to be dropped: {CauseText(why)};\nno rule drops it)" : string.Empty;
        return new RouteTarget(GraphNodeKind.Untranslated, end.Verdict switch
        {
            OutcomeVerdict.Local => "not translated:\ndelivered to this node",
            OutcomeVerdict.Forward => "not translated:\nleaves as it came",
            _ => "not translated",
        } + mark);
    }

    private static RouteTarget Stopped(Outcome end, Obstacle? obstacle, UnservedCause? refusal)
    {
        string what = end.Verdict == OutcomeVerdict.Drop ? "dropped" : "rejected";
        if (obstacle is null && refusal is { } cause)
            return new RouteTarget(GraphNodeKind.DeadEnd, $"{what}:\n{CauseText(cause)}");
        string? rule = obstacle?.PlaceText ?? OutcomeText.DecidedBy(end);
        string owner = obstacle?.Owner is { } name ? $",\nprobably {name}" : string.Empty;
        return new RouteTarget(GraphNodeKind.DeadEnd, rule is null ? what : $"{what}\nby {rule}{owner}", rule, obstacle?.Owner);
    }

    private static string CauseText(UnservedCause cause) => cause switch
    {
        UnservedCause.NoEndpoints => "no endpoints",
        UnservedCause.NoLocalEndpoints => "no endpoint on this node",
        UnservedCause.SourceNotAllowed => "source not allowed",
        _ => "no service has the port",
    };

    private static string? MissingChain(Outcome end) => end.Path.LastOrDefault(static step => step.Place is not null)?.Place is { } last
        && ServiceChains.TargetOf(last.Rule) is { } chain && last.Table.FindChain(chain) is null ? chain : null;
}
