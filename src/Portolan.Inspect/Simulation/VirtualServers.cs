using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// The virtual servers of IPVS by what they take. Where the input does not show them, the addresses they serve are known by the sets that
/// their proxy fills.
/// </summary>
internal sealed class VirtualServers
{
    private readonly Dictionary<(InetAddress Address, IpProtocol Protocol, ushort Port), VirtualServer> _byAddress = [];
    private readonly Dictionary<(IpFamily Family, uint Mark), VirtualServer> _byMark = [];
    private readonly HashSet<(InetAddress Address, IpProtocol Protocol, ushort Port)> _named = [];
    private readonly HashSet<(IpProtocol Protocol, ushort Port)> _namedPorts = [];
    private readonly bool _areShown;

    private VirtualServers(Ruleset ruleset)
    {
        _areShown = ruleset.VirtualServers is not null;
        foreach (VirtualServer server in ruleset.VirtualServers ?? [])
        {
            if (server.Mark is { } mark)
                _byMark.TryAdd((server.Family, mark), server);
            else
                _byAddress.TryAdd((server.Address, server.Protocol, server.Port), server);
        }
    }

    internal static VirtualServers Of(Ruleset ruleset)
    {
        var servers = new VirtualServers(ruleset);
        foreach (IpSet set in ruleset.IpSets.Values)
        {
            KubeIpvsSetRole role = KubeProxyIpvs.RoleOf(set.Name);
            servers.IsOfProxy |= role != KubeIpvsSetRole.None;
            foreach (IpSetEntry entry in set.Entries)
                servers.Add(role, set.Name, entry);
        }
        foreach (RuleTable table in ruleset.Tables.Where(static table => table is
        { Backend: RuleBackend.Nftables, Name: PortolanIpvs.TableName }))
        {
            servers.IsOfProxy = true;
            servers.Add(table);
        }
        return servers;
    }

    /// <summary>True when a proxy fills them, which makes IPVS keep its packets tracked (net.ipv4.vs.conntrack).</summary>
    internal bool IsOfProxy { get; private set; }

    /// <summary>True when there are any that take packets by their mark.</summary>
    internal bool HasMarks => _byMark.Count > 0;

    /// <summary>The addresses that kube-proxy binds to its device.</summary>
    private HashSet<InetAddress> Bound { get; } = [];

    /// <summary>The addresses that our routes lead to.</summary>
    private HashSet<InetAddress> Routed { get; } = [];

    /// <summary>The node's addresses with those of services, where the input shows neither device nor routes that have them.</summary>
    internal NodeAddresses Complete(NodeAddresses node, Ruleset ruleset)
    {
        node = node.WithLocalRoutes(ruleset.Routes);
        bool ShowsRoutes(IpFamily family) =>
            ruleset.Routes.Any(route => route.Type == NodeAddresses.LocalRoute && route.To.Family == family);
        ImmutableArray<InetAddress> unseen =
        [
            .. Bound.Where(address => !node.Knows(address.Family)), .. Routed.Where(address => !ShowsRoutes(address.Family)),
        ];
        return unseen.IsEmpty ? node : node.WithServices(unseen);
    }

    /// <summary>
    /// The virtual server that takes a packet: by its mark, else by address and port, else by the address alone (ip_vs_service_find).
    /// </summary>
    internal VirtualServer? Find(InetAddress address, IpProtocol protocol, ushort port, uint mark) =>
        mark != 0 && _byMark.TryGetValue((address.Family, mark), out VirtualServer? server) ? server
        : _byAddress.TryGetValue((address, protocol, port), out server) ? server
        : _byAddress.GetValueOrDefault((address, protocol, (ushort)0));

    /// <summary>True when a virtual server that the input does not show takes packets to an address and port.</summary>
    internal bool IsHidden(InetAddress address, IpProtocol protocol, ushort port) => !_areShown
        && (_named.Contains((address, protocol, port)) || _namedPorts.Contains((protocol, port)));

    private void Add(KubeIpvsSetRole role, string set, IpSetEntry entry)
    {
        switch (role)
        {
            case KubeIpvsSetRole.ClusterIPs or KubeIpvsSetRole.ExternalIPs or KubeIpvsSetRole.ExternalIPsLocal
                or KubeIpvsSetRole.LoadBalancers or KubeIpvsSetRole.LoadBalancersLocal
                when entry.Parts is [IpSetAddress address, IpSetPort port, ..]:
                Bound.Add(address.First);
                _named.Add((address.First, port.Protocol, port.First));
                break;
            case KubeIpvsSetRole.NodePorts or KubeIpvsSetRole.NodePortsLocal when entry.Parts is [.., IpSetPort port]:
                // bitmap:port stores no protocol; the set's name says it.
                _namedPorts.Add((port.Protocol != IpProtocol.None ? port.Protocol : KubeProxyIpvs.ProtocolOf(set), port.First));
                break;
        }
    }

    private void Add(RuleTable table)
    {
        foreach (NamedSet set in table.Sets)
        {
            if (!PortolanIpvs.TryParseSet(set.Name, out PortolanIpvsSet kind))
                continue;
            foreach (SetElement element in set.Elements)
            {
                if (kind == PortolanIpvsSet.Addresses && element.Key is AddressValue address)
                    Routed.Add(address.Address);
                else if (kind is PortolanIpvsSet.OffCluster or PortolanIpvsSet.Frontends
                    && element.Key is ConcatExpression { Parts: [AddressValue to, NumberValue protocol, NumberValue port] })
                    _named.Add((to.Address, (IpProtocol)protocol.Value, (ushort)port.Value));
            }
        }
    }
}
