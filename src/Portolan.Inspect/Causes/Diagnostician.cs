using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Causes;

/// <summary>Answers why clients get no answer from a service: the first cause that holds for each client and frontend.</summary>
public sealed class Diagnostician
{
    private readonly Ruleset _rules;
    private readonly NodeAddresses _node;
    private readonly FrontendWalker _walker;
    private readonly ClusterFacts? _cluster;
    private readonly LiveFacts _live;
    private readonly ImmutableArray<InetPrefix> _rulesPodRanges;
    private readonly ImmutableArray<InetPrefix> _podRanges;
    private readonly ReplyWalks _replies;
    private readonly Lazy<ILookup<(InetEndpoint, IpProtocol), ProgrammedService>> _byClusterIP;

    /// <summary>For a ruleset and what else is known.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="services">The services they offer.</param>
    /// <param name="node">What is known of the node's addresses.</param>
    /// <param name="cluster">What the cluster says; null when it was not asked.</param>
    /// <param name="live">What the running node knows of endpoints.</param>
    /// <param name="podRanges">
    /// The ranges of pods the cluster uses; when there are none, those of the Node object that an interface of the node leads to.
    /// </param>
    public Diagnostician(Ruleset rules, ServiceCatalogue services, NodeAddresses node, ClusterFacts? cluster, LiveFacts live,
        ImmutableArray<InetPrefix> podRanges)
    {
        ArgumentNullException.ThrowIfNull(live);
        if (podRanges.IsEmpty && cluster is not null)
            podRanges = [.. cluster.PodRanges.Where(range => live.Routes.OnLink(range).Any())];
        (_rules, _node, _cluster, _live, _podRanges) = (rules, node, cluster, live, podRanges);
        _byClusterIP = new(() => services.Services.SelectMany(service => ClusterIPsOf(service).Select(address => (address, service)))
            .ToLookup(item => (item.address, item.service.Protocol), item => item.service));
        _replies = new ReplyWalks(rules, node);
        _rulesPodRanges = [.. new Clients(rules, services, node).PodRanges];
        _walker = new FrontendWalker(rules, services, node, podRanges, live.Routes);
    }

    /// <summary>The diagnoses of a service port, those that fail first.</summary>
    /// <param name="service">The service port.</param>
    /// <param name="frontends">The frontends asked for.</param>
    /// <param name="places">Where clients are; nothing when one address is asked for.</param>
    /// <param name="source">The client's address; null for one of each place.</param>
    public IReadOnlyList<Diagnosis> Ask(ProgrammedService service, IEnumerable<ProgrammedFrontend> frontends,
        IReadOnlyCollection<ClientPlace> places, InetAddress? source)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(frontends);
        ArgumentNullException.ThrowIfNull(places);
        return [.. frontends.SelectMany(frontend => source is { } address
                ? [_walker.Walk(service, frontend, _walker.PlaceOf(address), address, $"from {address}")]
                : places.SelectMany(place => _walker.Walk(service, frontend, place)))
            .Select(Diagnose).OrderBy(diagnosis => diagnosis.State)];
    }

    /// <summary>The diagnosis of a service that the cluster has and no rule knows.</summary>
    public static Diagnosis NotProgrammed(ServiceObject service, Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(rules);
        bool hasProxy = rules.Tables.Any(table => ServiceTables.EntryOf(table) is not null);
        string mode = string.Join(" ", ProxyModes.Of(rules));
        return new Diagnosis(null, service.Name.ToString(), "from anywhere", DiagnosisState.Fails, "not translated", service switch
        {
            { IsHeadless: true } => new CauseFound("headless", "not translated", "the service is headless: it has no cluster IP, and " +
                "DNS gives its endpoints' addresses", "dial an endpoint's address, or give the service a cluster IP"),
            { HasOtherProxy: true } => new CauseFound("other-proxy", "not translated",
                "the service is labelled for another proxy (service.kubernetes.io/service-proxy-name)",
                    "remove the label, or run that proxy"),
            { Type: ServiceType.ExternalName } => new CauseFound("external-name", "not translated",
                "the service is of type ExternalName: DNS answers with another name, and no rule is made", "dial the name"),
            _ when mode.Length > 0 => new CauseFound("other-mode", "unknown", mode, "ask the program that serves here"),
            _ => hasProxy
                ? new CauseFound("not-programmed", "not translated", $"the cluster has {service.Name}, and no rule on this node knows it",
                    "look at the proxy's log and its health (/healthz); restart it if it does not catch up")
                : new CauseFound("no-proxy", "not translated", "no rules of a service proxy are on this node",
                    "the proxy does not run here, or was cleaned up: start it"),
        }, []);
    }

    // Names are missing above 1,000 endpoints; a cluster IP is one service's alone.
    private ImmutableArray<ProgrammedService> RivalsOf(ProgrammedService service) =>
    [
        .. ClusterIPsOf(service).SelectMany(address => _byClusterIP.Value[(address, service.Protocol)]).Distinct()
            .Where(other => !ReferenceEquals(other, service) && (other.Writer != service.Writer || TableOf(other) != TableOf(service))),
    ];

    private static IEnumerable<InetEndpoint> ClusterIPsOf(ProgrammedService service) =>
        service.Frontends.Where(frontend => frontend.Kind == ProgrammedKind.ClusterIP)
            .Select(frontend => new InetEndpoint(frontend.Address, frontend.Port));

    private static RuleTable? TableOf(ProgrammedService service) =>
        service.Frontends.Select(frontend => frontend.Place?.Table).FirstOrDefault(table => table is not null);

    private Diagnosis Diagnose(FrontendWalk walk)
    {
        var question = new WhyCase(_rules, _node, walk, _cluster, _live, _rulesPodRanges, _podRanges)
        {
            Replies = _replies,
            Rivals = RivalsOf(walk.Service),
        };
        string subject = $"{walk.Service.DisplayName} at {walk.Frontend.Text}";
        CauseFound? cause = Cause.All.Select(kind => kind.Find(question)).FirstOrDefault(found => found is not null);
        DiagnosisState state = cause is not null ? DiagnosisState.Fails : question.IsServed ? DiagnosisState.Works : DiagnosisState.Unknown;
        string verdict = cause is not null ? cause.Verdict : state == DiagnosisState.Works ? Reached(question)
            : $"unknown: {question.Ends.FirstOrDefault(end => end.Verdict == OutcomeVerdict.Unknown)?.Reason ?? "no rule serves it"}";
        return new Diagnosis(walk, subject, walk.Who, state, verdict, cause, walk.Trace.Caveats);
    }

    private static string Reached(WhyCase question)
    {
        Outcome[] served = [.. question.Served.DistinctBy(end => end.DestinationText)];
        string to = served.Length == 1 ? served[0].DestinationText
            : $"one of {served.Length.ToString(System.Globalization.CultureInfo.InvariantCulture)} endpoints";
        return $"works as far as the rules show: comes to {to}" + (served[0].IsMasqueraded ? ", with the node's address as the source"
            : "");
    }
}
