using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.Ipvs;
using Portolan.Rules.Dialects;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// Translates what this node serves for one service into virtual servers, routes and elements. Pure: what the kernel holds for a service
/// can always be computed from its plan.
/// </summary>
/// <param name="scheduler">The scheduler of services that name none.</param>
internal sealed class ServiceCompiler(Scheduler scheduler)
{
    /// <summary>What is wrong with a service in this mode, for the operator; null if nothing.</summary>
    internal static string? Fault(ServicePlan plan) =>
        Scheduler.Parse(plan.IpvsScheduler, out _) is { } fault ? $"annotation portolan.dev/ipvs-scheduler: {fault}" : null;

    /// <summary>Adds the objects of a service.</summary>
    internal void Emit(ServicePlan plan, NodeView node, ServiceObjects into)
    {
        Scheduler own = scheduler;
        if (plan.IpvsScheduler.Length > 0 && Scheduler.Parse(plan.IpvsScheduler, out own) is not null)
            return;
        foreach (InetAddress address in plan.ClusterIPs)
            AddAddress(address, node, into);
        foreach (PortPlan port in plan.Ports)
        {
            if (!node.Programs(port.Family))
                continue;
            foreach (Frontend frontend in port.Frontends)
                EmitFrontend(plan, port, frontend, own, node, into);
            EmitHairpins(port.ClusterBackends, node, into);
            EmitHairpins(port.LocalBackends, node, into);
        }
    }

    private static void AddAddress(InetAddress address, NodeView node, ServiceObjects into)
    {
        if (node.Programs(address.Family))
            into.Addresses.Add(address);
    }

    private static void EmitHairpins(ImmutableArray<Backend> backends, NodeView node, ServiceObjects into)
    {
        foreach (Backend backend in backends)
        {
            // What goes from the machine to itself never leaves it, and is answered without being masqueraded.
            if (backend.IsLocal && !node.IsLocal(backend.Endpoint.Address))
                into.Hairpins.Add(backend.Endpoint.Address);
        }
    }

    private static void EmitFrontend(
        ServicePlan plan, PortPlan port, in Frontend frontend, Scheduler scheduler, NodeView node, ServiceObjects into)
    {
        if (frontend.Kind != FrontendKind.NodePort)
        {
            AddAddress(frontend.Address, node, into);
            EmitAt(plan, port, frontend, frontend.Address, scheduler, into);
            return;
        }
        foreach (InetAddress address in node.NodePortAddresses)
        {
            if (address.Family == port.Family && !node.IsTaken(new VirtualServerKey(address, port.Name.Protocol, frontend.Port)))
                EmitAt(plan, port, frontend, address, scheduler, into);
        }
    }

    private static void EmitAt(
        ServicePlan plan, PortPlan port, in Frontend frontend, InetAddress address, Scheduler scheduler, ServiceObjects into)
    {
        var key = new VirtualServerKey(address, port.Name.Protocol, frontend.Port);
        // Pods and the node are treated differently from others only with policy Local, where they get all of the cluster's backends.
        bool isExternalLocal = frontend.Node.Action == FrontendAction.ToClusterBackends
            && frontend.Outside.Action != FrontendAction.ToClusterBackends;
        bool isPlain = frontend is { IsSourceRestricted: false, Outside.Masquerade: Masquerading.OffCluster } && !isExternalLocal
            && frontend.Outside.Action is FrontendAction.ToClusterBackends or FrontendAction.ToLocalBackends;
        Add(isPlain ? PortolanIpvsSet.OffCluster : PortolanIpvsSet.Frontends);
        if (frontend.IsSourceRestricted)
        {
            Add(PortolanIpvsSet.Restricted);
            foreach (InetPrefix range in port.SourceRanges)
                into.Elements.Add(new(PortolanIpvsSet.SourceRanges, key.Address, key.Protocol, key.Port, range, default));
        }
        if (isExternalLocal && Shortcut(plan, port, scheduler, into) is { Port: not 0 } shortcut)
        {
            Add(PortolanIpvsSet.ExternalLocal);
            into.Elements.Add(new(PortolanIpvsSet.Shortcuts, key.Address, key.Protocol, key.Port, default, shortcut));
        }
        switch (frontend.Outside.Action)
        {
            case FrontendAction.Reject:
                Add(PortolanIpvsSet.Rejected);
                return;
            case FrontendAction.Drop:
                Add(PortolanIpvsSet.Dropped);
                return;
        }
        if (frontend.Outside.Masquerade == Masquerading.Always)
            Add(PortolanIpvsSet.Masquerade);
        AddServer(key, port, frontend.Outside.Action, scheduler, into);

        void Add(PortolanIpvsSet set) => into.Elements.Add(new(set, key.Address, key.Protocol, key.Port, default, default));
    }

    /// <summary>
    /// The virtual server with all of the cluster's backends: that of the cluster IP or, where that is for this node's backends alone, one
    /// at a port of the cluster IP that the service does not have. Nobody can dial that one: what is not in the table is rejected.
    /// </summary>
    private static InetEndpoint Shortcut(ServicePlan plan, PortPlan port, Scheduler scheduler, ServiceObjects into)
    {
        foreach (Frontend frontend in port.Frontends)
        {
            if (frontend is { Kind: FrontendKind.ClusterIP, Outside.Action: FrontendAction.ToClusterBackends })
                return new InetEndpoint(frontend.Address, frontend.Port);
        }
        InetAddress address = plan.ClusterIPs.FirstOrDefault(address => address.Family == port.Family);
        if (address.Family == IpFamily.None)
            address = port.Frontends.FirstOrDefault(static frontend => frontend.Kind != FrontendKind.NodePort).Address;
        // Another service holds all its addresses: pods then get what everybody gets at the NodePort.
        if (address.Family == IpFamily.None)
            return default;
        int place = 0;
        foreach (PortPlan other in plan.Ports)
        {
            if (other.Family == port.Family && other.Name == port.Name)
                break;
            place += other.Family == port.Family ? 1 : 0;
        }
        ushort free = ushort.MaxValue;
        for (int skip = place; ; free--)
        {
            if (!IsUsed(plan, port, address, free) && skip-- == 0)
                break;
        }
        AddServer(new VirtualServerKey(address, port.Name.Protocol, free), port, FrontendAction.ToClusterBackends, scheduler, into);
        return new InetEndpoint(address, free);
    }

    private static bool IsUsed(ServicePlan plan, PortPlan port, InetAddress address, ushort number) =>
        plan.Ports.Any(other => other.Name.Protocol == port.Name.Protocol
            && other.Frontends.Any(frontend => frontend.Address == address && frontend.Port == number));

    private static void AddServer(
        VirtualServerKey key, PortPlan port, FrontendAction action, Scheduler scheduler, ServiceObjects into)
    {
        ImmutableArray<Backend> backends = action == FrontendAction.ToLocalBackends ? port.LocalBackends : port.ClusterBackends;
        var server = new VirtualServer(key, scheduler.Name)
        {
            Flags = scheduler.Flags | (port.AffinitySeconds > 0 ? VirtualServerFlags.Persistent : VirtualServerFlags.None),
            PersistenceSeconds = (uint)port.AffinitySeconds,
        };
        into.Servers[key] = new WantedServer(server, [.. backends.Select(static backend => backend.Endpoint)], port.ServingEndpoints);
    }
}
