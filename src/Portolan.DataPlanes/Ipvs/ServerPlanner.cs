using Portolan.Inet;
using Portolan.Netlink.Ipvs;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// Plans requests for virtual servers, and remembers which endpoints only wait for their last connection. An endpoint that goes gets weight
/// 0, and is deleted once it has no established connection: net.ipv4.vs.expire_nodest_conn would reset those.
/// </summary>
/// <remarks>
/// UDP endpoints keep their flows for as long as they serve, as connection tracking does, which would otherwise send the answers of new
/// ones nowhere; then they go at once, and so do those of SCTP: clients would keep sending to them (kube-proxy: graceful_termination.go).
/// </remarks>
internal sealed class ServerPlanner(IIpvsKernel kernel, TimeProvider time)
{
    /// <summary>How long an endpoint may keep connections after it went.</summary>
    internal static readonly TimeSpan LongestDrain = TimeSpan.FromHours(24);

    private readonly long _started = time.GetTimestamp();
    private readonly Dictionary<VirtualServerKey, DrainingServer> _draining = [];

    /// <summary>Virtual servers with endpoints that wait for their last connection.</summary>
    internal IReadOnlyDictionary<VirtualServerKey, DrainingServer> Draining => _draining;

    private TimeSpan Now => time.GetElapsedTime(_started);

    /// <summary>The addresses of virtual servers that no service has any more.</summary>
    internal IEnumerable<InetAddress> OrphanAddresses =>
        _draining.Values.Where(static one => one.IsOrphan).Select(static one => one.Server.Key.Address);

    /// <summary>True if the kernel still holds a virtual server that no service has any more.</summary>
    internal bool IsOrphan(VirtualServerKey key) => _draining.TryGetValue(key, out DrainingServer? draining) && draining.IsOrphan;

    /// <summary>Plans the change of a virtual server whose real servers follow from what was planned before.</summary>
    /// <param name="before">What was wanted; null for nothing.</param>
    /// <param name="after">What is wanted; null for nothing.</param>
    /// <param name="owner">The service it is for.</param>
    /// <param name="mayDrain">True if, without <paramref name="after"/>, connections may go on.</param>
    /// <param name="change">Where requests go.</param>
    internal void Plan(WantedServer? before, WantedServer? after, ObjectName owner, bool mayDrain, PlannedChange change)
    {
        VirtualServerKey key = (after ?? before)!.Server.Key;
        Dictionary<InetEndpoint, RealServer> held = [];
        _draining.TryGetValue(key, out DrainingServer? draining);
        VirtualServer? server = before?.Server ?? (draining is { IsOrphan: true } ? draining.Server : null);
        // Who still talks to the endpoints of a server that goes is worth one question; for an endpoint that goes the next look tells.
        if (after is null)
        {
            Plan(server, ReadRealServers(key), null, owner, isCounted: true, mayDrain, change);
            return;
        }
        foreach (InetEndpoint endpoint in before?.Endpoints ?? [])
            held[endpoint] = new RealServer(endpoint, 1);
        foreach (InetEndpoint endpoint in draining?.Endpoints.Keys ?? (IEnumerable<InetEndpoint>)[])
            held[endpoint] = new RealServer(endpoint, 0);
        Plan(server, held, after, owner, isCounted: false, mayDrain, change);
    }

    /// <summary>Plans the change of a virtual server from what the kernel holds.</summary>
    /// <param name="server">The virtual server held; null for none.</param>
    /// <param name="held">Its real servers.</param>
    /// <param name="wanted">What is wanted; null for none.</param>
    /// <param name="owner">The service it is for.</param>
    /// <param name="isCounted">True if <paramref name="held"/> says how many connections there are.</param>
    /// <param name="mayDrain">True if, when nothing is wanted, connections may go on.</param>
    /// <param name="change">Where requests go.</param>
    internal void Plan(VirtualServer? server, Dictionary<InetEndpoint, RealServer> held, WantedServer? wanted, ObjectName? owner,
        bool isCounted, bool mayDrain, PlannedChange change)
    {
        if (wanted is null)
        {
            if (server is not null)
                PlanEnd(server, held.Values, mayDrain, change);
            return;
        }
        VirtualServerKey key = wanted.Server.Key;
        if (server is null)
            Ask(ServerVerb.AddServer, default);
        else if (server != wanted.Server)
            Ask(ServerVerb.SetServer, default);
        HashSet<InetEndpoint> endpoints = [.. wanted.Endpoints];
        foreach (InetEndpoint endpoint in wanted.Endpoints)
        {
            if (!held.TryGetValue(endpoint, out RealServer real))
                Ask(ServerVerb.AddReal, new RealServer(endpoint, 1));
            else if (real.Weight != 1 || real.Forwarding > ForwardingMethod.Local)
                Ask(ServerVerb.SetReal, new RealServer(endpoint, 1));
        }
        Dictionary<InetEndpoint, TimeSpan>? before = _draining.Remove(key, out DrainingServer? known) ? known.Endpoints : null;
        var draining = new DrainingServer(wanted.Server);
        foreach (RealServer real in held.Values)
        {
            if (endpoints.Contains(real.Endpoint))
                continue;
            bool canDrain = CanDrain(key) || (key.Protocol == IpProtocol.Udp && wanted.Serving.AsSpan().BinarySearch(real.Endpoint) >= 0);
            if (!canDrain || (isCounted && ConnectionsOf(key, real) == 0))
            {
                Ask(ServerVerb.DeleteReal, real);
                continue;
            }
            if (real.Weight != 0)
                Ask(ServerVerb.SetReal, real with { Weight = 0 });
            draining.Endpoints[real.Endpoint] = DeadlineOf(real.Endpoint, before);
        }
        if (draining.Endpoints.Count > 0)
            _draining[key] = draining;

        void Ask(ServerVerb verb, RealServer real) => change.Requests.Add(new(verb, wanted.Server, real, owner));
    }

    /// <summary>
    /// Plans the deletion of endpoints that have no established connection any more, and of servers without any endpoint.
    /// </summary>
    /// <returns>The addresses of virtual servers that go.</returns>
    internal List<InetAddress> PlanDrained(PlannedChange change)
    {
        List<InetAddress> released = [];
        foreach ((VirtualServerKey key, DrainingServer draining) in _draining.ToArray())
        {
            Dictionary<InetEndpoint, RealServer> held = ReadRealServers(key);
            foreach ((InetEndpoint endpoint, TimeSpan deadline) in draining.Endpoints.ToArray())
            {
                bool isHeld = held.TryGetValue(endpoint, out RealServer real);
                if (isHeld && ConnectionsOf(key, real) > 0 && Now < deadline)
                    continue;
                draining.Endpoints.Remove(endpoint);
                if (isHeld && !draining.IsOrphan)
                    change.Requests.Add(new(ServerVerb.DeleteReal, draining.Server, real, null));
            }
            if (draining.Endpoints.Count > 0)
                continue;
            _draining.Remove(key);
            if (!draining.IsOrphan)
                continue;
            change.Requests.Add(new(ServerVerb.DeleteServer, draining.Server, default, null));
            released.Add(key.Address);
        }
        return released;
    }

    /// <summary>Forgets servers that are not in the kernel any more.</summary>
    internal void Keep(IReadOnlySet<VirtualServerKey> held)
    {
        foreach (VirtualServerKey key in _draining.Keys.ToArray())
        {
            if (!held.Contains(key))
                _draining.Remove(key);
        }
    }

    /// <summary>Plans the deletion of a virtual server that no service has any more, whatever connections it has.</summary>
    /// <returns>False if there is none.</returns>
    internal bool PlanDeletion(VirtualServerKey key, PlannedChange change)
    {
        if (!IsOrphan(key))
            return false;
        _draining.Remove(key, out DrainingServer? draining);
        change.Requests.Add(new(ServerVerb.DeleteServer, draining!.Server, default, null));
        return true;
    }

    /// <summary>The real servers of a virtual server.</summary>
    internal Dictionary<InetEndpoint, RealServer> ReadRealServers(VirtualServerKey key) =>
        ByEndpoint(kernel.ReadRealServers(key));

    /// <summary>Real servers by their endpoints.</summary>
    internal static Dictionary<InetEndpoint, RealServer> ByEndpoint(IReadOnlyList<RealServer> reals) =>
        reals.ToDictionary(static real => real.Endpoint);

    private void PlanEnd(VirtualServer server, IEnumerable<RealServer> held, bool mayDrain, PlannedChange change)
    {
        Dictionary<InetEndpoint, TimeSpan>? before = _draining.Remove(server.Key, out DrainingServer? known) ? known.Endpoints : null;
        var draining = new DrainingServer(server) { IsOrphan = true };
        if (mayDrain && CanDrain(server.Key))
        {
            foreach (RealServer real in held.Where(static real => real.ActiveConnections > 0))
            {
                if (real.Weight != 0)
                    change.Requests.Add(new(ServerVerb.SetReal, server, real with { Weight = 0 }, null));
                draining.Endpoints[real.Endpoint] = DeadlineOf(real.Endpoint, before);
            }
        }
        if (draining.Endpoints.Count == 0)
        {
            change.Requests.Add(new(ServerVerb.DeleteServer, server, default, null));
            return;
        }
        foreach (RealServer real in held.Where(real => !draining.Endpoints.ContainsKey(real.Endpoint)))
            change.Requests.Add(new(ServerVerb.DeleteReal, server, real, null));
        _draining[server.Key] = draining;
    }

    // The kernel calls UDP flows inactive, and forgets them after a time-out.
    private static uint ConnectionsOf(VirtualServerKey key, RealServer real) =>
        key.Protocol == IpProtocol.Udp ? real.ActiveConnections + real.InactiveConnections : real.ActiveConnections;

    private static bool CanDrain(VirtualServerKey key) => key.Protocol == IpProtocol.Tcp;

    private TimeSpan DeadlineOf(InetEndpoint endpoint, Dictionary<InetEndpoint, TimeSpan>? before) =>
        before is not null && before.TryGetValue(endpoint, out TimeSpan deadline) ? deadline : Now + LongestDrain;
}
