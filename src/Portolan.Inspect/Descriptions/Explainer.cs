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

/// <summary>The path to one frontend, in words.</summary>
/// <param name="Frontend">The frontend.</param>
/// <param name="Client">Where the client is.</param>
/// <param name="Packet">The packet that was traced for it.</param>
/// <param name="Title">What the path is about.</param>
/// <param name="Steps">The hops, in order.</param>
/// <param name="Choice">The endpoints to choose from; empty when there is no choice on this path.</param>
/// <param name="Conclusions">How it ends, and why.</param>
/// <param name="Unknowns">What the input does not show of this path.</param>
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
/// <param name="Why">What the rule requires of the packet; empty when it takes every packet.</param>
/// <param name="What">What it does.</param>
/// <param name="Destination">The destination when the packet came to the rule.</param>
public sealed record ExplainedStep(string Hook, RuleRef Place, string Why, string What, string Destination);

/// <summary>How a chain chooses an endpoint.</summary>
/// <param name="Place">The rule that chooses, or the first of them.</param>
/// <param name="IsByStatistics">True for a rule per endpoint with a probability each; false for one random number.</param>
/// <param name="Endpoints">The endpoints in order.</param>
public sealed record EndpointChoice(RuleRef? Place, bool IsByStatistics, ImmutableArray<ProgrammedEndpoint> Endpoints)
{
    /// <summary>True when a scheduler of IPVS chooses; shares are not a number where it goes by more than weights.</summary>
    public bool IsByIpvs { get; init; }
}

/// <summary>Explains the path of a service's packets in words, by tracing one for each frontend and kind of client.</summary>
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
    /// The paths of a service port: one for each frontend and client at the given places.
    /// </summary>
    public ImmutableArray<ExplainedPath> Explain(ProgrammedService service, IReadOnlyCollection<ClientPlace> places)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(places);
        var paths = ImmutableArray.CreateBuilder<ExplainedPath>();
        if (service.EntryChain is { } chain)
            paths.AddRange(FromChain(service, chain, places));
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
        // A node port without a known node address is explained with a placeholder that counts as local.
        NodeAddresses node = _node.IsLocal(destination) is null && frontend.Kind == ProgrammedKind.NodePort
            ? new NodeAddresses(null, [destination, .. _node.Known])
            : _node;
        TraceResult trace = (node == _node ? _simulator : new PacketSimulator(_rules, node)).Trace(packet);
        return PathOf(service, frontend, place, packet, trace, $"{who} to the {KindText(frontend.Kind)} "
            + $"{(frontend.Address.Family == IpFamily.None ? $"{frontend.Port.ToString(CultureInfo.InvariantCulture)}" : frontend.Text)}",
                null);
    }

    /// <summary>
    /// The paths through a service's own chain, where the input shows no rule that leads there: what comes before is reported as unknown.
    /// </summary>
    private IEnumerable<ExplainedPath> FromChain(ProgrammedService service, string chain, IReadOnlyCollection<ClientPlace> places)
    {
        if (_rules.Tables.FirstOrDefault(table => table.FindChain(chain) is not null) is not { } table)
            yield break;
        var frontend = new ProgrammedFrontend { Kind = ProgrammedKind.External, Port = 0, State = ProgrammedState.Unknown };
        Ruleset alone = BeginningAt(table, table.FindChain(chain)!);
        var simulator = new PacketSimulator(alone, _node);
        string entry = $"The input does not show which packets come to {chain}: the path begins there, and what comes before is unknown.";
        foreach (ClientPlace place in places)
        {
            foreach ((InetAddress source, string who) in _clients.At(place, service, frontend))
            {
                var packet = new PacketSpec
                {
                    Source = source,
                    Destination = _clients.NodeAddress(service.Family),
                    Protocol = service.Protocol,
                    SourcePort = 40_000,
                    DestinationPort = 80,
                };
                yield return PathOf(service, frontend, place, packet, simulator.Trace(packet), $"{who}, from chain {chain} on", entry);
            }
        }
    }

    /// <summary>Rules in which every packet comes to a chain first, for an input that does not show which packets do.</summary>
    internal static Ruleset BeginningAt(RuleTable table, Chain entry) => new()
    {
        Tables =
        [
            new RuleTable
            {
                Family = table.Family,
                Name = table.Name,
                Backend = table.Backend,
                Format = table.Format,
                IsExcerpt = true,
                Chains =
                [
                    .. table.Chains.Where(chain => chain.Base is null && chain != entry),
                    new Chain
                    {
                        Name = entry.Name,
                        Base = new BaseChain(ChainType.Nat, Hook.Prerouting, -100, VerdictKind.Accept),
                        Rules = entry.Rules,
                        Gaps = entry.Gaps,
                        Source = entry.Source,
                    },
                ],
            },
        ],
    };

    private ExplainedPath PathOf(ProgrammedService service, ProgrammedFrontend frontend, ClientPlace place, PacketSpec packet,
        TraceResult trace,
        string title, string? beginning)
    {
        List<Outcome> ends = [.. trace.Outcomes.SelectMany(outcome => outcome.Candidates.IsEmpty || OutcomeText.IsOnlyPlaceUnknown(outcome)
            ? [outcome] : outcome.Candidates).Select(static end => end.AsChoice())];
        Outcome main = ends.OrderBy(end => end.Verdict == OutcomeVerdict.Unknown && !OutcomeText.IsOnlyPlaceUnknown(end))
            .ThenByDescending(end => end.IsTranslated && end.Verdict is not (OutcomeVerdict.Drop or OutcomeVerdict.Reject))
            .ThenByDescending(end => end.Probability).First();
        Outcome shown = OutcomeText.IsOnlyPlaceUnknown(main) ? main.Candidates[0] : main;
        EndpointChoice? choice = Choice(shown, ends);
        var conclusions = new Conclusions(_rules, packet, service, frontend, choice);
        ImmutableArray<string> sentences = conclusions.Of(main, ends);
        return new ExplainedPath(
            frontend,
            place,
            packet,
            title,
            Steps(shown),
            choice,
            beginning is null ? sentences : [beginning, .. sentences],
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
        // The endpoints of one random number: only ends under the same conditions, as different conditions exclude each other.
        List<Outcome> translated = [.. ends.Where(end => end.IsTranslated && end.When.SequenceEqual(main.When))
            .DistinctBy(end => end.DestinationText)];
        return translated.Count < 2 ? null : new EndpointChoice(null, false,
            [.. translated.Select(end =>
            new ProgrammedEndpoint(end.Destination, end.DestinationPort ?? 0, end.Probability, string.Empty, string.Empty))])
        {
            IsByIpvs = main.Path.Any(static step => step.Kind == PathStepKind.VirtualServer),
        };
    }

    private static IEnumerable<string> Unknowns(TraceResult trace, List<Outcome> ends)
    {
        foreach (Outcome outcome in trace.Outcomes.Where(outcome => outcome.Verdict == OutcomeVerdict.Unknown && !outcome.Candidates.IsEmpty
            && !OutcomeText.IsOnlyPlaceUnknown(outcome)))
            yield return Sentence(outcome.Reason!);
        var missing = ends.Where(end => end is { Verdict: OutcomeVerdict.Unknown, Candidates.IsEmpty: true, Reason: not null }).ToList();
        foreach (Outcome outcome in missing.Take(3))
            yield return Sentence(outcome.Reason!);
        if (missing.Count > 3)
            yield return $"And {(missing.Count - 3).ToString(CultureInfo.InvariantCulture)} more like these.";
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
        ProgrammedKind.VirtualServer => "virtual server's address",
        _ => "external address",
    };
}
