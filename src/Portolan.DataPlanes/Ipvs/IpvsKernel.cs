using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>The real kernel, over a netlink socket for each of its parts.</summary>
internal sealed class IpvsKernel : IIpvsKernel
{
    private readonly NetlinkSocket _ipvsSocket, _routeSocket, _tableSocket;
    private readonly IpvsTable _ipvs;
    private readonly IpvsBatch _batch;
    private readonly RouteBatch _routes = new();
    private readonly NfTransaction _transaction = new();
    private readonly RouteReader _routeReader;
    private readonly NfReader _tableReader;

    /// <param name="networkNamespace">Network namespace by name or path; null for the process's own.</param>
    /// <exception cref="NetlinkException">The kernel has no IPVS, or the process may not use it.</exception>
    internal IpvsKernel(string? networkNamespace = null)
    {
        var options = new NetlinkSocketOptions { NetworkNamespace = networkNamespace };
        _ipvsSocket = NetlinkSocket.Open(NetlinkProtocol.Generic, options);
        _ipvs = IpvsTable.Open(_ipvsSocket) ?? throw new NetlinkException("open IPVS", Errno.ENOENT);
        _routeSocket = NetlinkSocket.Open(NetlinkProtocol.Route, options);
        _tableSocket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, options);
        _batch = new IpvsBatch(_ipvs.Family);
        _routeReader = new RouteReader(_routeSocket);
        _tableReader = new NfReader(_tableSocket);
        LoopbackIndex = _routeReader.ReadLinks().First(static link => link.IsLoopback).Index;
    }

    /// <inheritdoc/>
    public int LoopbackIndex { get; }

    /// <summary>The port id that is in the notifications of our changes of the table.</summary>
    internal uint TablePort => _tableSocket.PortId;

    /// <summary>The port id that is in the notifications of our changes of routes.</summary>
    internal uint RoutePort => _routeSocket.PortId;

    /// <inheritdoc/>
    public IReadOnlyList<VirtualServer> ReadServers() => _ipvs.ReadServers();

    /// <inheritdoc/>
    public IReadOnlyList<RealServer> ReadRealServers(VirtualServerKey server) => _ipvs.ReadRealServers(server);

    /// <inheritdoc/>
    public IReadOnlyList<RequestRefusal> Send(IReadOnlyList<ServerRequest> requests)
    {
        foreach (ServerRequest request in requests)
        {
            switch (request.Verb)
            {
                case ServerVerb.AddServer: _batch.Add(request.Server); break;
                case ServerVerb.SetServer: _batch.Set(request.Server); break;
                case ServerVerb.DeleteServer: _batch.Delete(request.Server.Key); break;
                case ServerVerb.AddReal: _batch.Add(request.Server.Key, request.Real); break;
                case ServerVerb.SetReal: _batch.Set(request.Server.Key, request.Real); break;
                default: _batch.Delete(request.Server.Key, request.Real); break;
            }
        }
        return _ipvs.Send(_batch);
    }

    /// <inheritdoc/>
    public IReadOnlyList<LocalRoute> ReadRoutes(IpFamily family) =>
        _routeReader.ReadLocalRoutes(family).FindAll(static route => route.Protocol == PortolanIpvs.RouteProtocol);

    /// <inheritdoc/>
    public IReadOnlyList<RequestRefusal> ChangeRoutes(IReadOnlyList<LocalRoute> deleted, IReadOnlyList<LocalRoute> added)
    {
        foreach (LocalRoute route in deleted)
            _routes.Delete(route);
        foreach (LocalRoute route in added)
            _routes.Add(route);
        return _routes.Send(_routeSocket);
    }

    /// <inheritdoc/>
    public SideTable ReadTable(IpFamily family)
    {
        NfTableId id = SideProgram.TableOf(family);
        if (_tableReader.ReadTables(id.Family).Find(table => table.Id == id) is not { } table)
            return new SideTable();
        List<NfSet> sets = _tableReader.ReadSets(id);
        var held = new SideTable
        {
            Table = table,
            Sets = [.. sets],
            Chains = [.. _tableReader.ReadChains(id).Select(static chain => chain with { Handle = 0, Use = 0, Counter = null })],
            Rules = SideProgram.Ordered(
                _tableReader.ReadRules(id).Select(static rule => rule with { Handle = 0, PreviousHandle = 0 })),
        };
        held.Elements.UnionWith(ReadElements(_tableReader, family,
            Enum.GetValues<PortolanIpvsSet>().Where(set => sets.Exists(one => one.Name == PortolanIpvs.NameOf(set)))));
        return held;
    }

    /// <summary>The elements of some sets of a family's table; none of a set that does not exist.</summary>
    internal static HashSet<SideElement> ReadElements(NfReader reader, IpFamily family, IEnumerable<PortolanIpvsSet> sets)
    {
        HashSet<SideElement> elements = [];
        foreach (PortolanIpvsSet set in sets)
        {
            var collector = new Collector(elements, family, set);
            reader.ReadElements(SideProgram.TableOf(family), PortolanIpvs.NameOf(set), ref collector);
        }
        return elements;
    }

    /// <inheritdoc/>
    public CommitResult Commit(IpFamily family, SideChange change)
    {
        const int kept = 1 << 16;
        _transaction.Reset();
        change.WriteTo(_transaction, SideProgram.TableOf(family));
        CommitResult result = _transaction.Commit(_tableSocket);
        _transaction.Trim(kept);
        return result;
    }

    /// <inheritdoc/>
    public void SetTimeouts(IpvsTimeouts timeouts) => _ipvs.SetTimeouts(timeouts);

    /// <inheritdoc/>
    public void Dispose()
    {
        _ipvsSocket.Dispose();
        _routeSocket.Dispose();
        _tableSocket.Dispose();
        _batch.Dispose();
        _routes.Dispose();
        _transaction.Dispose();
    }

    private readonly struct Collector(HashSet<SideElement> into, IpFamily family, PortolanIpvsSet set) : INfElementVisitor
    {
        // Elements of one set are read at a time: what an interrupted reading left is that set's alone.
        public void Start()
        {
            PortolanIpvsSet own = set;
            into.RemoveWhere(element => element.Set == own);
        }

        public void Visit(in NfElement element)
        {
            if (SideElementCodec.TryRead(family, set, element, out SideElement read))
                into.Add(read);
        }
    }
}
