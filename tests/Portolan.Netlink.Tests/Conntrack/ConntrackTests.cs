using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;

namespace Portolan.Netlink.Tests.Conntrack;

public sealed class ConntrackTests : IDisposable
{
    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NetlinkSocket _socket;
    private readonly ConntrackTable _table;

    public ConntrackTests()
    {
        Tools.Require("conntrack");
        _socket = _network.Open();
        _table = new ConntrackTable(_socket);
        // A DNS query to a service, translated to an endpoint; the same to another endpoint; TCP; IPv6; ICMP.
        Insert("udp", "10.244.1.9", "172.30.0.10", "--sport 40000 --dport 53", "--dst-nat 10.244.2.5:5353 --mark 7");
        Insert("udp", "10.244.1.9", "172.30.0.10", "--sport 40001 --dport 53", "--dst-nat 10.244.2.6:5353 --zone 3");
        Insert("tcp", "10.244.1.9", "172.30.0.10", "--sport 40002 --dport 53", "--state ESTABLISHED -u SEEN_REPLY");
        Insert("udp", "fd00::9", "fd00:30::10", "--sport 40003 --dport 53", "");
        Insert("icmp", "10.244.1.9", "172.30.0.10", "--icmp-type 8 --icmp-code 0 --icmp-id 77", "");
    }

    [Fact]
    public void A_connection_has_its_tuples_before_and_after_translation()
    {
        ConntrackEntry entry =
            Assert.Single(_table.Read(new ConntrackFilter { ReplySource = InetAddress.Parse("10.244.2.5"), Family = IpFamily.IPv4 }));
        Assert.Equal(Tuple(IpProtocol.Udp, "10.244.1.9", "172.30.0.10", 40000, 53), entry.Original);
        Assert.Equal(Tuple(IpProtocol.Udp, "10.244.2.5", "10.244.1.9", 5353, 40000), entry.Reply);
        Assert.Equal((7u, (ushort)0), (entry.Mark, entry.Zone));
        Assert.True(entry.Status.HasFlag(ConntrackStatus.DestinationNat | ConntrackStatus.Confirmed));
        Assert.InRange(entry.TimeoutSeconds, 1u, 600u);
        Assert.NotEqual(0u, entry.Id);
    }

    [Theory]
    [InlineData(IpFamily.None, IpProtocol.None, null, null, null, 5)]
    [InlineData(IpFamily.IPv4, IpProtocol.None, null, null, null, 4)]
    [InlineData(IpFamily.IPv6, IpProtocol.None, null, null, null, 1)]
    [InlineData(IpFamily.IPv4, IpProtocol.Udp, null, null, null, 2)]
    [InlineData(IpFamily.None, IpProtocol.Udp, null, null, null, 3)]
    [InlineData(IpFamily.IPv4, IpProtocol.Udp, "172.30.0.10", 53, null, 2)]
    [InlineData(IpFamily.IPv4, IpProtocol.Udp, "172.30.0.10", 54, null, 0)]
    [InlineData(IpFamily.IPv4, IpProtocol.Udp, "172.30.0.11", null, null, 0)]
    [InlineData(IpFamily.IPv4, IpProtocol.None, "172.30.0.10", 53, null, 3)]
    [InlineData(IpFamily.IPv4, IpProtocol.Udp, "172.30.0.10", 53, "10.244.2.6", 1)]
    [InlineData(IpFamily.IPv6, IpProtocol.Udp, "fd00:30::10", null, null, 1)]
    [InlineData(IpFamily.IPv6, IpProtocol.Udp, "fd00:30::11", null, null, 0)]
    [InlineData(IpFamily.IPv6, IpProtocol.Udp, null, 53, null, 1)]
    [InlineData(IpFamily.IPv6, IpProtocol.Udp, "fd00:30::10", 53, "fd00:30::10", 1)]
    public void Only_connections_that_match_the_filter_are_read(
        IpFamily family, IpProtocol protocol, string? destination, int? port, string? replySource, int expected)
    {
        var filter = new ConntrackFilter
        {
            Family = family,
            Protocol = protocol,
            OriginalDestination = destination is null ? null : InetAddress.Parse(destination),
            OriginalDestinationPort = (ushort?)port,
            ReplySource = replySource is null ? null : InetAddress.Parse(replySource),
        };
        Assert.Equal(expected, _table.Read(filter).Count);
    }

    [Theory]
    [InlineData(IpFamily.None, IpProtocol.None, 4)]
    [InlineData(IpFamily.IPv4, IpProtocol.Udp, 2)]
    [InlineData(IpFamily.IPv4, IpProtocol.Tcp, 0)]
    public void Connections_without_an_answer_are_told_from_others(IpFamily family, IpProtocol protocol, int expected)
    {
        var filter = new ConntrackFilter { Family = family, Protocol = protocol, IsUnanswered = true };

        Assert.Equal(expected, _table.Read(filter).Count);
    }

    [Fact]
    public void A_deleted_connection_is_gone_and_the_others_stay()
    {
        foreach (ConntrackEntry entry in _table.Read(new ConntrackFilter { Protocol = IpProtocol.Udp }))
        {
            Assert.True(_table.Delete(entry));
            Assert.False(_table.Delete(entry));
        }
        Assert.Equal([IpProtocol.Icmp, IpProtocol.Tcp], _table.Read(new ConntrackFilter())
            .Select(entry => entry.Original.Protocol).Order());
        ConntrackEntry echo = _table.Read(new ConntrackFilter { Protocol = IpProtocol.Icmp })[0];
        Assert.Equal((77, 8 << 8), ((int)echo.Original.SourcePort, (int)echo.Original.DestinationPort));
        Assert.True(_table.Delete(echo));
        Assert.Single(_network.Run("conntrack", "-L").Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_later_connection_with_the_same_addresses_is_left_alone()
    {
        ConntrackEntry entry = _table.Read(new ConntrackFilter { Protocol = IpProtocol.Tcp })[0];
        Assert.False(_table.Delete(entry with { Id = entry.Id + 1 }));
        Assert.Single(_table.Read(new ConntrackFilter { Protocol = IpProtocol.Tcp }));
    }

    [Fact]
    public void A_connection_without_addresses_is_refused_rather_than_emptying_the_table()
    {
        Assert.Throws<ArgumentException>(() => _table.Delete(default));
        Assert.Equal(5u, _table.ReadCount());
    }

    public void Dispose()
    {
        _socket.Dispose();
        _network.Dispose();
    }

    private static ConntrackTuple Tuple(IpProtocol protocol, string source, string destination, ushort sourcePort,
        ushort destinationPort) =>
        new(protocol, InetAddress.Parse(source), InetAddress.Parse(destination), sourcePort, destinationPort);

    private void Insert(string protocol, string source, string destination, string ports, string rest) => _network.Run(
        "conntrack", ["-I", "-p", protocol, "-s", source, "-d", destination, "--timeout", "120",
            .. $"{ports} {rest}".Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
}
