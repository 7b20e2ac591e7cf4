using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>Finds in the ends of a packet what kept it from a service's endpoints.</summary>
internal static class Obstacles
{
    internal static ImmutableArray<Obstacle> Of(TraceResult trace, ProgrammedService service)
    {
        Outcome[] ends = [.. trace.Outcomes.SelectMany(Ends)];
        Hook hook = trace.Packet.IsFromNode ? Hook.Output : Hook.Prerouting;
        var found = ends.Select(end => Of(end, hook, service)).OfType<Obstacle>()
            .GroupBy(obstacle => (obstacle.Kind, obstacle.Place, obstacle.Chain));
        return [.. found.Select(same =>
        {
            Obstacle first = same.First();
            ImmutableArray<string> when = [.. same.SelectMany(obstacle => obstacle.End.When).Distinct(StringComparer.Ordinal)];
            // What happens whichever way the unknown turns out has no condition.
            return same.Count() == ends.Length || same.Any(obstacle => obstacle.End.When.IsEmpty) ? first with { When = [] }
                : first with { When = when };
        })];
    }

    internal static IEnumerable<Outcome> Ends(Outcome outcome) =>
        outcome.Candidates.IsEmpty || OutcomeText.IsOnlyPlaceUnknown(outcome) ? [outcome] : outcome.Candidates;

    /// <summary>What keeps one end from the endpoints; null when nothing does.</summary>
    internal static Obstacle? Of(Outcome end, Hook hook, ProgrammedService service)
    {
        switch (end.Verdict)
        {
            case OutcomeVerdict.Drop or OutcomeVerdict.Reject:
                if (OutcomeText.DecidingStep(end) is not { Table: { } table, Chain: { } chain } step
                    || (step.Place is { } rule && RuleOwners.IsOfProxy(rule)))
                    return null;
                return new Obstacle(end.Verdict == OutcomeVerdict.Drop ? ObstacleKind.Dropped : ObstacleKind.Rejected, step.Place, table,
                    chain,
                    end, end.When);
            case OutcomeVerdict.Forward or OutcomeVerdict.Local:
                return end.IsTranslated ? Translated(end, service) : Untranslated(end, hook);
            case OutcomeVerdict.Unknown when OutcomeText.IsOnlyPlaceUnknown(end):
                return end.IsTranslated ? Translated(end, service) : Untranslated(end, hook);
            // Where a redirect leads depends on the interface, that it takes the packet does not.
            default:
                return end.Path.LastOrDefault()?.Place
                    is { Rule.Target: NatStatement { Kind: NatKind.Destination or NatKind.Redirect } } taker
                    && !RuleOwners.IsOfProxy(taker)
                    ? new Obstacle(ObstacleKind.Taken, taker, taker.Table, taker.Chain, end, end.When) : null;
        }
    }

    /// <summary>Somebody else's translation, or one to what is no endpoint of the service: an older back-end's.</summary>
    private static Obstacle? Translated(Outcome end, ProgrammedService service)
    {
        RuleRef? place = end.Path.Select(step => step.Place).LastOrDefault(rule => rule?.Rule.Target is
            NatStatement { Kind: NatKind.Destination or NatKind.Redirect } or NetmapStatement);
        if (place is null)
            return null;
        if (RuleOwners.IsOfProxy(place))
        {
            bool isStale = service.Writer == RuleWriter.KubeProxyIptables
                && service.Endpoints.All(endpoint => endpoint.Address.Family != Inet.IpFamily.None)
                && !service.Endpoints.Concat(service.Frontends.SelectMany(frontend => frontend.Endpoints))
                    .Any(endpoint => endpoint.Address == end.Destination && endpoint.Port == end.DestinationPort);
            if (!isStale)
                return null;
        }
        return new Obstacle(ObstacleKind.Taken, place, place.Table, place.Chain, end, end.When);
    }

    private static Obstacle? Untranslated(Outcome end, Hook hook)
    {
        RuleRef? last = null;
        foreach (PathStep step in end.Path)
        {
            if (step.Place is not { } place || step.Hook != hook)
                continue;
            if (place.Rule.Target is NotrackStatement or ConntrackTemplateStatement { Zone: null, Options: "--notrack" })
                return new Obstacle(ObstacleKind.Untracked, place, place.Table, place.Chain, end, end.When);
            if (RuleOwners.IsOfProxy(place))
                return null;
            last = place;
        }
        // An accept ends the walk through a table's nat rules; elsewhere the packet goes on to other tables.
        return last is { Rule.Target: VerdictStatement { Verdict.Kind: VerdictKind.Accept } } && ServiceTables.EntryOf(last.Table)
            is not null
            ? new Obstacle(ObstacleKind.Passed, last, last.Table, last.Chain, end, end.When) : null;
    }
}
