using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Where the client of an explained path is.</summary>
public enum ClientPlace : byte
{
    /// <summary>Outside the cluster.</summary>
    Outside,

    /// <summary>In a pod.</summary>
    Pod,

    /// <summary>On this node.</summary>
    Node,
}

/// <summary>The way to one frontend, in words.</summary>
/// <param name="Frontend">The frontend.</param>
/// <param name="Client">Where the client is.</param>
/// <param name="Packet">The packet that was traced for it.</param>
/// <param name="Title">What the path is about.</param>
/// <param name="Steps">The hops, in order.</param>
/// <param name="Choice">The endpoints to choose from; empty when there is no choice on this way.</param>
/// <param name="Conclusions">How it ends, and why.</param>
/// <param name="Unknowns">What the input does not tell of this way.</param>
public sealed record ExplainedPath(
    ProgrammedFrontend Frontend,
    ClientPlace Client,
    PacketSpec Packet,
    string Title,
    ImmutableArray<ExplainedStep> Steps,
    EndpointChoice? Choice,
    ImmutableArray<string> Conclusions,
    ImmutableArray<string> Unknowns);

/// <summary>A hop of a path.</summary>
/// <param name="Hook">At which hook; the name in capitals, as iptables writes it.</param>
/// <param name="Place">The rule.</param>
/// <param name="Why">What the rule asks of the packet; empty when it takes every packet.</param>
/// <param name="What">What it does.</param>
/// <param name="Destination">The destination when the packet came to the rule.</param>
public sealed record ExplainedStep(string Hook, RuleRef Place, string Why, string What, string Destination);

/// <summary>How a chain chooses an endpoint.</summary>
/// <param name="Place">The rule that chooses, or the first of them.</param>
/// <param name="IsByStatistics">True for a rule per endpoint with a probability each; false for one random number.</param>
/// <param name="Endpoints">The endpoints in order.</param>
public sealed record EndpointChoice(RuleRef? Place, bool IsByStatistics, ImmutableArray<ProgrammedEndpoint> Endpoints);

/// <summary>Tells the way of a service's packets in words, by tracing one for each frontend and kind of client.</summary>
public sealed class Explainer
{
    private readonly Ruleset _rules;
    private readonly NodeAddresses _node;
    private readonly ChainGuide _guide;
    private readonly PacketSimulator _simulator;
    private readonly Clients _clients;

    /// <summary>An explainer for a ruleset.</summary>
    public Explainer(Ruleset rules, ServiceCatalogue catalogue, NodeAddresses node, ChainGuide guide)
    {
        (_rules, _node, _guide) = (rules, node, guide);
        _simulator = new PacketSimulator(rules, node);
        _clients = new Clients(rules, catalogue, node);
    }

    /// <summary>
    /// The paths of a service port: one for each frontend and each of the given places that has something of its own to tell.
    /// </summary>
    public ImmutableArray<ExplainedPath> Explain(ProgrammedService service, IReadOnlyCollection<ClientPlace> places)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(places);
        var paths = ImmutableArray.CreateBuilder<ExplainedPath>();
        foreach (ProgrammedFrontend frontend in service.Frontends)
        {
            foreach (ClientPlace place in places)
            {
                foreach ((InetAddress source, string who) in _clients.At(place, service, frontend))
                    paths.Add(Explain(service, frontend, place, source, who));
            }
        }
        return paths.ToImmutable();
    }

    private ExplainedPath Explain(ProgrammedService service, ProgrammedFrontend frontend, ClientPlace place, InetAddress source, string who)
    {
        InetAddress destination = frontend.Address.Family != IpFamily.None ? frontend.Address : _clients.NodeAddress(service.Family);
        var packet = new PacketSpec
        {
            Source = source,
            Destination = destination,
            Protocol = service.Protocol,
            SourcePort = 40_000,
            DestinationPort = frontend.Port,
            IsFromNode = place == ClientPlace.Node,
        };
        // A node port without a known node address is explained with a stand-in that counts as local.
        NodeAddresses node = _node.IsLocal(destination) is null && frontend.Kind == ProgrammedKind.NodePort
            ? new NodeAddresses(null, [destination, .. _node.Known])
            : _node;
        TraceResult trace = (node == _node ? _simulator : new PacketSimulator(_rules, node)).Trace(packet);
        List<Outcome> ends = [.. trace.Outcomes.SelectMany(outcome => outcome.Candidates.IsEmpty ? [outcome] : outcome.Candidates)];
        Outcome main = ends.OrderBy(end => end.Verdict == OutcomeVerdict.Unknown).ThenByDescending(end => end.Probability).First();
        EndpointChoice? choice = Choice(main, ends);
        var conclusions = new Conclusions(_rules, packet, service, frontend, choice);
        return new ExplainedPath(
            frontend,
            place,
            packet,
            $"{who} to the {KindText(frontend.Kind)} " +
                $"{(frontend.Address.Family == IpFamily.None ? $"{frontend.Port.ToString(CultureInfo.InvariantCulture)}" : frontend.Text)}",
            Steps(main),
            choice,
            conclusions.Of(main, ends),
            [.. Unknowns(trace, ends).Distinct()]);
    }

    private ImmutableArray<ExplainedStep> Steps(Outcome outcome)
    {
        var steps = ImmutableArray.CreateBuilder<ExplainedStep>();
        foreach (PathStep step in outcome.Path)
        {
            if (step.Place is not { } place)
                continue;
            string destination = step.DestinationPort is { } port
                ? new InetEndpoint(step.Destination, port).ToString() : step.Destination.ToString();
            steps.Add(new ExplainedStep(step.Hook.ToString().ToUpperInvariant(), place, RuleDescriptions.Conditions(place.Rule),
                RuleDescriptions.Action(place.Rule, _guide), destination));
        }
        return steps.ToImmutable();
    }

    private static EndpointChoice? Choice(Outcome main, List<Outcome> ends)
    {
        foreach (PathStep step in main.Path)
        {
            if (step.Place is not { } place)
                continue;
            bool byStatistics = place.Rule.Statements.Any(statement => statement is StatisticRandomMatch)
                || (ServiceChains.RoleOfTarget(place.Rule) == KubeChainRole.Endpoint && ends.Count > 1);
            if (byStatistics)
                return new EndpointChoice(place, true, new ServiceChains(place.Table).OutsideOf(place.Chain.Name).Endpoints);
        }
        List<Outcome> translated = [.. ends.Where(end => end.IsTranslated)];
        return translated.Count < 2 ? null : new EndpointChoice(null, false,
            [.. translated.Select(end =>
            new ProgrammedEndpoint(end.Destination, end.DestinationPort ?? 0, end.Probability, string.Empty, string.Empty))]);
    }

    private static IEnumerable<string> Unknowns(TraceResult trace, List<Outcome> ends)
    {
        foreach (Outcome outcome in trace.Outcomes.Where(outcome =>
            outcome.Verdict == OutcomeVerdict.Unknown && !outcome.Candidates.IsEmpty))
            yield return Sentence(outcome.Reason!);
        var missing = ends.Where(end => end is { Verdict: OutcomeVerdict.Unknown, Candidates.IsEmpty: true, Reason: not null }).ToList();
        foreach (Outcome outcome in missing.Take(3))
            yield return Sentence(outcome.Reason!);
        if (missing.Count > 3)
            yield return $"And {(missing.Count - 3).ToString(CultureInfo.InvariantCulture)} more of the kind.";
        foreach (string caveat in trace.Caveats)
            yield return caveat;
    }

    internal static string Sentence(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..]
        + (text.EndsWith('.') ? "" : ".");

    internal static string KindText(ProgrammedKind kind) => kind switch
    {
        ProgrammedKind.ClusterIP => "cluster IP",
        ProgrammedKind.NodePort => "node port",
        ProgrammedKind.LoadBalancer => "load balancer IP",
        ProgrammedKind.ExternalIP => "external IP",
        _ => "external address",
    };
}
