using System.Collections.Immutable;
using System.Collections.ObjectModel;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;
using Portolan.Netlink.Route;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// What mode ipvs wants and what it has in force. Plans changes: of some services from their plans before and after, or of everything from
/// what the kernel holds.
/// </summary>
internal sealed class IpvsState
{
    private readonly IpvsPlaneOptions _options;
    private readonly IIpvsKernel _kernel;
    private readonly ServiceCompiler _compiler;
    private readonly Dictionary<ObjectName, ServicePlan> _applied = [];
    private readonly Dictionary<ObjectName, Refusal> _faults = [];
    private readonly SharedCounts _addresses = new(), _hairpins = new();
    private NodeView _view;

    internal IpvsState(IpvsPlaneOptions options, IIpvsKernel kernel, TimeProvider time)
    {
        (_options, _kernel) = (options, kernel);
        _compiler = new ServiceCompiler(options.Scheduler);
        Families = options.WithIPv6 ? [IpFamily.IPv4, IpFamily.IPv6] : [IpFamily.IPv4];
        _view = new NodeView(NodePlan.None, Families, []);
        Planner = new ServerPlanner(kernel, time);
    }

    /// <summary>The families that are programmed.</summary>
    internal ImmutableArray<IpFamily> Families { get; }

    /// <summary>The plans that are wanted.</summary>
    internal Dictionary<ObjectName, ServicePlan> Wanted { get; } = [];

    /// <summary>What all services have in common, as wanted.</summary>
    internal NodePlan Node { get; set; } = NodePlan.None;

    /// <summary>Plans requests for virtual servers.</summary>
    internal ServerPlanner Planner { get; }

    /// <summary>Services that are not served as wanted, and why.</summary>
    internal IReadOnlyCollection<Refusal> Refusals => _faults.Values;

    /// <summary>UDP frontends that the kernel held when it was read.</summary>
    internal ImmutableArray<UdpFrontend> FoundUdpFrontends { get; private set; } = [];

    /// <summary>Number of virtual servers in force, draining ones included.</summary>
    internal int ServerCount { get; private set; }

    /// <summary>Records what is wanted now.</summary>
    internal void Want(ImmutableArray<ServiceChange> changes)
    {
        foreach (ServiceChange change in changes)
        {
            if (change.Plan is null)
                Wanted.Remove(change.Service);
            else
                Wanted[change.Service] = change.Plan;
        }
    }

    /// <summary>True if a delta can be planned from the plans in force; otherwise the kernel has to be read.</summary>
    internal bool CanPlan(TableDelta delta) => (delta.Node is null || delta.Node == Node) && delta.Services.All(change =>
        !_view.ChangesTaken(_applied.GetValueOrDefault(change.Service), change.Plan)
        // What the kernel refused of it is not in force.
        && !(_faults.ContainsKey(change.Service) && _applied.ContainsKey(change.Service)));

    /// <summary>Plans the change of some services, of which all else in the kernel is known to be in force.</summary>
    internal PlannedChange Plan(ImmutableArray<ServiceChange> services)
    {
        var change = new PlannedChange();
        ServiceObjects before = new(), after = new();
        Dictionary<VirtualServerKey, ObjectName> owners = [];
        foreach (ServiceChange service in services)
        {
            ServicePlan? held = _applied.GetValueOrDefault(service.Service), wanted = WithoutFault(service);
            Collect(held, service.Service, before, owners, -1);
            Collect(wanted, service.Service, after, owners, +1);
            if (wanted is null)
                _applied.Remove(service.Service);
            else
                _applied[service.Service] = wanted;
        }
        foreach ((VirtualServerKey key, WantedServer held) in before.Servers)
        {
            WantedServer? wanted = after.Servers.GetValueOrDefault(key);
            PlanServer(held, wanted, owners[key], MayDrain(key, after), change);
        }
        foreach ((VirtualServerKey key, WantedServer wanted) in after.Servers)
        {
            if (!before.Servers.ContainsKey(key))
                PlanServer(null, wanted, owners[key], mayDrain: true, change);
        }
        PlanLostFrontends(before, after, change);
        change.PlanElements(before.Elements, after.Elements);
        PlanShared(change);
        return change;
    }

    /// <summary>Plans what is due because connections have ended.</summary>
    internal PlannedChange PlanDrained()
    {
        var change = new PlannedChange();
        foreach (InetAddress address in Planner.PlanDrained(change))
            CountOrphan(address, -1);
        PlanShared(change);
        ServerCount -= change.Requests.Count(static request => request.Verb == ServerVerb.DeleteServer);
        return change;
    }

    /// <summary>Plans the difference of everything from what the kernel holds.</summary>
    internal PlannedChange PlanAll()
    {
        var change = new PlannedChange();
        _view = new NodeView(Node, Families, Wanted.Values);
        _applied.Clear();
        _faults.Clear();
        _addresses.Clear();
        _hairpins.Clear();
        var wanted = new ServiceObjects();
        Dictionary<VirtualServerKey, ObjectName> owners = [];
        foreach ((ObjectName service, ServicePlan plan) in Wanted)
        {
            if (WithoutFault(new ServiceChange(service, plan)) is null)
                continue;
            Collect(plan, service, wanted, owners, +1);
            _applied[service] = plan;
        }
        Dictionary<IpFamily, SideTable> tables = Families.ToDictionary(static family => family, _kernel.ReadTable);
        LocalRoute[] routes = [.. Families.SelectMany(_kernel.ReadRoutes)];
        PlanServers(wanted, owners, tables.Values, [.. routes.Select(static route => route.Address)], change);
        foreach (InetAddress address in Planner.OrphanAddresses)
            CountOrphan(address, +1);
        _addresses.TakeChanges();
        _hairpins.TakeChanges();
        PlanRoutes(routes, change);
        foreach ((IpFamily family, SideTable table) in tables)
            PlanTable(family, table, wanted, change);
        return change;
    }

    /// <summary>Records what the kernel refused. What concerns no service, or something that is gone already, needs no attention.</summary>
    /// <returns>True if something was refused that matters.</returns>
    internal bool NoteRefusals(IReadOnlyList<ServerRequest> requests, IReadOnlyList<RequestRefusal> refusals)
    {
        bool any = false;
        foreach (RequestRefusal refusal in refusals)
        {
            ServerRequest request = requests[refusal.Index];
            if (request.IsRemoval && (refusal.Errno == Errno.ESRCH || refusal.Errno == Errno.ENOENT))
                continue;
            any = true;
            if (request.Owner is { } owner && !_faults.ContainsKey(owner))
                _faults[owner] = new Refusal($"Service {owner}", request.ToString(), Explain(request, refusal));
        }
        return any;
    }

    private static string Explain(ServerRequest request, RequestRefusal refusal) =>
        request.Verb is ServerVerb.AddServer or ServerVerb.SetServer && refusal.Errno == Errno.ENOENT
            ? $"{refusal}; this kernel has no scheduler {request.Server.Scheduler}: module ip_vs_{request.Server.Scheduler} is missing"
            : refusal.ToString();

    private ServicePlan? WithoutFault(ServiceChange change)
    {
        _faults.Remove(change.Service);
        if (change.Plan is null || ServiceCompiler.Fault(change.Plan) is not { } fault)
            return change.Plan;
        _faults[change.Service] = new Refusal($"Service {change.Service}", "serve it in mode ipvs", fault);
        return null;
    }

    private void Collect(
        ServicePlan? plan, ObjectName service, ServiceObjects into, Dictionary<VirtualServerKey, ObjectName> owners, int by)
    {
        if (plan is null)
            return;
        var own = new ServiceObjects();
        _compiler.Emit(plan, _view, own);
        foreach ((VirtualServerKey key, WantedServer server) in own.Servers)
        {
            into.Servers[key] = server;
            owners[key] = service;
        }
        into.Elements.UnionWith(own.Elements);
        into.Addresses.UnionWith(own.Addresses);
        foreach (InetAddress address in own.Addresses)
            _addresses.Count(address, by);
        foreach (InetAddress address in own.Hairpins)
            _hairpins.Count(address, by);
    }

    /// <summary>
    /// Whether connections of a virtual server that goes may go on: if it is still a frontend, only without endpoints, or if nobody else
    /// has its address, that is, a cluster IP, or one with other ports. Other addresses, and ports of the machine's own, may lead elsewhere
    /// from now on.
    /// </summary>
    private bool MayDrain(VirtualServerKey key, ServiceObjects wanted) =>
        wanted.Elements.Contains(new SideElement(PortolanIpvsSet.Frontends, key.Address, key.Protocol, key.Port, default, default))
        || (!_view.IsLocal(key.Address) && (wanted.Addresses.Contains(key.Address)
            || Node.ServiceCidrs.Any(range => range.Contains(key.Address))));

    // Virtual servers that went before, when their last endpoint did.
    private void PlanLostFrontends(ServiceObjects before, ServiceObjects after, PlannedChange change)
    {
        foreach (SideElement element in before.Elements)
        {
            var key = new VirtualServerKey(element.Address, element.Protocol, element.Port);
            if (element.Set != PortolanIpvsSet.Frontends || before.Servers.ContainsKey(key) || after.Servers.ContainsKey(key)
                || MayDrain(key, after) || !Planner.PlanDeletion(key, change))
                continue;
            ServerCount--;
            CountOrphan(key.Address, -1);
        }
    }

    private void PlanServer(WantedServer? before, WantedServer? after, ObjectName owner, bool mayDrain, PlannedChange change)
    {
        VirtualServerKey key = (after ?? before)!.Server.Key;
        bool wasOrphan = Planner.IsOrphan(key);
        Planner.Plan(before, after, owner, mayDrain, change);
        bool isOrphan = Planner.IsOrphan(key);
        if (isOrphan != wasOrphan)
            CountOrphan(key.Address, isOrphan ? +1 : -1);
        ServerCount += (after is not null || isOrphan ? 1 : 0) - (before is not null || wasOrphan ? 1 : 0);
    }

    // Packets of connections that are left have to come here for as long as they last.
    private void CountOrphan(InetAddress address, int by)
    {
        if (!_view.IsLocal(address))
            _addresses.Count(address, by);
    }

    private void PlanShared(PlannedChange change)
    {
        (List<InetAddress> added, List<InetAddress> removed) = _addresses.TakeChanges();
        foreach (InetAddress address in removed)
        {
            change.DeletedRoutes.Add(RouteTo(address));
            if (!_view.IsLocal(address))
                change.TableOf(address.Family).Removed.Add(SideElement.Of(PortolanIpvsSet.Addresses, address));
        }
        foreach (InetAddress address in added)
        {
            change.AddedRoutes.Add(RouteTo(address));
            if (!_view.IsLocal(address))
                change.TableOf(address.Family).Added.Add(SideElement.Of(PortolanIpvsSet.Addresses, address));
        }
        (added, removed) = _hairpins.TakeChanges();
        foreach (InetAddress address in removed)
            change.TableOf(address.Family).Removed.Add(SideElement.Of(PortolanIpvsSet.Hairpin, address));
        foreach (InetAddress address in added)
            change.TableOf(address.Family).Added.Add(SideElement.Of(PortolanIpvsSet.Hairpin, address));
    }

    private void PlanServers(ServiceObjects wanted, Dictionary<VirtualServerKey, ObjectName> owners, IEnumerable<SideTable> tables,
        HashSet<InetAddress> routed, PlannedChange change)
    {
        HashSet<VirtualServerKey> inTables =
        [
            .. tables.SelectMany(static table => table.Elements)
                .Where(static element => element.Set is PortolanIpvsSet.OffCluster or PortolanIpvsSet.Frontends)
                .Select(static element => new VirtualServerKey(element.Address, element.Protocol, element.Port)),
        ];
        Dictionary<VirtualServerKey, VirtualServer> held = _kernel.ReadServers()
            .Where(server => _view.Programs(server.Key.Address.Family)).ToDictionary(static server => server.Key);
        Planner.Keep(held.Keys.ToHashSet());
        IReadOnlyDictionary<VirtualServerKey, List<RealServer>> listed =
            held.Count == 0 ? ReadOnlyDictionary<VirtualServerKey, List<RealServer>>.Empty : _kernel.ReadAllRealServers();
        var udp = ImmutableArray.CreateBuilder<UdpFrontend>();
        foreach ((VirtualServerKey key, VirtualServer server) in held)
        {
            WantedServer? own = wanted.Servers.GetValueOrDefault(key);
            bool isOurs = own is not null || _addresses.Contains(key.Address)
                || ((inTables.Contains(key) || routed.Contains(key.Address)) && !IsExcluded(key.Address));
            if (!isOurs)
                continue;
            if (key.Protocol == IpProtocol.Udp)
                udp.Add(new UdpFrontend(key.Address.Family, _view.IsLocal(key.Address) ? default : key.Address, key.Port));
            Dictionary<InetEndpoint, RealServer> reals = listed.TryGetValue(key, out List<RealServer>? known)
                ? ServerPlanner.ByEndpoint(known)
                : Planner.ReadRealServers(key);
            Planner.Plan(server, reals, own, own is null ? null : owners[key], isCounted: true, MayDrain(key, wanted), change);
        }
        foreach ((VirtualServerKey key, WantedServer server) in wanted.Servers)
        {
            if (!held.ContainsKey(key))
                Planner.Plan(null, [], server, owners[key], isCounted: true, mayDrain: true, change);
        }
        FoundUdpFrontends = udp.ToImmutable();
        ServerCount = wanted.Servers.Count + Planner.Draining.Values.Count(static one => one.IsOrphan);
    }

    private bool IsExcluded(InetAddress address) => _options.ExcludeCidrs.Any(range => range.Contains(address));

    private void PlanRoutes(LocalRoute[] held, PlannedChange change)
    {
        HashSet<LocalRoute> wanted = [.. _addresses.Needed.Select(RouteTo)];
        change.DeletedRoutes.AddRange(held.Where(route => !wanted.Contains(route)));
        wanted.ExceptWith(held);
        change.AddedRoutes.AddRange(wanted);
    }

    private void PlanTable(IpFamily family, SideTable held, ServiceObjects wanted, PlannedChange change)
    {
        HashSet<SideElement> elements =
        [
            .. wanted.Elements.Where(element => element.Family == family),
            .. _addresses.Needed.Where(address => address.Family == family && !_view.IsLocal(address))
                .Select(static address => SideElement.Of(PortolanIpvsSet.Addresses, address)),
            .. _hairpins.Needed.Where(address => address.Family == family)
                .Select(static address => SideElement.Of(PortolanIpvsSet.Hairpin, address)),
        ];
        SideProgram program = SideProgram.Build(new SideInput(family, Node.DetectorOf(family), 1u << _options.MasqueradeBit));
        if (program.IsHeldBy(held))
        {
            change.PlanElements(held.Elements, elements);
            return;
        }
        SideChange whole = change.TableOf(family);
        whole.Program = program;
        whole.ReplacesTable = held.Table is not null;
        whole.Added.AddRange(elements);
    }

    private LocalRoute RouteTo(InetAddress address) =>
        new(address, _kernel.LoopbackIndex, SourceFor(address.Family), PortolanIpvs.RouteProtocol, PortolanIpvs.RouteMetric);

    /// <summary>
    /// The source that the node's own connections to services have: its first address, as the Node object says. Without one their source
    /// would be the service's address (kubernetes#65158).
    /// </summary>
    private InetAddress SourceFor(IpFamily family)
    {
        AddressPlan own = Node.Addresses;
        InetAddress primary = family == IpFamily.IPv4 ? own.PrimaryIPv4 : own.PrimaryIPv6;
        return primary.Family == family
            ? primary
            : own.LocalAddresses.FirstOrDefault(address => address.Family == family && !address.IsLoopback && !address.IsLinkLocal);
    }
}
