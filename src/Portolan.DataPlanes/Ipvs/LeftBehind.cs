using System.Diagnostics;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipsets;
using Portolan.Netlink.Ipvs;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What proxies of mode ipvs, ours and kube-proxy, left on this machine.</summary>
internal sealed class LeftBehind : IDisposable
{
    // Asking for ipsets would load the module.
    private const string IpsetModule = "/sys/module/ip_set";

    // Packets that met the rules of mode ipvs may still be on their path through the kernel when others are in force, and so may answers
    // to datagrams, after which nobody waits any more. First packets are repeated after 1, 3 and 7 s.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_shortestPeriod = TimeSpan.FromSeconds(2), s_longestPeriod = TimeSpan.FromSeconds(30);

    private readonly NetlinkSocket _routeSocket;
    private readonly NetlinkSocket? _ipvsSocket;
    private readonly IpvsTable? _ipvs;
    private readonly RouteReader _routes;

    private LeftBehind(NetlinkSocket routeSocket, NetlinkSocket? ipvsSocket)
    {
        (_routeSocket, _ipvsSocket) = (routeSocket, ipvsSocket);
        _routes = new RouteReader(routeSocket);
        _ipvs = ipvsSocket is null ? null : IpvsTable.Open(ipvsSocket);
    }

    /// <summary>Opens sockets.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal static LeftBehind Open()
    {
        // Asking for the family would load the module.
        bool isLoaded = File.Exists("/proc/net/ip_vs");
        return new LeftBehind(NetlinkSocket.Open(NetlinkProtocol.Route), isLoaded ? NetlinkSocket.Open(NetlinkProtocol.Generic) : null);
    }

    /// <summary>What there is, for the operator.</summary>
    internal IReadOnlyList<string> Find()
    {
        List<string> found = [];
        foreach (NfTableId table in Tables())
            found.Add($"nf_tables table {table}");
        int routes = OurRoutes().Count;
        if (routes > 0)
            found.Add($"{routes} local routes of mode ipvs");
        if (_routes.ReadLinks().Any(static link => link.Name == PortolanIpvs.KubeProxyInterface))
            found.Add($"interface {PortolanIpvs.KubeProxyInterface} of a kube-proxy in mode ipvs");
        return found;
    }

    /// <summary>
    /// Removes the virtual servers, routes and tables of mode ipvs. While another plane serves, which translates new connections before
    /// IPVS sees them, virtual servers and the routes to them stay for as long as they have connections.
    /// </summary>
    /// <remarks>
    /// For the first seconds as they are: at weight 0 the kernel would forget a connection whose client sends its first packet again, even
    /// one whose handshake has ended meanwhile, and what comes next on it would be reset. Then at weight 0, for no new connections.
    /// </remarks>
    /// <param name="inForceFor">How long the rules of another plane have been in force; null if none serves, and everything goes.</param>
    /// <param name="isDone">False if something was left; calling this again removes what has no connections any more.</param>
    /// <returns>One entry for each kind of thing removed.</returns>
    internal IReadOnlyList<string> RemoveOurs(TimeSpan? inForceFor, out bool isDone)
    {
        List<LocalRoute> routes = OurRoutes();
        NfTableId[] tables = [.. Tables()];
        HashSet<InetAddress> addresses = [.. routes.Select(static route => route.Address)];
        HashSet<VirtualServerKey> frontends = [.. tables.SelectMany(Frontends)];
        bool IsOurs(VirtualServerKey key) => addresses.Contains(key.Address) || frontends.Contains(key);

        HashSet<VirtualServerKey> kept = inForceFor is { } time ? Needed(IsOurs, time) : [];
        HashSet<InetAddress> keptAddresses = [.. kept.Select(static key => key.Address)];
        isDone = kept.Count == 0;
        List<string> removed = [];
        int servers = RemoveServers(key => IsOurs(key) && !kept.Contains(key));
        if (servers > 0)
            removed.Add($"{servers} virtual servers of mode ipvs");
        routes.RemoveAll(route => keptAddresses.Contains(route.Address));
        if (routes.Count > 0)
        {
            using var batch = new RouteBatch();
            foreach (LocalRoute route in routes)
                batch.Delete(route);
            batch.Send(_routeSocket);
            removed.Add($"{routes.Count} local routes of mode ipvs");
        }
        if (tables.Length > 0)
        {
            foreach (NfTableId table in tables)
                ReplaceTable(table, kept);
            removed.Add(isDone ? "the nf_tables tables of mode ipvs"
                : $"the rules of mode ipvs; {kept.Count} virtual servers follow when their connections have ended");
        }
        return removed;
    }

    /// <summary>
    /// Goes on removing what <see cref="RemoveOurs"/> left, until nothing is left or the process ends. What is left then harms nothing, and
    /// is found by the next proxy that starts.
    /// </summary>
    internal static async Task RemoveRestAsync()
    {
        long start = Stopwatch.GetTimestamp();
        for (bool isDone = false; !isDone;)
        {
            TimeSpan period = Stopwatch.GetElapsedTime(start) / 10;
            await Task.Delay(period < s_shortestPeriod ? s_shortestPeriod : period > s_longestPeriod ? s_longestPeriod : period)
                .ConfigureAwait(false);
            try
            {
                using var left = Open();
                left.RemoveOurs(Stopwatch.GetElapsedTime(start), out isDone);
            }
            catch (Exception failure) when (failure is NetlinkException or InvalidOperationException)
            {
                // Nobody awaits this; the next look may succeed.
            }
        }
    }

    /// <summary>
    /// Removes what a kube-proxy in mode ipvs left beside its chains: the interface with the addresses of services, virtual servers that
    /// are not ours, at those addresses and at the NodePorts that its ipsets name, and the ipsets.
    /// </summary>
    internal IReadOnlyList<string> RemoveKubeProxys()
    {
        List<string> removed = [];
        if (_routes.ReadLinks().Find(static link => link.Name == PortolanIpvs.KubeProxyInterface) is { } link)
            removed.AddRange(RemoveInterface(link));
        if (Directory.Exists(IpsetModule) && DestroySets() is > 0 and var count)
            removed.Add($"{count} ipsets of a kube-proxy in mode ipvs");
        return removed;
    }

    private IReadOnlyList<string> RemoveInterface(NetworkLink link)
    {
        HashSet<InetAddress> ours = [.. OurRoutes().Select(static route => route.Address)];
        ILookup<bool, InetAddress> addresses = _routes.ReadAddresses()
            .ToLookup(address => address.InterfaceIndex == link.Index, static address => address.Address);
        HashSet<InetAddress> services = [.. addresses[true].Where(address => !ours.Contains(address))];
        HashSet<VirtualServerKey> nodePorts = NodePortsOf([.. addresses[false]]);
        RemoveServers(key => services.Contains(key.Address) || nodePorts.Contains(key));
        using var batch = new RouteBatch();
        batch.DeleteLink(link.Index);
        if (batch.Send(_routeSocket) is [var refusal])
            throw new InvalidOperationException($"the kernel refused to delete interface {PortolanIpvs.KubeProxyInterface}: {refusal}");
        return [$"interface {PortolanIpvs.KubeProxyInterface} of a kube-proxy in mode ipvs"];
    }

    // Virtual servers at addresses of the machine whose ports are NodePorts of kube-proxy, and not ours.
    private HashSet<VirtualServerKey> NodePortsOf(HashSet<InetAddress> machine)
    {
        if (_ipvs is null || !Directory.Exists(IpsetModule))
            return [];
        HashSet<VirtualServerKey> ours = [.. Tables().SelectMany(Frontends)];
        VirtualServerKey[] candidates =
        [
            .. _ipvs.ReadServers().Select(static server => server.Key).Where(key => machine.Contains(key.Address) && !ours.Contains(key)),
        ];
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        var sets = new IpsetTable(socket);
        HashSet<VirtualServerKey> found = [];
        foreach (IpProtocol protocol in (ReadOnlySpan<IpProtocol>)[IpProtocol.Tcp, IpProtocol.Udp])
        {
            VirtualServerKey[] own = [.. candidates.Where(key => key.Protocol == protocol)];
            foreach (string set in KubeProxyIpvsLeftovers.NodePortSets(isTcp: protocol == IpProtocol.Tcp))
            {
                IReadOnlySet<ushort> held = sets.Holds(set, [.. own.Select(static key => key.Port).Distinct()]);
                found.UnionWith(own.Where(key => held.Contains(key.Port)));
            }
        }
        return found;
    }

    private static int DestroySets()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        return new IpsetTable(socket).Destroy(KubeProxyIpvsLeftovers.Sets);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _routeSocket.Dispose();
        _ipvsSocket?.Dispose();
    }

    /// <summary>
    /// The servers that connections need which began before the rules of another plane were in force: all of them at first, then those of
    /// TCP until IPVS has forgotten the last one. Datagrams and SCTP have no end that IPVS sees: the next packet begins a new flow.
    /// </summary>
    private HashSet<VirtualServerKey> Needed(Func<VirtualServerKey, bool> isOurs, TimeSpan inForceFor)
    {
        if (_ipvs is null || inForceFor >= ServerPlanner.LongestDrain)
            return [];
        IEnumerable<VirtualServerKey> ours = _ipvs.ReadServers().Select(static server => server.Key).Where(isOurs);
        if (inForceFor < s_grace)
            return [.. ours];
        IReadOnlyDictionary<VirtualServerKey, List<RealServer>> listed = IpvsListing.ReadAll();
        HashSet<VirtualServerKey> needed = [];
        using var batch = new IpvsBatch(_ipvs.Family);
        foreach (VirtualServerKey key in ours.Where(static key => key.Protocol == IpProtocol.Tcp))
        {
            List<RealServer> reals = listed.TryGetValue(key, out List<RealServer>? found) ? found : [.. _ipvs.ReadRealServers(key)];
            if (!reals.Exists(static real => real.ActiveConnections + real.InactiveConnections > 0))
                continue;
            needed.Add(key);
            // A frontend that the cluster deletes now is translated by nobody, and must not be served on for as long as an old connection
            // lasts.
            foreach (RealServer real in reals.Where(static real => real.Weight != 0))
                batch.Set(key, real with { Weight = 0 });
        }
        _ipvs.Send(batch);
        return needed;
    }

    // A table without rules says whose the servers are that are left.
    private static void ReplaceTable(NfTableId table, HashSet<VirtualServerKey> kept)
    {
        IpFamily family = table.Family == NfFamily.IPv4 ? IpFamily.IPv4 : IpFamily.IPv6;
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        using var transaction = new NfTransaction();
        VirtualServerKey[] own = [.. kept.Where(key => key.Address.Family == family)];
        if (own.Length > 0 && new NfReader(socket).ReadChains(table).Count == 0 && Frontends(table).ToHashSet().SetEquals(own))
            return;
        if (own.Length == 0)
        {
            transaction.DeleteTable(table);
        }
        else
        {
            var change = new SideChange
            {
                Program = SideProgram.Build(new SideInput(family, LocalDetector.None, MasqueradeMark: 1)) with { Chains = [], Rules = [] },
                ReplacesTable = true,
            };
            change.Added.AddRange(own.Select(static key =>
                new SideElement(PortolanIpvsSet.Frontends, key.Address, key.Protocol, key.Port, default, default)));
            change.WriteTo(transaction, table);
        }
        CommitResult result = transaction.Commit(socket);
        if (!result.IsCommitted)
            throw new InvalidOperationException($"the kernel refused to delete table {table}: {string.Join("; ", result.Refusals)}");
    }

    private int RemoveServers(Func<VirtualServerKey, bool> isWanted)
    {
        if (_ipvs is null)
            return 0;
        using var batch = new IpvsBatch(_ipvs.Family);
        foreach (VirtualServer server in _ipvs.ReadServers().Where(server => isWanted(server.Key)))
            batch.Delete(server.Key);
        int count = batch.Count;
        _ipvs.Send(batch);
        return count;
    }

    private List<LocalRoute> OurRoutes() =>
    [
        .. _routes.ReadLocalRoutes(IpFamily.IPv4).Concat(_routes.ReadLocalRoutes(IpFamily.IPv6))
            .Where(static route => route.Protocol == PortolanIpvs.RouteProtocol),
    ];

    private static IEnumerable<NfTableId> Tables()
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            return [.. new NfReader(socket).ReadTables().Select(static table => table.Id)
                .Where(static id => id.Name == PortolanIpvs.TableName)];
        }
        catch (NetlinkException)
        {
            // Without nf_tables there are none.
            return [];
        }
    }

    private static IEnumerable<VirtualServerKey> Frontends(NfTableId table)
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        using var held = new SideTables(socket);
        HashSet<SideElement> elements = held.ReadElements(table.Family == NfFamily.IPv4 ? IpFamily.IPv4 : IpFamily.IPv6,
            [PortolanIpvsSet.OffCluster, PortolanIpvsSet.Frontends]);
        return elements.Select(static element => new VirtualServerKey(element.Address, element.Protocol, element.Port));
    }
}
