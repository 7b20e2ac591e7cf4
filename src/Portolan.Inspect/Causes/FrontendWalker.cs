using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>
/// Walks packets to services through all tables, from a pod, from this node and from outside, and finds what is in their way.
/// </summary>
public sealed class FrontendWalker
{
    private readonly Ruleset _rules;
    private readonly NodeAddresses _node;
    private readonly PacketSimulator _simulator;
    private readonly Clients _clients;
    private readonly Routes _routes;
    private readonly Dictionary<InetAddress, PacketSimulator> _standIns = [];

    /// <summary>A walker for a ruleset.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="services">The services they offer.</param>
    /// <param name="node">What is known of the node's addresses.</param>
    /// <param name="podRanges">Ranges of pod addresses beside those that the rules name.</param>
    /// <param name="routes">The node's routes, which tell by which interface packets come and leave; null when they are not known.</param>
    public FrontendWalker(Ruleset rules, ServiceCatalogue services, NodeAddresses node, ImmutableArray<InetPrefix> podRanges = default,
        Routes? routes = null)
    {
        (_rules, _node, _routes) = (rules, node, routes ?? Routes.Unknown);
        _simulator = new PacketSimulator(rules, node);
        _clients = new Clients(rules, services, node, podRanges.IsDefault ? [] : podRanges, _routes);
    }

    /// <summary>The walks to a frontend from one kind of client: none when the input shows no address of one, two from outside where a
    /// load balancer lets only some in.</summary>
    public IEnumerable<FrontendWalk> Walk(ProgrammedService service, ProgrammedFrontend frontend, ClientPlace client)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(frontend);
        return _clients.At(client, service, frontend).Select(found => Walk(service, frontend, client, found.Source, found.Who));
    }

    /// <summary>The address of a client of a kind, as walks to a frontend have it; null when the input shows none.</summary>
    public InetAddress? SourceOf(ClientPlace client, ProgrammedService service, ProgrammedFrontend frontend)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(frontend);
        return _clients.At(client, service, frontend).Select(found => (InetAddress?)found.Source).FirstOrDefault();
    }

    /// <summary>The address at which walks dial a frontend: for a node port on all addresses one of the node's, or a stand-in.</summary>
    public InetAddress DestinationOf(ProgrammedService service, ProgrammedFrontend frontend)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(frontend);
        return frontend.Address.Family != IpFamily.None ? frontend.Address : _clients.NodeAddress(service.Family);
    }

    /// <summary>The ranges of pods that are known, from the rules or given.</summary>
    internal IReadOnlyList<InetPrefix> PodRanges => _clients.PodRanges;

    /// <summary>The node's routes.</summary>
    internal Routes Routes => _routes;

    /// <summary>True for an address that is known to be this node's.</summary>
    internal bool IsLocal(InetAddress address) => _node.IsLocal(address) == true;

    /// <summary>An address of this node, or a stand-in for one.</summary>
    internal InetAddress NodeAddress(IpFamily family) => _clients.NodeAddress(family);

    /// <summary>True for an address in one of the ranges of pods that are known.</summary>
    internal bool IsPod(InetAddress address) => _clients.PodRanges.Any(range => range.Contains(address));

    /// <summary>Where a client of an address is, as far as the node's addresses and the ranges of pods tell.</summary>
    public ClientPlace PlaceOf(InetAddress address) => IsLocal(address) ? ClientPlace.Node : IsPod(address) ? ClientPlace.Pod
        : ClientPlace.Outside;

    /// <summary>What keeps a packet from a pod to an endpoint itself, without a service, with the sender in words.</summary>
    internal IEnumerable<(Obstacle Obstacle, string Who)> ToPod(ProgrammedService service, ProgrammedEndpoint endpoint)
    {
        var frontend = new ProgrammedFrontend { Kind = ProgrammedKind.ClusterIP, Address = endpoint.Address, Port = endpoint.Port };
        return _clients.At(ClientPlace.Pod, service, frontend)
            .SelectMany(pod => Walk(service, frontend, ClientPlace.Pod, pod.Source, pod.Who).Obstacles
                .Where(obstacle => obstacle.Kind is ObstacleKind.Dropped or ObstacleKind.Rejected).Select(obstacle => (obstacle, pod.Who)));
    }

    /// <summary>The walk to a frontend from a given client.</summary>
    public FrontendWalk Walk(ProgrammedService service, ProgrammedFrontend frontend, ClientPlace client, InetAddress source, string who)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(frontend);
        InetAddress destination = DestinationOf(service, frontend);
        // A node port without a known node address is walked to with a stand-in that counts as local.
        PacketSimulator simulator = _simulator;
        if (frontend.Kind == ProgrammedKind.NodePort && _node.IsLocal(destination) is null)
        {
            // One for all node ports: a simulator keeps what it has found out of long chains.
            if (!_standIns.TryGetValue(destination, out PacketSimulator? standIn))
                _standIns[destination] = standIn = new PacketSimulator(_rules, _node.WithLocal(destination));
            simulator = standIn;
        }
        TraceResult trace = simulator.Trace(new PacketSpec
        {
            Source = source,
            Destination = destination,
            Protocol = service.Protocol,
            SourcePort = 40_000,
            DestinationPort = frontend.Port,
            IsFromNode = client == ClientPlace.Node,
            InInterface = InterfaceFrom(client, source),
            Routes = _routes,
        });
        return new FrontendWalk(service, frontend, client, who, trace, Obstacles.Of(trace, service));
    }

    // Packets of an address come in via the interface by which its answers leave. Without a route to a pod, its interface is unknown.
    private string? InterfaceFrom(ClientPlace client, InetAddress source) =>
        client == ClientPlace.Node || (client == ClientPlace.Pod && _routes.IsElsewhere(source)) ? null : _routes.DeviceTo(source);
}
