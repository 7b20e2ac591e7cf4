using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Fuzz;

/// <summary>All that the chart's commands do with rules, without printing it.</summary>
internal static class ChartWalk
{
    internal static void Of(byte[] input)
    {
        Ruleset rules = RulesetReader.Read(new SourceText("input", input)).WithoutTranslations();
        var services = ServiceCatalogue.Read(rules);
        var guide = new ChainGuide(services);
        NodeAddresses node = RemoteAddresses.Apply(new NodeAddresses(rules.Interfaces is { } interfaces ? interfaces : null), rules,
            services);
        ProgrammedService[] some = [.. services.Services.Take(3)];
        ImmutableArray<ClientPlace> places = [ClientPlace.Pod, ClientPlace.Node, ClientPlace.Outside];
        var explainer = new Explainer(rules, services, node, guide);
        var asker = new Diagnostician(rules, services, node, null, LiveFacts.None, []);
        foreach (ProgrammedService service in some)
        {
            explainer.Explain(service, places);
            asker.Ask(service, service.Frontends, places, null);
        }
        ServiceStates.WithObstacles(some, new FrontendWalker(rules, services, node));
        RuleChecker.Check(new CheckInput(rules, services, node, guide));
        foreach (ServiceGraph graph in (ServiceGraph[])[ChainGraphBuilder.OfService("x", some, rules, guide),
            new DecisionGraphBuilder(rules, services, node, guide).Build("x", some)])
        {
            GraphWriter.ToText(graph);
            GraphWriter.ToDot(graph);
        }
        Trace(rules, node, "203.0.113.9", "172.30.10.1");
        Trace(rules, node, "2001:db8::9", "fd00:30::109");
    }

    private static void Trace(Ruleset rules, NodeAddresses node, string from, string to)
    {
        TraceResult result = new PacketSimulator(rules, node).Trace(new PacketSpec
        {
            Source = InetAddress.Parse(from),
            Destination = InetAddress.Parse(to),
            Protocol = IpProtocol.Tcp,
            SourcePort = 40_000,
            DestinationPort = 80,
        });
        double sum = result.Outcomes.Sum(outcome => outcome.Probability);
        if (sum is < 0.99 or > 1.01 || result.Outcomes.Any(outcome => outcome.Candidates.Any(candidate => candidate.Probability > 1.0001)))
            throw new InvalidOperationException($"probabilities add up to {sum}, or one is above 1");
        foreach (Outcome outcome in result.Outcomes)
            OutcomeText.Of(outcome);
    }
}
