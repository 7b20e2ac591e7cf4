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
        var sent = new PacketOutcome { SentFrom = source, SentTo = destination, End = PacketEnd.Vanished, Source = source, Destination = destination };
        // The kernel takes no packet to a loopback address from a wire (ip_route_input_slow, martian destination).
        if (from != FlowOrigin.Node && destination.Address.IsLoopback)
            return sent;
        if (Find(destination, protocol) is not var (plan, frontend))
        {
            if (table.Plans.Any(service => service.ClusterIPs.Contains(destination.Address)))
                return sent with { End = PacketEnd.Refused };
            return table.NodeWide.ServiceCidrs.Any(range => range.Contains(destination.Address)) ? sent : Leave(sent);
        }
        if (frontend.IsSourceRestricted && !plan.SourceRanges.Any(range => range.Contains(source.Address)))
            return sent;

        LocalDetector detector = destination.Address.Family == IpFamily.IPv4 ? table.NodeWide.DetectorIPv4 : table.NodeWide.DetectorIPv6;
        bool isPod = IsPod(detector, source.Address, device);
        Treatment treatment = isPod ? frontend.Pod : from == FlowOrigin.Node || IsLocal(source.Address) ? frontend.Node : frontend.Outside;
        switch (treatment.Action)
        {
            case FrontendAction.Reject:
                return sent with { End = PacketEnd.Refused };
            case FrontendAction.Drop:
                return sent;
        }
        ImmutableArray<Backend> backends = treatment.Action == FrontendAction.ToClusterBackends ? plan.ClusterBackends : plan.LocalBackends;
        InetEndpoint backend = Choose(plan, backends, source.Address);
        bool isHairpin = backends.Any(candidate => candidate.IsLocal && candidate.Endpoint == backend) && backend.Address == source.Address;
        bool isMasqueraded = isHairpin || treatment.Masquerade switch
        {
            Masquerading.Always => true,
            Masquerading.OffCluster => detector.Mode != LocalDetection.None && !isPod,
            _ => false,
        };
        return Leave(sent with
        {
            Destination = backend,
            Source = isMasqueraded ? new(Node.Addresses.First(address => address.Family == source.Address.Family), RewrittenPort) : source,
        });
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

    private InetEndpoint Choose(PortPlan plan, ImmutableArray<Backend> backends, InetAddress client)
    {
        (ServicePortName, InetAddress) key = (plan.Name, client);
        InetEndpoint chosen = plan.AffinitySeconds > 0 && _affinity.TryGetValue(key, out (InetEndpoint Backend, TimeSpan Since) remembered)
            && _now - remembered.Since <= TimeSpan.FromSeconds(plan.AffinitySeconds)
            && backends.Any(backend => backend.Endpoint == remembered.Backend)
            ? remembered.Backend
            : backends[_turn++ % backends.Length].Endpoint;
        if (plan.AffinitySeconds > 0)
            _affinity[key] = (chosen, _now);
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

    private PacketOutcome Leave(PacketOutcome packet)
    {
        InetAddress destination = packet.Destination.Address;
        if (IsLocal(destination))
            return packet with { End = PacketEnd.Delivered };
        bool isPodOfThisNode = Node.PodPrefixes.Any(range => range.Contains(destination)) || table.Plans.SelectMany(static service => service.Ports)
            .SelectMany(static port => port.ClusterBackends.Concat(port.LocalBackends)).Any(backend => backend.IsLocal && backend.Endpoint.Address == destination);
        return packet with { End = PacketEnd.Forwarded, Device = isPodOfThisNode ? "pod0" : "ext0" };
    }
}
