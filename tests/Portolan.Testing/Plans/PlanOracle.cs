using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Plans;

/// <summary>The node whose plans are walked.</summary>
/// <param name="Addresses">All its addresses, loopback aside; the first of a family is what masqueraded packets come from.</param>
/// <param name="NodePortAddresses">Those that take NodePort traffic; in mode iptables a loopback address may be among them.</param>
/// <param name="PodPrefixes">Ranges of its own pods.</param>
public sealed record PlanOracleNode(
    ImmutableArray<InetAddress> Addresses, ImmutableArray<InetAddress> NodePortAddresses, ImmutableArray<InetPrefix> PodPrefixes)
{
    /// <summary>
    /// nodePortAddresses leaves no IPv4 address out: in mode iptables a loopback address that takes NodePort traffic stands for all of
    /// them.
    /// </summary>
    public bool NodePortsOnAllIPv4 { get; init; }
}

/// <summary>One way a packet may end, as the plans say.</summary>
/// <param name="End">How.</param>
/// <param name="Destination">Its destination then.</param>
/// <param name="IsMasqueraded">Its source becomes an address of the node.</param>
/// <param name="Plan">The port that sends it there; null when no service takes it to a backend.</param>
public sealed record PlannedEnd(PacketEnd End, InetEndpoint Destination, bool IsMasqueraded, PortPlan? Plan);

/// <summary>
/// Takes packets through plans as a data plane must, without a kernel: what plans mean, written down a second time. Each packet opens a
/// connection. Backends take turns where the kernel draws lots.
/// </summary>
/// <param name="table">The plans.</param>
/// <param name="node">The node they are for.</param>
/// <param name="variant">The mode; of mode iptables the layout counts, too.</param>
public sealed partial class PlanOracle(ServiceTable table, PlanOracleNode node, ProxyVariant variant)
{
    private const ushort RewrittenPort = 61000;

    private readonly Dictionary<(ServicePortName Port, InetAddress Client), (InetEndpoint Backend, TimeSpan Since)> _affinity = [];
    private TimeSpan _now;
    private int _turn;

    /// <summary>The node as it is now; its addresses may change between packets.</summary>
    public PlanOracleNode Node { get; set; } = node;

    /// <summary>Lets time pass, for session affinity.</summary>
    public void Wait(TimeSpan time) => _now += time;

    /// <summary>Sends one packet.</summary>
    /// <param name="from">Where it enters.</param>
    /// <param name="device">The device it enters on, for detectors that look at it; empty for the node's own packets.</param>
    /// <param name="source">Its source.</param>
    /// <param name="destination">Its destination; the port is 0 for ICMP.</param>
    /// <param name="protocol">Its protocol.</param>
    public PacketOutcome Send(FlowOrigin from, string device, InetEndpoint source, InetEndpoint destination, IpProtocol protocol)
    {
        ImmutableArray<PlannedEnd> ends = Ends(from, device, source, destination, protocol);
        PlannedEnd end = ends[0].Plan is { } plan ? Choose(plan, ends, source.Address) : ends[0];
        return new PacketOutcome
        {
            SentFrom = source,
            SentTo = destination,
            End = end.End,
            Destination = end.Destination,
            Source = end.IsMasqueraded
                ? new(Node.Addresses.First(address => address.Family == source.Address.Family), RewrittenPort)
                : source,
            Device = end.End == PacketEnd.Forwarded ? DeviceTo(end.Destination.Address) : string.Empty,
        };
    }

    /// <summary>
    /// All ends that a packet may have whose sender no backend knows yet, each as likely as the others: one for each backend, or a single
    /// one for packets that no service takes. Parameters as of <see cref="Send"/>.
    /// </summary>
    public ImmutableArray<PlannedEnd> Ends(FlowOrigin from, string device, InetEndpoint source, InetEndpoint destination,
        IpProtocol protocol)
    {
        var packet = new Packet(from, source, destination, protocol, IsPod(DetectorOf(destination.Address.Family), source.Address, device));
        // The kernel takes no packet to 0.0.0.0 from a wire (ip_route_input_slow, martian destination).
        if (from != FlowOrigin.Node && destination.Address == InetAddress.Unspecified(IpFamily.IPv4))
            return Only(packet, PacketEnd.Vanished);
        return variant.Mode == ProxyMode.NfTables ? EndsInNfTables(packet) : EndsInIpTables(packet);
    }

    private ImmutableArray<PlannedEnd> EndsInNfTables(Packet packet)
    {
        // The kernel takes no packet to a loopback address from a wire (ip_route_input_slow, martian destination).
        if (packet.From != FlowOrigin.Node && packet.Destination.Address.IsLoopback)
            return Only(packet, PacketEnd.Vanished);
        if (FrontendsOf(packet).FirstOrDefault() is not (PortPlan plan, var frontend))
        {
            bool isClusterIP = table.Plans.Any(service => service.ClusterIPs.Contains(packet.Destination.Address));
            bool isUnallotted = table.NodePlan.ServiceCidrs.Any(range => range.Contains(packet.Destination.Address));
            return Only(packet, isClusterIP ? PacketEnd.Refused : isUnallotted ? PacketEnd.Vanished : Leaving(packet.Destination.Address));
        }
        if (!Admits(plan, frontend, packet))
            return Only(packet, PacketEnd.Vanished);
        return ClientPolicyOf(frontend, packet) switch
        {
            { Action: FrontendAction.Reject } => Only(packet, PacketEnd.Refused),
            { Action: FrontendAction.Drop } => Only(packet, PacketEnd.Vanished),
            // A pod of another node that meets itself does not come by here.
            var policy => ToBackends(plan, policy, packet, IsEndpointHere),
        };
    }

    /// <summary>What the packet dials: a frontend at its address first, then a NodePort.</summary>
    private IEnumerable<(PortPlan Plan, Frontend Frontend)> FrontendsOf(Packet packet) => Frontends(packet)
        .Where(found => found.Frontend.Kind == FrontendKind.NodePort
            ? TakesNodePorts(packet.Destination.Address)
            : found.Frontend.Address == packet.Destination.Address)
        .OrderBy(static found => found.Frontend.Kind == FrontendKind.NodePort);

    /// <summary>All frontends of the packet's port, protocol and family, at whatever address.</summary>
    private IEnumerable<(PortPlan Plan, Frontend Frontend)> Frontends(Packet packet) =>
        from plan in table.Plans.SelectMany(static service => service.Ports)
        where plan.Name.Protocol == packet.Protocol && plan.Family == packet.Destination.Address.Family
        from frontend in plan.Frontends
        where frontend.Port == packet.Destination.Port
        select (plan, frontend);

    private bool TakesNodePorts(InetAddress address) => Node.NodePortAddresses.Contains(address)
        || (Node.NodePortsOnAllIPv4 && TakesLoopback && address is { Family: IpFamily.IPv4, IsLoopback: true });

    private static bool Admits(PortPlan plan, Frontend frontend, Packet packet) =>
        !frontend.IsSourceRestricted || plan.SourceRanges.Any(range => range.Contains(packet.Source.Address));

    private ClientPolicy ClientPolicyOf(Frontend frontend, Packet packet) =>
        packet.IsPod ? frontend.Pod : packet.From == FlowOrigin.Node || IsLocal(packet.Source.Address) ? frontend.Node : frontend.Outside;

    private ImmutableArray<PlannedEnd> ToBackends(PortPlan plan, ClientPolicy policy, Packet packet,
        Func<InetAddress, bool> isWatchedForHairpins)
    {
        bool isMasqueraded = policy.Masquerade switch
        {
            Masquerading.Always => true,
            Masquerading.OffCluster => DetectorOf(plan.Family).Mode != LocalDetection.None && !packet.IsPod,
            _ => false,
        };
        ImmutableArray<Backend> backends = policy.Action == FrontendAction.ToClusterBackends ? plan.ClusterBackends : plan.LocalBackends;
        return [.. backends.Select(backend =>
        {
            InetAddress address = backend.Endpoint.Address;
            bool isHairpin = address == packet.Source.Address && isWatchedForHairpins(address);
            // What came in from a wire and stays on the node never passes where sources are rewritten.
            bool isRewritten = (isMasqueraded || isHairpin) && (packet.From == FlowOrigin.Node || !IsLocal(address));
            return new PlannedEnd(Leaving(address), backend.Endpoint, isRewritten, plan);
        })];
    }

    private static ImmutableArray<PlannedEnd> Only(Packet packet, PacketEnd end) =>
        [new(end, packet.Destination, IsMasqueraded: false, Plan: null)];

    private PacketEnd Leaving(InetAddress address) => IsLocal(address) ? PacketEnd.Delivered : PacketEnd.Forwarded;

    private LocalDetector DetectorOf(IpFamily family) =>
        family == IpFamily.IPv4 ? table.NodePlan.DetectorIPv4 : table.NodePlan.DetectorIPv6;

    private PlannedEnd Choose(PortPlan plan, ImmutableArray<PlannedEnd> ends, InetAddress client)
    {
        (ServicePortName, InetAddress) key = (plan.Name, client);
        PlannedEnd? known = plan.AffinitySeconds > 0 && _affinity.TryGetValue(key, out (InetEndpoint Backend, TimeSpan Since) remembered)
            && _now - remembered.Since <= TimeSpan.FromSeconds(plan.AffinitySeconds)
            ? ends.FirstOrDefault(end => end.Destination == remembered.Backend)
            : null;
        PlannedEnd chosen = known ?? ends[_turn++ % ends.Length];
        if (plan.AffinitySeconds > 0)
            _affinity[key] = (chosen.Destination, _now);
        return chosen;
    }

    private static bool IsPod(LocalDetector detector, InetAddress source, string device) => detector.Mode switch
    {
        LocalDetection.Cidrs => detector.Cidrs.Any(range => range.Contains(source)),
        LocalDetection.Interface => device == detector.Interface,
        LocalDetection.InterfacePrefix => device.StartsWith(detector.Interface, StringComparison.Ordinal),
        _ => false,
    };

    private bool IsLocal(InetAddress address) => address.IsLoopback || Node.Addresses.Contains(address);

    private string DeviceTo(InetAddress destination) =>
        Node.PodPrefixes.Any(range => range.Contains(destination)) || IsEndpointHere(destination) ? "pod0" : "ext0";

    // A pod is on one node: what one service says of it holds for all.
    private bool IsEndpointHere(InetAddress address) => table.Plans.SelectMany(static service => service.Ports)
        .SelectMany(static port => port.ClusterBackends.Concat(port.LocalBackends))
        .Any(backend => backend.IsLocal && backend.Endpoint.Address == address);

    private readonly record struct Packet(FlowOrigin From, InetEndpoint Source, InetEndpoint Destination, IpProtocol Protocol, bool IsPod);
}
