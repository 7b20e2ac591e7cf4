using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What proxies of mode ipvs, ours and kube-proxy, left on this machine.</summary>
internal sealed class LeftBehind : IDisposable
{
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

    /// <summary>Opens sockets; null where nothing can have been left, because this kernel's IPVS was never loaded.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal static LeftBehind? Open()
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

    /// <summary>Removes the virtual servers, routes and tables of mode ipvs.</summary>
    /// <returns>One entry for each kind of thing removed.</returns>
    internal IReadOnlyList<string> RemoveOurs()
    {
        List<string> removed = [];
        List<LocalRoute> routes = OurRoutes();
        NfTableId[] tables = [.. Tables()];
        HashSet<InetAddress> addresses = [.. routes.Select(static route => route.Address)];
        HashSet<VirtualServerKey> frontends = [.. tables.SelectMany(Frontends)];
        int servers = RemoveServers(key => addresses.Contains(key.Address) || frontends.Contains(key));
        if (servers > 0)
            removed.Add($"{servers} virtual servers of mode ipvs");
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
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            using var transaction = new NfTransaction();
            foreach (NfTableId table in tables)
                transaction.DeleteTable(table);
            CommitResult result = transaction.Commit(socket);
            if (!result.IsCommitted)
                throw new InvalidOperationException($"the kernel refused to delete the tables of mode ipvs: {string.Join("; ", result.Refusals)}");
            removed.Add("the nf_tables tables of mode ipvs");
        }
        return removed;
    }

    /// <summary>
    /// Removes kube-proxy's interface with the addresses of services, and its virtual servers at addresses that have no route of ours.
    /// </summary>
    internal IReadOnlyList<string> RemoveKubeProxys()
    {
        if (_routes.ReadLinks().Find(static link => link.Name == PortolanIpvs.KubeProxyInterface) is not { } link)
            return [];
        HashSet<InetAddress> ours = [.. OurRoutes().Select(static route => route.Address)];
        HashSet<InetAddress> addresses =
        [
            .. _routes.ReadAddresses().Where(address => address.InterfaceIndex == link.Index && !ours.Contains(address.Address))
                .Select(static address => address.Address),
        ];
        RemoveServers(key => addresses.Contains(key.Address));
        using var batch = new RouteBatch();
        batch.DeleteLink(link.Index);
        if (batch.Send(_routeSocket) is [var refusal])
            throw new InvalidOperationException($"the kernel refused to delete interface {PortolanIpvs.KubeProxyInterface}: {refusal}");
        return [$"interface {PortolanIpvs.KubeProxyInterface} of a kube-proxy in mode ipvs"];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _routeSocket.Dispose();
        _ipvsSocket?.Dispose();
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
            return [.. new NfReader(socket).ReadTables().Select(static table => table.Id).Where(static id => id.Name == PortolanIpvs.TableName)];
        }
        catch (NetlinkException)
        {
            // Without nf_tables there are none.
            return [];
        }
    }

    private static IEnumerable<VirtualServerKey> Frontends(NfTableId table)
    {
        using var kernel = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        IpFamily family = table.Family == NfFamily.IPv4 ? IpFamily.IPv4 : IpFamily.IPv6;
        HashSet<SideElement> elements = IpvsKernel.ReadElements(new NfReader(kernel), family,
            [PortolanIpvsSet.OffCluster, PortolanIpvsSet.Frontends]);
        return elements.Select(static element => new VirtualServerKey(element.Address, element.Protocol, element.Port));
    }
}
