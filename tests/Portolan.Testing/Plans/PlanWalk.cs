using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services;
using Portolan.Services.Plan;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Plans;

/// <summary>The node whose plans are walked.</summary>
/// <param name="Addresses">All its addresses, loopback aside; the first of a family is what masqueraded packets come from.</param>
/// <param name="NodePortAddresses">Those that take NodePort traffic.</param>
/// <param name="PodPrefixes">Ranges of its own pods.</param>
public sealed record PlanWalkNode(
    ImmutableArray<InetAddress> Addresses, ImmutableArray<InetAddress> NodePortAddresses, ImmutableArray<InetPrefix> PodPrefixes);

/// <summary>One way a packet may end, as the plans say.</summary>
/// <param name="End">How.</param>
/// <param name="Destination">Its destination then.</param>
/// <param name="IsMasqueraded">Its source becomes an address of the node.</param>
/// <param name="Plan">The port that sends it there; null when no service takes it to a backend.</param>
public sealed record PlannedEnd(PacketEnd End, InetEndpoint Destination, bool IsMasqueraded, PortPlan? Plan);

/// <summary>
/// Takes packets through plans as a data plane in nftables mode must, without a kernel: what plans mean, written down a second time. Each
/// packet opens a connection. Backends take turns where the kernel draws lots.
/// </summary>
public sealed class PlanWalk(ServiceTable table, PlanWalkNode node)
{
    private const ushort RewrittenPort = 61000;

    private readonly Dictionary<(ServicePortName Port, InetAddress Client), (InetEndpoint Backend, TimeSpan Since)> _affinity = [];
    private TimeSpan _now;
    private int _turn;

    /// <summary>The node as it is now; its addresses may change between packets.</summary>
    public PlanWalkNode Node { get; set; } = node;

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
    /// All ends that a packet may have whose sender no backend knows yet, each as likely as the others: one for each backend, or a single one
    /// for packets that no service takes. Parameters as of <see cref="Send"/>.
    /// </summary>
    public ImmutableArray<PlannedEnd> Ends(FlowOrigin from, string device, InetEndpoint source, InetEndpoint destination, IpProtocol protocol)
    {
        ImmutableArray<PlannedEnd> Only(PacketEnd end) => [new(end, destination, IsMasqueraded: false, Plan: null)];
        PacketEnd Leaving(InetAddress address) => IsLocal(address) ? PacketEnd.Delivered : PacketEnd.Forwarded;

        // The kernel takes no packet to a loopback address from a wire (ip_route_input_slow, martian destination).
        if (from != FlowOrigin.Node && destination.Address.IsLoopback)
            return Only(PacketEnd.Vanished);
        if (Find(destination, protocol) is not var (plan, frontend))
        {
            bool isClusterIP = table.Plans.Any(service => service.ClusterIPs.Contains(destination.Address));
            bool isUnallotted = table.NodeWide.ServiceCidrs.Any(range => range.Contains(destination.Address));
            return Only(isClusterIP ? PacketEnd.Refused : isUnallotted ? PacketEnd.Vanished : Leaving(destination.Address));
        }
        if (frontend.IsSourceRestricted && !plan.SourceRanges.Any(range => range.Contains(source.Address)))
            return Only(PacketEnd.Vanished);

        LocalDetector detector = destination.Address.Family == IpFamily.IPv4 ? table.NodeWide.DetectorIPv4 : table.NodeWide.DetectorIPv6;
        bool isPod = IsPod(detector, source.Address, device);
        Treatment treatment = isPod ? frontend.Pod : from == FlowOrigin.Node || IsLocal(source.Address) ? frontend.Node : frontend.Outside;
        if (treatment.Action is FrontendAction.Reject or FrontendAction.Drop)
            return Only(treatment.Action == FrontendAction.Reject ? PacketEnd.Refused : PacketEnd.Vanished);

        bool isMasqueraded = treatment.Masquerade switch
        {
            Masquerading.Always => true,
            Masquerading.OffCluster => detector.Mode != LocalDetection.None && !isPod,
            _ => false,
        };
        ImmutableArray<Backend> backends = treatment.Action == FrontendAction.ToClusterBackends ? plan.ClusterBackends : plan.LocalBackends;
        return [.. backends.Select(backend =>
        {
            InetAddress address = backend.Endpoint.Address;
            bool isHairpin = address == source.Address && IsEndpointHere(address);
            // What came in from a wire and stays on the node never passes where sources are rewritten.
            bool isRewritten = (isMasqueraded || isHairpin) && (from == FlowOrigin.Node || !IsLocal(address));
            return new PlannedEnd(Leaving(address), backend.Endpoint, isRewritten, plan);
        })];
    }

    private (PortPlan Plan, Frontend Frontend)? Find(InetEndpoint destination, IpProtocol protocol)
    {
        (PortPlan, Frontend)? atNodePort = null;
        foreach (PortPlan plan in table.Plans.SelectMany(static service => service.Ports))
        {
            if (plan.Name.Protocol != protocol || plan.Family != destination.Address.Family)
                continue;
            foreach (Frontend frontend in plan.Frontends.Where(frontend => frontend.Port == destination.Port))
            {
                if (frontend.Kind != FrontendKind.NodePort && frontend.Address == destination.Address)
                    return (plan, frontend);
                if (frontend.Kind == FrontendKind.NodePort && Node.NodePortAddresses.Contains(destination.Address))
                    atNodePort = (plan, frontend);
            }
        }
        return atNodePort;
    }

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
        .SelectMany(static port => port.ClusterBackends.Concat(port.LocalBackends)).Any(backend => backend.IsLocal && backend.Endpoint.Address == address);
}
