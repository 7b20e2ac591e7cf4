using System.Collections.Frozen;
using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.Ipvs;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What the objects of all services depend on besides their plans.</summary>
internal sealed class NodeView
{
    private readonly HashSet<VirtualServerKey> _exact = [];
    private readonly FrozenSet<InetAddress> _local;
    private readonly ImmutableArray<IpFamily> _families;

    /// <summary>The view for a node and everything it serves.</summary>
    /// <param name="node">The node.</param>
    /// <param name="families">The families that are programmed.</param>
    /// <param name="plans">All plans: a service's own address at the node's own address comes before NodePorts there.</param>
    internal NodeView(NodePlan node, ImmutableArray<IpFamily> families, IEnumerable<ServicePlan> plans)
    {
        _families = families;
        _local = node.Addresses.LocalAddresses.ToFrozenSet();
        NodePortAddresses = node.Addresses.NodePortAddresses;
        foreach (ServicePlan plan in plans)
            _exact.UnionWith(AtNode(plan));
    }

    /// <summary>The addresses that take NodePorts, both families.</summary>
    internal ImmutableArray<InetAddress> NodePortAddresses { get; }

    internal bool Programs(IpFamily family) => _families.Contains(family);

    /// <summary>True for an address that this machine has itself, without a route of ours.</summary>
    internal bool IsLocal(InetAddress address) => _local.Contains(address);

    /// <summary>True if a service has an address of its own there, so that it is no NodePort.</summary>
    internal bool IsTaken(VirtualServerKey key) => _exact.Contains(key);

    /// <summary>True if a change from one plan to another changes which NodePorts are taken: then other services change as well.</summary>
    internal bool ChangesTaken(ServicePlan? before, ServicePlan? after) =>
        !new HashSet<VirtualServerKey>(before is null ? [] : AtNode(before)).SetEquals(after is null ? [] : AtNode(after));

    private IEnumerable<VirtualServerKey> AtNode(ServicePlan plan) =>
        from port in plan.Ports
        from frontend in port.Frontends
        where frontend.Kind != FrontendKind.NodePort && _local.Contains(frontend.Address)
        select new VirtualServerKey(frontend.Address, port.Name.Protocol, frontend.Port);
}
