using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Route;

namespace Portolan.Netlink.Tests.Route;

public sealed class RouteTests : IDisposable
{
    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NetlinkSocket _socket;

    public RouteTests() => _socket = _network.Open(NetlinkProtocol.Route);

    [Fact]
    public void Interfaces_and_addresses_are_those_that_ip_set_up()
    {
        _network.Run("ip", "link", "add", "br0", "type", "bridge");
        _network.Run("ip", "link", "add", "pod0", "type", "veth", "peer", "name", "pod1");
        _network.Run("ip", "link", "set", "pod0", "master", "br0", "up");
        _network.Run("ip", "addr", "add", "10.1.0.1/16", "dev", "br0");
        _network.Run("ip", "addr", "add", "10.9.0.1", "peer", "10.9.0.2/32", "dev", "pod0");
        _network.Run("ip", "addr", "add", "fd00::1/64", "dev", "br0", "nodad");
        _network.Run("ip", "addr", "add", "169.254.3.4/32", "dev", "br0", "scope", "link");

        var reader = new RouteReader(_socket);
        List<NetworkLink> links = reader.ReadLinks();
        NetworkLink bridge = links.Single(link => link.Name == "br0");
        NetworkLink pod = links.Single(link => link.Name == "pod0");
        Assert.Equal((false, false, 0), (bridge.IsUp, bridge.IsLoopback, bridge.Master));
        Assert.Equal((true, false, bridge.Index), (pod.IsUp, pod.IsLoopback, pod.Master));
        Assert.True(links.Single(link => link.Name == "lo").IsLoopback);

        Assert.Equal(
            [
                new LocalAddress(InetAddress.Parse("10.1.0.1"), 16, bridge.Index, "br0", AddressScope.Universe, AddressFlags.Permanent),
                // Of the two ends of a point-to-point link, ours.
                new LocalAddress(InetAddress.Parse("10.9.0.1"), 32, pod.Index, "pod0", AddressScope.Universe, AddressFlags.Permanent),
                new LocalAddress(InetAddress.Parse("169.254.3.4"), 32, bridge.Index, "br0", AddressScope.Link, AddressFlags.Permanent),
                new LocalAddress(InetAddress.Parse("fd00::1"), 64, bridge.Index, "br0", AddressScope.Universe,
                    AddressFlags.Permanent | AddressFlags.NoDuplicateDetection),
            ],
            reader.ReadAddresses().Where(address => !address.Address.IsLinkLocal || address.Address.Family == IpFamily.IPv4)
                .OrderBy(address => address.Address));
    }

    [Fact]
    public async Task Addresses_that_come_and_go_are_told_with_their_interface()
    {
        using RouteMonitor monitor = RouteMonitor.Open(new NetlinkSocketOptions { NetworkNamespace = _network.Path });
        _network.Run("ip", "link", "add", "dummy9", "type", "bridge");
        _network.Run("ip", "addr", "add", "10.1.0.1/16", "dev", "dummy9");
        _network.Run("ip", "addr", "del", "10.1.0.1/16", "dev", "dummy9");
        _network.Run("ip", "link", "del", "dummy9");

        var told = new List<string>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        await foreach (RouteEvent happened in monitor.ReadAllAsync(limit.Token))
        {
            string text = happened switch
            {
                LinkEvent link => $"{(link.Deleted ? "-" : "+")}{link.Link.Name}",
                AddressEvent address => $"{(address.Deleted ? "-" : "+")}{address.Address.Address} {address.Address.InterfaceName}",
                _ => "lost",
            };
            if (!told.Contains(text))
                told.Add(text);
            if (text == "-dummy9")
                break;
        }
        Assert.Equal(["+dummy9", "+10.1.0.1 dummy9", "-10.1.0.1 dummy9", "-dummy9"], told);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _network.Dispose();
    }
}
