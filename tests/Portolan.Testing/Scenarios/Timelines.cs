using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Portolan.Testing.Scenarios;

/// <summary>How the clusters of a scenario's steps come about. What packets meet must not depend on it.</summary>
public enum Timeline
{
    /// <summary>As the file says: the proxy sees each step as one change.</summary>
    AsWritten,

    /// <summary>The proxy is away while a step's changes are made, and finds the rules it left.</summary>
    Restarted,

    /// <summary>The proxy of each step is a new one in a kernel without rules.</summary>
    Afresh,

    /// <summary>
    /// The proxy starts before there is any service, and a step's changes come one by one, the last one first: each is in force before the
    /// next.
    /// </summary>
    Piecemeal,
}

/// <summary>Makes of a scenario the one that takes another timeline to the same clusters.</summary>
public static class Timelines
{
    /// <summary>The scenario on a timeline, or null where the timeline is one that the others take already.</summary>
    public static Scenario? On(this Scenario scenario, Timeline timeline)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ImmutableArray<ScenarioStep> steps = timeline switch
        {
            Timeline.AsWritten => scenario.Steps,
            Timeline.Restarted => Restarted(scenario.Steps),
            Timeline.Afresh => Afresh(scenario),
            _ => Piecemeal(scenario),
        };
        if (!steps.Any(static step => !step.Flows.IsEmpty))
            return null;
        return timeline switch
        {
            Timeline.AsWritten => scenario,
            Timeline.Piecemeal => scenario with { Name = NameOn(scenario, timeline), Objects = [], Steps = steps },
            _ => scenario with { Name = NameOn(scenario, timeline), Steps = steps },
        };
    }

    private static string NameOn(Scenario scenario, Timeline timeline) => timeline switch
    {
        Timeline.Restarted => $"{scenario.Name}, restarted",
        Timeline.Afresh => $"{scenario.Name}, afresh",
        _ => $"{scenario.Name}, piecemeal",
    };

    // Memory counts here: rules, affinity and tracked connections outlive the proxy, so every flow holds as written.
    private static ImmutableArray<ScenarioStep> Restarted(ImmutableArray<ScenarioStep> steps)
    {
        if (steps is [var only])
            return [only, Unchanged(only) with { Proxy = ProxyAction.Restart }];
        bool runs = false;
        var result = ImmutableArray.CreateBuilder<ScenarioStep>();
        foreach (ScenarioStep step in steps)
        {
            result.Add(runs && step.Proxy == ProxyAction.None ? step with { Proxy = ProxyAction.Restart } : step);
            runs = RunsAfter(step, runs, isFirst: result.Count == 1);
        }
        return result.ToImmutable();
    }

    // The first step starts in an empty kernel as it is.
    private static ImmutableArray<ScenarioStep> Afresh(Scenario scenario)
    {
        bool runs = false;
        var result = ImmutableArray.CreateBuilder<ScenarioStep>();
        foreach (ScenarioStep step in scenario.Steps)
        {
            bool isFirst = result.Count == 0;
            runs = RunsAfter(step, runs, isFirst);
            ImmutableArray<ScenarioFlow> flows = runs && !isFirst ? WithoutHistory(scenario, step) : [];
            result.Add(step with { Proxy = flows.IsEmpty ? ProxyAction.Stop : ProxyAction.Afresh, Wait = TimeSpan.Zero, Flows = flows });
        }
        return result.ToImmutable();
    }

    // Only where a step has several changes is there another order, and only as far as that.
    private static ImmutableArray<ScenarioStep> Piecemeal(Scenario scenario)
    {
        ScenarioStep first = scenario.Steps[0];
        ImmutableArray<ScenarioStep> steps = scenario.Steps.SetItem(0, first with { Apply = [.. scenario.Objects, .. first.Apply] });
        int last = steps.ToList().FindLastIndex(static step => Pieces(step).Count > 1);
        var result = ImmutableArray.CreateBuilder<ScenarioStep>();
        result.Add(Nothing(first) with { Proxy = ProxyAction.Start });
        foreach (ScenarioStep step in steps[..Math.Max(last + 1, 1)])
        {
            // A proxy that is not running, or is about to start, sees no order.
            if (step.Proxy != ProxyAction.None)
            {
                result.Add(step with { Flows = WithoutHistory(scenario, step) });
                continue;
            }
            result.AddRange(Pieces(step));
            result.Add(Unchanged(step) with { ForeignRules = step.ForeignRules, Wait = step.Wait, Flows = WithoutHistory(scenario, step) });
        }
        return result.ToImmutable();
    }

    private static List<ScenarioStep> Pieces(ScenarioStep step)
    {
        ScenarioStep nothing = Nothing(step);
        List<ScenarioStep> pieces =
        [
            .. step.Apply.Select(value => (ClusterObjects.KeyOf(value), nothing with { Apply = [value] }))
                .GroupBy(static piece => piece.Item1, static piece => piece.Item2).SelectMany(static same => same.Reverse()),
            .. step.Delete.Select(key => nothing with { Delete = [key] }),
            .. step.AddAddresses.Select(address => nothing with { AddAddresses = [address] }),
            .. step.RemoveAddresses.Select(address => nothing with { RemoveAddresses = [address] }),
        ];
        pieces.Reverse();
        return pieces;
    }

    private static ImmutableArray<ScenarioFlow> WithoutHistory(Scenario scenario, ScenarioStep step)
    {
        bool remembers = scenario.Objects.Concat(scenario.Steps.SelectMany(static step => step.Apply))
            .Any(static value => (string?)value["spec"]?["sessionAffinity"] == "ClientIP");
        return [.. step.Flows.Where(flow => !IsTiedToHistory(flow, remembers))];
    }

    // Where there is session affinity, the one endpoint that a flow names may be the one that an earlier flow was given.
    private static bool IsTiedToHistory(ScenarioFlow flow, bool remembers) => flow.KeepConntrack || flow.SameAs is not null
        || (remembers && flow.ExpectByMode.Values.Append(flow.Expect)
        .Any(static expected => expected is Reaches { Destinations.Length: 1 }));

    private static ScenarioStep Unchanged(ScenarioStep step) =>
        step with
        {
            Apply = ImmutableArray<JsonObject>.Empty,
            Delete = [],
            AddAddresses = [],
            RemoveAddresses = [],
            ForeignRules = null,
            Proxy = ProxyAction.None,
            Wait = TimeSpan.Zero
        };

    private static ScenarioStep Nothing(ScenarioStep step) => Unchanged(step) with { Flows = [] };

    private static bool RunsAfter(ScenarioStep step, bool runs, bool isFirst) => step.Proxy switch
    {
        ProxyAction.None => runs || isFirst,
        ProxyAction.Stop or ProxyAction.Kill => false,
        _ => true,
    };
}
