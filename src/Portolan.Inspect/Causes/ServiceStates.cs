using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>What services' own rules do not tell of them: rules of others that come first or stop their traffic.</summary>
public static class ServiceStates
{
    // More frontends than a node has are shown as their own rules have them.
    private const int MostWalks = 30_000;

    /// <summary>The services with what is in the way of clients outside, or of pods, noted at each frontend.</summary>
    public static IReadOnlyList<ProgrammedService> WithObstacles(IReadOnlyList<ProgrammedService> services, FrontendWalker walker)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(walker);
        int walks = 0;
        return [.. services.Select(service => service with
        {
            Frontends = [.. service.Frontends.Select(frontend => frontend.State == ProgrammedState.Served && walks++ < MostWalks
                && ObstacleOf(service, frontend, walker) is { } obstacle ? frontend with { Obstacle = obstacle } : frontend)],
        })];
    }

    /// <summary>What the input does not show of all services, and who serves here without rules.</summary>
    public static ImmutableArray<string> Notes(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        var notes = ImmutableArray.CreateBuilder<string>();
        notes.AddRange(ProxyModes.Of(rules));
        if (Caveats.LacksFilter(rules, TableFamily.Ip) || Caveats.LacksFilter(rules, TableFamily.Ip6))
            notes.Add(Caveats.NoFilter);
        return notes.ToImmutable();
    }

    private static string? ObstacleOf(ProgrammedService service, ProgrammedFrontend frontend, FrontendWalker walker) =>
        walker.Walk(service, frontend, ClientPlace.Outside).Concat(walker.Walk(service, frontend, ClientPlace.Pod))
            .SelectMany(walk => walk.Obstacles).FirstOrDefault()?.Text;
}
