using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Host;

/// <summary>What clients dial of some service ports, where connections to it may lead, and what used to be dialled.</summary>
internal sealed class ServedFrontends
{
    private readonly Dictionary<(IpProtocol, InetEndpoint), PortPlan> _byAddress = [];
    private readonly Dictionary<(IpProtocol, IpFamily, ushort), PortPlan> _byNodePort = [];
    private readonly HashSet<UdpFrontend> _lost;
    private readonly ImmutableArray<InetAddress> _nodeAddresses;
    private readonly ImmutableArray<InetPrefix> _serviceCidrs;

    public ServedFrontends(NodePlan node, IEnumerable<PortPlan> ports, IEnumerable<UdpFrontend> lost)
    {
        (_nodeAddresses, _serviceCidrs) = (node.Addresses.LocalAddresses, node.ServiceCidrs);
        foreach (PortPlan port in ports)
        {
            foreach (Frontend frontend in port.Frontends)
            {
                if (frontend.Kind == FrontendKind.NodePort)
                    _byNodePort[(port.Name.Protocol, port.Family, frontend.Port)] = port;
                else
                    _byAddress[(port.Name.Protocol, new InetEndpoint(frontend.Address, frontend.Port))] = port;
            }
        }
        _lost = [.. lost];
    }

    public static IEnumerable<UdpFrontend> DialledAt(PortPlan port) =>
        port.Frontends.Select(frontend => new UdpFrontend(port.Family, frontend.Address, frontend.Port));

    /// <summary>A UDP flow that leads to no serving endpoint, or was translated for a frontend that is no more.</summary>
    public bool IsStale(in ConntrackEntry flow)
    {
        if (ServedBy(flow.Original) is { } port)
            return !port.ServingEndpoints.AsSpan().Contains(LeadsTo(flow));
        if (_lost.Count == 0 || !IsTranslated(flow))
            return false;
        InetAddress address = flow.Original.Destination;
        return _lost.Contains(new UdpFrontend(address.Family, address, flow.Original.DestinationPort))
            || (IsOfNode(address) && _lost.Contains(new UdpFrontend(address.Family, default, flow.Original.DestinationPort)));
    }

    /// <summary>The same, or one that was translated for an address of a service range that no service has now.</summary>
    public bool IsStaleOrOfNoService(in ConntrackEntry flow)
    {
        if (IsStale(flow))
            return true;
        if (!IsTranslated(flow) || ServedBy(flow.Original) is not null)
            return false;
        foreach (InetPrefix range in _serviceCidrs)
        {
            if (range.Contains(flow.Original.Destination))
                return true;
        }
        return false;
    }

    /// <summary>
    /// A connection to a frontend, which nobody answered, and which does not lead to an endpoint: it began while rules were missing, and
    /// stays as it is for as long as its client tries.
    /// </summary>
    public bool IsStuck(in ConntrackEntry entry)
    {
        // Other zones are somebody else's tracking of the same packets (Open vSwitch, for one), where nothing is translated.
        if (entry.Zone != 0 || (entry.Status & ConntrackStatus.SeenReply) != 0 || ServedBy(entry.Original) is not { } port)
            return false;
        InetEndpoint to = LeadsTo(entry);
        return !Holds(port.ClusterBackends, to) && !Holds(port.LocalBackends, to) && !port.ServingEndpoints.AsSpan().Contains(to);
    }

    private PortPlan? ServedBy(in ConntrackTuple dialled)
    {
        if (_byAddress.TryGetValue((dialled.Protocol, new(dialled.Destination, dialled.DestinationPort)), out PortPlan? port))
            return port;
        // Only what goes to the node itself: the same port number at somebody else's address is nobody's NodePort.
        return _byNodePort.TryGetValue((dialled.Protocol, dialled.Destination.Family, dialled.DestinationPort), out port)
            && IsOfNode(dialled.Destination) ? port : null;
    }

    private bool IsOfNode(InetAddress address) => _nodeAddresses.BinarySearch(address) >= 0;

    // Where replies come from is where the flow was translated to.
    private static InetEndpoint LeadsTo(in ConntrackEntry entry) => new(entry.Reply.Source, entry.Reply.SourcePort);

    /// <summary>True if rules gave the connection another destination.</summary>
    public static bool IsTranslated(in ConntrackEntry entry) =>
        LeadsTo(entry) != new InetEndpoint(entry.Original.Destination, entry.Original.DestinationPort);

    private static bool Holds(ImmutableArray<Backend> backends, InetEndpoint endpoint)
    {
        foreach (Backend backend in backends)
        {
            if (backend.Endpoint == endpoint)
                return true;
        }
        return false;
    }
}
