using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Removes UDP flows of services that lead to no serving endpoint: otherwise a client that keeps sending is translated to an endpoint
/// that no longer exists for as long as it sends (kube-proxy: conntrack.CleanStaleEntries). TCP clients notice by themselves.
/// </summary>
/// <remarks>
/// The table is read only where a UDP port's frontends or serving endpoints changed, and once for all ports at the first change,
/// because endpoints may have been removed while no proxy ran. A port without serving endpoints keeps its flows.
/// </remarks>
public sealed class ConntrackCleaner(IConntrackTable table)
{
    // Above this many destination ports one pass over all UDP flows is cheaper than a pass for each.
    private const int MostFilteredPasses = 4;

    // The UDP ports of each service that has any, as the plane last applied them.
    private readonly Dictionary<ObjectName, ImmutableArray<PortPlan>> _known = [];
    private readonly Dictionary<PortKey, PortPlan> _changed = [];
    private bool _isFirst = true;

    /// <summary>Records what the plane has in force now; <see cref="Clean(AddressPlan)"/> then acts on it.</summary>
    public void Note(TableDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        foreach (ServiceChange change in delta.Services)
            Note(change.Service, UdpPortsOf(change.Plan));
    }

    /// <summary>Removes the flows whose endpoint has gone with the changes recorded since the last call.</summary>
    /// <param name="node">The node's addresses, to which clients of NodePorts send.</param>
    /// <returns>The number of flows removed.</returns>
    /// <exception cref="NetlinkException">The table cannot be read or changed; what was recorded stays recorded.</exception>
    public int Clean(AddressPlan node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (_changed.Count == 0)
            return 0;
        int removed = Clean(IpFamily.IPv4, node) + Clean(IpFamily.IPv6, node);
        _changed.Clear();
        _isFirst = false;
        return removed;
    }

    private void Note(ObjectName service, ImmutableArray<PortPlan> ports)
    {
        ImmutableArray<PortPlan> before = _known.GetValueOrDefault(service, []);
        foreach (PortPlan port in before)
        {
            if (!ports.Any(now => IsSameForFlows(now, port)))
                _changed.Remove(PortKey.Of(port));
        }
        foreach (PortPlan port in ports)
        {
            // An empty set means that nothing is stale, whatever has changed.
            if (!port.ServingEndpoints.IsEmpty && !before.Any(old => IsSameForFlows(old, port)))
                _changed[PortKey.Of(port)] = port;
        }
        if (ports.IsEmpty)
            _known.Remove(service);
        else
            _known[service] = ports;
    }

    private int Clean(IpFamily family, AddressPlan node)
    {
        var frontends = new UdpFrontends(node, _changed.Values.Where(port => port.Family == family));
        if (frontends.IsEmpty)
            return 0;
        int removed = 0;
        bool isFiltered = !_isFirst && frontends.Ports.Count <= MostFilteredPasses;
        foreach (ushort? port in isFiltered ? frontends.Ports.Select(static port => (ushort?)port) : [null])
        {
            var filter = new ConntrackFilter { Family = family, Protocol = IpProtocol.Udp, OriginalDestinationPort = port };
            foreach (ConntrackEntry flow in table.Read(filter))
            {
                if (!frontends.IsStale(flow))
                    continue;
                table.Delete(flow);
                removed++;
            }
        }
        return removed;
    }

    private static ImmutableArray<PortPlan> UdpPortsOf(ServicePlan? plan) =>
        plan is null ? [] : [.. plan.Ports.Where(static port => port.Name.Protocol == IpProtocol.Udp)];

    private static bool IsSameForFlows(PortPlan left, PortPlan right) => PortKey.Of(left) == PortKey.Of(right)
        && left.ServingEndpoints.AsSpan().SequenceEqual(right.ServingEndpoints.AsSpan())
        && left.Frontends.AsSpan().SequenceEqual(right.Frontends.AsSpan());

    private readonly record struct PortKey(ServicePortName Name, IpFamily Family)
    {
        public static PortKey Of(PortPlan port) => new(port.Name, port.Family);
    }

    /// <summary>The addresses clients connect to for some UDP ports, and the endpoints their flows may lead to.</summary>
    private sealed class UdpFrontends
    {
        private readonly Dictionary<InetEndpoint, ImmutableArray<InetEndpoint>> _servingOf = [];
        private readonly Dictionary<ushort, ImmutableArray<InetEndpoint>> _servingOfNodePort = [];
        private readonly AddressPlan _node;

        public UdpFrontends(AddressPlan node, IEnumerable<PortPlan> ports)
        {
            _node = node;
            foreach (PortPlan port in ports)
            {
                foreach (Frontend frontend in port.Frontends)
                {
                    Ports.Add(frontend.Port);
                    if (frontend.Kind == FrontendKind.NodePort)
                        _servingOfNodePort[frontend.Port] = port.ServingEndpoints;
                    else
                        _servingOf[new InetEndpoint(frontend.Address, frontend.Port)] = port.ServingEndpoints;
                }
            }
        }

        public bool IsEmpty => Ports.Count == 0;

        public HashSet<ushort> Ports { get; } = [];

        public bool IsStale(in ConntrackEntry flow)
        {
            var dialled = new InetEndpoint(flow.Original.Destination, flow.Original.DestinationPort);
            // The source of replies is the endpoint the flow was translated to.
            var endpoint = new InetEndpoint(flow.Reply.Source, flow.Reply.SourcePort);
            if (_servingOf.TryGetValue(dialled, out ImmutableArray<InetEndpoint> serving))
                return !serving.Contains(endpoint);
            // Only flows to the node itself: the same port number at another address is not a NodePort.
            return _servingOfNodePort.TryGetValue(dialled.Port, out serving)
                && _node.LocalAddresses.BinarySearch(dialled.Address) >= 0
                && !serving.Contains(endpoint);
        }
    }
}
