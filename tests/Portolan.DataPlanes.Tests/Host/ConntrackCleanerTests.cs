using Portolan.DataPlanes.Host;
using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Tests.Host;

public sealed class ConntrackCleanerTests
{
    private const string ClusterIP = "172.30.0.10";
    private const string NodeIP = "192.168.10.11";
    private static readonly ObjectName s_dns = new("kube-system", "kube-dns");
    private static readonly AddressPlan s_node = new([InetAddress.Parse(NodeIP)], [InetAddress.Parse(NodeIP)]);

    private readonly FakeTable _table = new();
    private readonly ConntrackCleaner _cleaner;

    public ConntrackCleanerTests() => _cleaner = new ConntrackCleaner(_table);

    [Fact]
    public void Flows_to_an_endpoint_that_is_gone_are_removed_and_others_stay()
    {
        Sync("10.244.1.2:53", "10.244.1.3:53");
        ConntrackEntry stale = _table.Add($"{ClusterIP}:53", "10.244.1.2:53");
        ConntrackEntry alive = _table.Add($"{ClusterIP}:53", "10.244.1.3:53");

        Assert.Equal(1, Sync("10.244.1.3:53"));

        Assert.DoesNotContain(stale, _table.Entries);
        Assert.Contains(alive, _table.Entries);
    }

    [Fact]
    public void Flows_to_the_old_port_of_a_living_endpoint_are_removed()
    {
        Sync("10.244.1.2:53");
        _table.Add($"{ClusterIP}:53", "10.244.1.2:53");

        Assert.Equal(1, Sync("10.244.1.2:5353"));
    }

    [Fact]
    public void Flows_that_were_refused_a_translation_go_when_the_first_endpoint_comes()
    {
        Sync();
        _table.Add($"{ClusterIP}:53", $"{ClusterIP}:53");

        Assert.Equal(1, Sync("10.244.1.2:53"));
    }

    [Fact]
    public void Without_a_serving_endpoint_nothing_is_removed()
    {
        Sync("10.244.1.2:53");
        ConntrackEntry flow = _table.Add($"{ClusterIP}:53", "10.244.1.2:53");

        Assert.Equal(0, Sync());
        Assert.Contains(flow, _table.Entries);
    }

    [Fact]
    public void NodePort_flows_are_found_at_the_nodes_own_addresses_only()
    {
        Sync("10.244.1.2:53", "10.244.1.3:53");
        _table.Add($"{NodeIP}:30053", "10.244.1.2:53");
        ConntrackEntry elsewhere = _table.Add("198.51.100.7:30053", "198.51.100.7:30053");

        Assert.Equal(1, Sync("10.244.1.3:53"));
        Assert.Equal([elsewhere], _table.Entries);
    }

    [Fact]
    public void The_table_is_read_only_where_a_set_of_endpoints_changed()
    {
        Sync("10.244.1.2:53");
        int reads = _table.Reads;

        Sync("10.244.1.2:53");
        Assert.Equal(reads, _table.Reads);

        Sync("10.244.1.3:53");
        Assert.Equal(new ushort?[] { 53, 30053 }, _table.PortsRead.Skip(reads).Order());
    }

    [Fact]
    public void The_first_look_covers_what_changed_while_no_proxy_ran()
    {
        _table.Add($"{ClusterIP}:53", "10.244.1.99:53");

        Assert.Equal(1, Sync("10.244.1.2:53"));
        Assert.Null(Assert.Single(_table.PortsRead));
    }

    [Fact]
    public void What_a_failing_kernel_did_not_remove_is_removed_at_the_next_look()
    {
        Sync("10.244.1.2:53");
        _table.Add($"{ClusterIP}:53", "10.244.1.2:53");
        _table.Failure = new NetlinkException("list connections", Errno.ENOBUFS);
        Assert.Throws<NetlinkException>(() => Sync("10.244.1.3:53"));

        _table.Failure = null;
        _cleaner.Note(Delta("10.244.1.3:53"));
        Assert.Equal(1, _cleaner.Clean(s_node));
    }

    [Fact]
    public void TCP_is_left_alone()
    {
        _cleaner.Note(Delta(IpProtocol.Tcp, "10.244.1.2:53"));

        Assert.Equal(0, _cleaner.Clean(s_node));
        Assert.Equal(0, _table.Reads);
    }

    private int Sync(params string[] serving)
    {
        _cleaner.Note(Delta(serving));
        return _cleaner.Clean(s_node);
    }

    private static TableDelta Delta(params string[] serving) => Delta(IpProtocol.Udp, serving);

    private static TableDelta Delta(IpProtocol protocol, params string[] serving)
    {
        var policy = new ClientPolicy(FrontendAction.ToClusterBackends, Masquerading.Never);
        var port = new PortPlan
        {
            Name = new ServicePortName(s_dns, "dns", protocol),
            Family = IpFamily.IPv4,
            Frontends =
            [
                new Frontend(FrontendKind.ClusterIP, InetAddress.Parse(ClusterIP), 53, policy, policy, policy, false),
                new Frontend(FrontendKind.NodePort, default, 30053, policy, policy, policy, false),
            ],
            ServingEndpoints = [.. serving.Select(Endpoint).Order()],
        };
        return new TableDelta([new ServiceChange(s_dns, new ServicePlan(s_dns, [port], [InetAddress.Parse(ClusterIP)], null, []))], null);
    }

    private static InetEndpoint Endpoint(string text) =>
        InetEndpoint.TryParse(text, out InetEndpoint endpoint) ? endpoint : throw new FormatException(text);

    private sealed class FakeTable : IConntrackTable
    {
        private uint _nextId = 1;

        public List<ConntrackEntry> Entries { get; } = [];

        public List<ushort?> PortsRead { get; } = [];

        public int Reads => PortsRead.Count;

        public NetlinkException? Failure { get; set; }

        public ConntrackEntry Add(string dialled, string endpoint)
        {
            InetAddress client = InetAddress.Parse("203.0.113.9");
            InetEndpoint to = Endpoint(dialled), from = Endpoint(endpoint);
            var entry = new ConntrackEntry(
                new ConntrackTuple(IpProtocol.Udp, client, to.Address, 40000, to.Port),
                new ConntrackTuple(IpProtocol.Udp, from.Address, client, from.Port, 40000),
                ConntrackStatus.Confirmed, 0, 0, _nextId++, 30);
            Entries.Add(entry);
            return entry;
        }

        public IReadOnlyList<ConntrackEntry> Read(ConntrackFilter filter)
        {
            if (Failure is not null)
                throw Failure;
            PortsRead.Add(filter.OriginalDestinationPort);
            return [.. Entries.Where(entry => filter.Matches(entry))];
        }

        public void Delete(in ConntrackEntry entry) => Entries.Remove(entry);
    }
}
