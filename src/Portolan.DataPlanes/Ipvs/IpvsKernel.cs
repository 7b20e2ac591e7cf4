using System.Collections.ObjectModel;
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
    private readonly bool _isElsewhere;
    private readonly NetlinkSocket _ipvsSocket, _routeSocket, _tableSocket;
    private readonly IpvsTable _ipvs;
    private readonly IpvsBatch _batch;
    private readonly RouteBatch _routes = new();
    private readonly RouteReader _routeReader;
    private readonly SideTables _tables;

    /// <param name="networkNamespace">Network namespace by name or path; null for the process's own.</param>
    /// <exception cref="NetlinkException">The kernel has no IPVS, or the process may not use it.</exception>
    internal IpvsKernel(string? networkNamespace = null)
    {
        _isElsewhere = networkNamespace is not null;
        var options = new NetlinkSocketOptions { NetworkNamespace = networkNamespace };
        _ipvsSocket = NetlinkSocket.Open(NetlinkProtocol.Generic, options);
        _ipvs = IpvsTable.Open(_ipvsSocket) ?? throw new NetlinkException("open IPVS", Errno.ENOENT);
        _routeSocket = NetlinkSocket.Open(NetlinkProtocol.Route, options);
        _tableSocket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, options);
        _batch = new IpvsBatch(_ipvs.Family);
        _routeReader = new RouteReader(_routeSocket);
        _tables = new SideTables(_tableSocket);
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
    public IReadOnlyDictionary<VirtualServerKey, List<RealServer>> ReadAllRealServers() =>
        _isElsewhere ? ReadOnlyDictionary<VirtualServerKey, List<RealServer>>.Empty : IpvsListing.ReadAll();

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
    public SideTable ReadTable(IpFamily family) => _tables.Read(family);

    /// <inheritdoc/>
    public CommitResult Commit(IpFamily family, SideChange change) => _tables.Commit(family, change);

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
        _tables.Dispose();
    }
}
