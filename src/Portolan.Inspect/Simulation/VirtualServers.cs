using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// The addresses that kube-proxy's ipvs mode serves, by the ipsets it fills: the kernel's virtual servers themselves are not rules, and no
/// dump of rules shows them.
/// </summary>
internal sealed class VirtualServers
{
    private readonly HashSet<(InetAddress Address, IpProtocol Protocol, ushort Port)> _servers = [];
    private readonly HashSet<(IpProtocol Protocol, ushort Port)> _nodePorts = [];
    private readonly HashSet<InetAddress> _addresses = [];

    internal static VirtualServers Of(Ruleset ruleset)
    {
        var servers = new VirtualServers();
        foreach (IpSet set in ruleset.IpSets.Values)
        {
            KubeIpvsSetRole role = KubeProxyIpvs.RoleOf(set.Name);
            foreach (IpSetEntry entry in set.Entries)
                servers.Add(role, entry);
        }
        return servers;
    }

    /// <summary>The addresses of services, which kube-proxy binds to a device of the node.</summary>
    internal IReadOnlyCollection<InetAddress> Bound => _addresses;

    /// <summary>True when a virtual server takes packets that are delivered to the node at an address and port.</summary>
    internal bool Takes(InetAddress address, IpProtocol protocol, ushort? port) => port is { } known
        && (_servers.Contains((address, protocol, known)) || _nodePorts.Contains((protocol, known)));

    internal static string Reason(InetAddress address, ushort? port) =>
        $"IPVS takes the packet at {new InetEndpoint(address, port ?? 0)} (kube-proxy in ipvs mode); no rule shows to which endpoint: "
        + "'ipvsadm -Ln' on the node lists them";

    private void Add(KubeIpvsSetRole role, IpSetEntry entry)
    {
        switch (role)
        {
            case KubeIpvsSetRole.ClusterIPs or KubeIpvsSetRole.ExternalIPs or KubeIpvsSetRole.ExternalIPsLocal
                or KubeIpvsSetRole.LoadBalancers or KubeIpvsSetRole.LoadBalancersLocal
                when entry.Parts is [IpSetAddress address, IpSetPort port, ..]:
                _addresses.Add(address.First);
                _servers.Add((address.First, port.Protocol, port.First));
                break;
            case KubeIpvsSetRole.NodePorts or KubeIpvsSetRole.NodePortsLocal when entry.Parts is [.., IpSetPort port]:
                _nodePorts.Add((port.Protocol, port.First));
                break;
        }
    }
}
