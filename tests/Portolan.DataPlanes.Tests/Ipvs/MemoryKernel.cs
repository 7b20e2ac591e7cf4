using Portolan.DataPlanes.Ipvs;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;

namespace Portolan.DataPlanes.Tests.Ipvs;

/// <summary>A kernel that answers as Linux does, refuses what Linux refuses, and counts what it is asked.</summary>
internal sealed class MemoryKernel : IIpvsKernel
{
    private readonly Dictionary<VirtualServerKey, (VirtualServer Server, SortedDictionary<InetEndpoint, RealServer> Reals)> _servers = [];
    private readonly HashSet<LocalRoute> _routes = [];
    private readonly Dictionary<IpFamily, (SideProgram Program, HashSet<SideElement> Elements)> _tables = [];

    public int LoopbackIndex => 1;

    /// <summary>Messages about servers and routes since it was set to 0.</summary>
    public int Messages { get; set; }

    /// <summary>Questions since it was set to 0.</summary>
    public int Questions { get; set; }

    /// <summary>Schedulers that this kernel lacks.</summary>
    public HashSet<string> MissingSchedulers { get; } = [];

    public IpvsTimeouts Timeouts { get; private set; }

    public IReadOnlyList<VirtualServer> ReadServers()
    {
        Questions++;
        return [.. _servers.Values.Select(static entry => entry.Server)];
    }

    public IReadOnlyList<RealServer> ReadRealServers(VirtualServerKey server)
    {
        Questions++;
        return _servers.TryGetValue(server, out var entry) ? [.. entry.Reals.Values] : [];
    }

    /// <summary>Virtual servers that the list of all real servers leaves out.</summary>
    public HashSet<VirtualServerKey> Unlisted { get; } = [];

    public IReadOnlyDictionary<VirtualServerKey, List<RealServer>> ReadAllRealServers()
    {
        Questions++;
        return _servers.Where(entry => !Unlisted.Contains(entry.Key))
            .ToDictionary(static entry => entry.Key, static entry => entry.Value.Reals.Values.ToList());
    }

    public IReadOnlyList<RequestRefusal> Send(IReadOnlyList<ServerRequest> requests)
    {
        Messages += requests.Count;
        List<RequestRefusal> refusals = [];
        for (int i = 0; i < requests.Count; i++)
        {
            if (Do(requests[i]) is { Number: not 0 } errno)
                refusals.Add(new RequestRefusal(i, errno, null));
        }
        return refusals;
    }

    public IReadOnlyList<LocalRoute> ReadRoutes(IpFamily family) => [.. _routes.Where(route => route.Address.Family == family)];

    public IReadOnlyList<RequestRefusal> ChangeRoutes(IReadOnlyList<LocalRoute> deleted, IReadOnlyList<LocalRoute> added)
    {
        Messages += deleted.Count + added.Count;
        List<RequestRefusal> refusals = [];
        for (int i = 0; i < deleted.Count; i++)
        {
            if (!_routes.Remove(deleted[i]))
                refusals.Add(new RequestRefusal(i, Errno.ESRCH, null));
        }
        for (int i = 0; i < added.Count; i++)
        {
            if (!_routes.Add(added[i]))
                refusals.Add(new RequestRefusal(deleted.Count + i, Errno.EEXIST, null));
        }
        return refusals;
    }

    public SideTable ReadTable(IpFamily family)
    {
        if (!_tables.TryGetValue(family, out var table))
            return new SideTable();
        var held = new SideTable
        {
            Table = table.Program.Table,
            Sets = table.Program.Sets,
            Chains = table.Program.Chains,
            Rules = SideProgram.Ordered(table.Program.Rules),
        };
        held.Elements.UnionWith(table.Elements);
        return held;
    }

    public CommitResult Commit(IpFamily family, SideChange change)
    {
        if (change.Program is { } program)
        {
            Assert.Equal(change.ReplacesTable, _tables.ContainsKey(family));
            _tables[family] = (program, []);
        }
        HashSet<SideElement> elements = _tables[family].Elements;
        foreach (SideElement element in change.Removed)
            Assert.True(elements.Remove(element), $"{element} is removed and is not there");
        foreach (SideElement element in change.Added)
            Assert.True(elements.Add(element), $"{element} is added twice");
        return CommitResult.Committed;
    }

    public void SetTimeouts(IpvsTimeouts timeouts) => Timeouts = timeouts;

    /// <summary>Connections of an endpoint begin or end.</summary>
    public void Connect(VirtualServerKey server, InetEndpoint endpoint, uint active) =>
        _servers[server].Reals[endpoint] = _servers[server].Reals[endpoint] with { ActiveConnections = active };

    /// <summary>Everything there is, as text.</summary>
    public string Describe() => string.Join('\n',
    [
        .. _servers.Values.SelectMany(static entry => entry.Reals.Values
                .Select(real => $"{entry.Server.Key} -> {real.Endpoint} weight {real.Weight}")
                .Append($"{entry.Server}")).Order(StringComparer.Ordinal),
        .. _routes.Select(static route => $"{route}").Order(StringComparer.Ordinal),
        .. _tables.Values.SelectMany(static table =>
            table.Elements.Select(static element => $"{element} {element.Source} {element.Target}"))
            .Order(StringComparer.Ordinal),
    ]);

    public void Dispose()
    {
    }

    private Errno Do(in ServerRequest request)
    {
        VirtualServerKey key = request.Server.Key;
        bool isThere = _servers.TryGetValue(key, out var entry);
        bool isScheduled = !MissingSchedulers.Contains(request.Server.Scheduler);
        switch (request.Verb)
        {
            case ServerVerb.AddServer when isThere:
                return Errno.EEXIST;
            case ServerVerb.AddServer or ServerVerb.SetServer when !isScheduled:
                return Errno.ENOENT;
            case ServerVerb.AddServer:
                _servers[key] = (request.Server, []);
                return default;
            case var _ when !isThere:
                return Errno.ESRCH;
            case ServerVerb.SetServer:
                _servers[key] = (request.Server, entry.Reals);
                return default;
            case ServerVerb.DeleteServer:
                _servers.Remove(key);
                return default;
            case ServerVerb.AddReal:
                return entry.Reals.TryAdd(request.Real.Endpoint, request.Real) ? default : Errno.EEXIST;
            case var _ when !entry.Reals.ContainsKey(request.Real.Endpoint):
                return Errno.ENOENT;
            case ServerVerb.SetReal:
                entry.Reals[request.Real.Endpoint] = entry.Reals[request.Real.Endpoint] with { Weight = request.Real.Weight };
                return default;
            default:
                entry.Reals.Remove(request.Real.Endpoint);
                return default;
        }
    }
}
