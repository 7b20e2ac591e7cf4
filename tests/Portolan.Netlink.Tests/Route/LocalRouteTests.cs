using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Route;

namespace Portolan.Netlink.Tests.Route;

public sealed class LocalRouteTests : IDisposable
{
    private const byte Protocol = 112;
    private const uint Metric = 1024;

    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NetlinkSocket _socket;
    private readonly int _loopback;

    public LocalRouteTests()
    {
        _socket = _network.Open(NetlinkProtocol.Route);
        _network.Run("ip", "link", "set", "lo", "up");
        _network.Run("ip", "link", "add", "br0", "type", "bridge");
        _network.Run("ip", "addr", "add", "192.168.0.2/24", "dev", "br0");
        _network.Run("ip", "addr", "add", "fd00::2/64", "dev", "br0", "nodad");
        _network.Run("ip", "link", "set", "br0", "up");
        _loopback = new RouteReader(_socket).ReadLinks().Single(static link => link.IsLoopback).Index;
    }

    [Theory]
    [InlineData("10.96.0.1", "192.168.0.2")]
    [InlineData("fd00:96::1", "fd00::2")]
    public void A_route_is_read_as_it_was_added_and_gone_when_it_was_deleted(string address, string source)
    {
        LocalRoute route = Route(address, source);
        using var batch = new RouteBatch();
        batch.Add(route);
        Assert.Empty(batch.Send(_socket));
        Assert.Equal([route], Ours(route.Address.Family));
        Assert.Contains($"src {source}", _network.Run("ip", "route", "get", address));

        batch.Add(route);
        batch.Delete(route);
        batch.Delete(route);
        Assert.Equal([(0, Errno.EEXIST), (2, Errno.ESRCH)],
            batch.Send(_socket).Select(static refusal => (refusal.Index, refusal.Errno)));
        Assert.Empty(Ours(route.Address.Family));
    }

    [Fact]
    public void A_source_that_the_host_does_not_have_is_refused()
    {
        using var batch = new RouteBatch();
        batch.Add(Route("10.96.0.1", "192.168.0.99"));
        Assert.Equal([Errno.EINVAL], batch.Send(_socket).Select(static refusal => refusal.Errno));
    }

    // The metric is what keeps the two apart: with the same one ours would come first, or theirs would be deleted.
    [Fact]
    public void The_kernels_own_route_to_an_address_of_an_interface_stays_in_use()
    {
        using var batch = new RouteBatch();
        batch.Add(Route("192.168.0.2", "192.168.0.2"));
        Assert.Empty(batch.Send(_socket));
        Assert.DoesNotContain("112", _network.Run("ip", "route", "get", "192.168.0.2"));
        batch.Delete(Route("192.168.0.2", "192.168.0.2"));
        Assert.Empty(batch.Send(_socket));
        Assert.Contains(new RouteReader(_socket).ReadLocalRoutes(IpFamily.IPv4),
            static route => route.Address == InetAddress.Parse("192.168.0.2"));
    }

    [Fact]
    public async Task Who_adds_and_deletes_a_route_is_told()
    {
        using RouteMonitor monitor = RouteMonitor.OpenLocalRoutes(new NetlinkSocketOptions { NetworkNamespace = _network.Path });
        LocalRoute route = Route("10.96.0.1", "192.168.0.2");
        using var batch = new RouteBatch();
        batch.Add(route);
        Assert.Empty(batch.Send(_socket));
        _network.Run("ip", "route", "del", "local", "10.96.0.1", "dev", "lo", "table", "local");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        List<LocalRouteEvent> told = [];
        await foreach (RouteEvent happened in monitor.ReadAllAsync(limit.Token))
        {
            if (happened is LocalRouteEvent one)
                told.Add(one);
            if (told.Count == 2)
                break;
        }
        Assert.Equal([(false, route), (true, route)], told.Select(static one => (one.Deleted, one.Route)));
        Assert.Equal(_socket.PortId, told[0].PortId);
        Assert.NotEqual(_socket.PortId, told[1].PortId);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _network.Dispose();
    }

    private LocalRoute Route(string address, string source) =>
        new(InetAddress.Parse(address), _loopback, InetAddress.Parse(source), Protocol, Metric);

    private IEnumerable<LocalRoute> Ours(IpFamily family) =>
        new RouteReader(_socket).ReadLocalRoutes(family).Where(static route => route.Protocol == Protocol);
}
