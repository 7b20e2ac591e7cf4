using Portolan.DataPlanes.Contract;
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
    private static readonly NodePlan s_node = NodePlan.None with
    {
        Addresses = new AddressPlan([InetAddress.Parse(NodeIP)], [InetAddress.Parse(NodeIP)])
    };

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
    public void Flows_to_the_last_endpoint_are_removed_when_it_goes()
    {
        Sync("10.244.1.2:53");
        _table.Add($"{ClusterIP}:53", "10.244.1.2:53");
        ConntrackEntry others = _table.Add("172.30.0.11:53", "10.244.1.2:53");

        Assert.Equal(1, Sync());
        Assert.Equal([others], _table.Entries);
    }

    [Fact]
    public void Flows_to_a_service_that_is_deleted_are_removed_and_untranslated_ones_stay()
    {
        Sync("10.244.1.2:53");
        _table.Add($"{ClusterIP}:53", "10.244.1.2:53", ConntrackStatus.SeenReply);
        _table.Add($"{NodeIP}:30053", "10.244.1.2:53");
        ConntrackEntry untranslated = _table.Add($"{ClusterIP}:53", $"{ClusterIP}:53");
        ConntrackEntry elsewhere = _table.Add("198.51.100.7:30053", "10.244.1.2:53");

        Assert.Equal(2, Sync(new TableDelta([new ServiceChange(s_dns, null)], null)).Stale);
        Assert.Equal([untranslated, elsewhere], _table.Entries);
    }

    [Theory]
    [InlineData(FrontendKind.ExternalIP)]
    [InlineData(FrontendKind.LoadBalancer)]
    [InlineData(FrontendKind.NodePort)]
    public void Flows_by_a_frontend_that_a_service_loses_are_removed_and_those_by_others_stay(FrontendKind kind)
    {
        InetAddress address = kind == FrontendKind.NodePort ? default : InetAddress.Parse("203.0.113.80");
        string dialled = kind == FrontendKind.NodePort ? $"{NodeIP}:30099" : "203.0.113.80:53";
        Sync(Delta(IpProtocol.Udp, [Frontend(kind, address, kind == FrontendKind.NodePort ? (ushort)30099 : (ushort)53)],
            "10.244.1.2:53"));
        _table.Add(dialled, "10.244.1.2:53", ConntrackStatus.SeenReply);
        ConntrackEntry kept = _table.Add($"{ClusterIP}:53", "10.244.1.2:53", ConntrackStatus.SeenReply);

        Assert.Equal(1, Sync("10.244.1.2:53"));
        Assert.Equal([kept], _table.Entries);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_one_service_loses_to_another_is_the_others(bool isGainedFirst)
    {
        Sync("10.244.1.2:53");
        ConntrackEntry[] flows =
        [
            _table.Add($"{ClusterIP}:53", "10.244.1.2:53", ConntrackStatus.SeenReply),
            _table.Add($"{NodeIP}:30053", "10.244.1.2:53", ConntrackStatus.SeenReply),
        ];
        var other = new ObjectName("kube-system", "other");
        ServiceChange lost = new(s_dns, null), gained = new(other, PlanOf(other, "10.244.1.2:53"));

        Sync(new TableDelta(isGainedFirst ? [gained, lost] : [lost, gained], null));

        Assert.Equal(flows, _table.Entries);
    }

    /// <summary>A NodePort's number at an address of the node that is another service's external IP.</summary>
    [Fact]
    public void A_NodePort_that_goes_takes_no_flows_to_an_external_IP_on_the_node()
    {
        var other = new ObjectName("kube-system", "other");
        ServicePlan plan = PlanOf(other, "10.244.1.7:53");
        PortPlan external = plan.Ports[0] with { Frontends = [Frontend(FrontendKind.ExternalIP, InetAddress.Parse(NodeIP), 30053)] };
        Sync(new TableDelta([.. Delta("10.244.1.2:53").Services, new ServiceChange(other, plan with { Ports = [external] })], null));
        ConntrackEntry flow = _table.Add($"{NodeIP}:30053", "10.244.1.7:53", ConntrackStatus.SeenReply);

        Sync(new TableDelta([new ServiceChange(s_dns, null)], null));

        Assert.Equal([flow], _table.Entries);
    }

    [Fact]
    public void Frontends_that_went_while_no_proxy_ran_are_known_from_the_rules_that_were_found()
    {
        _table.Add("203.0.113.80:53", "10.244.1.99:53", ConntrackStatus.SeenReply);
        _table.Add($"{NodeIP}:30099", "10.244.1.99:53");
        ConntrackEntry others = _table.Add($"{NodeIP}:30098", "10.244.1.99:53");
        ConntrackEntry served = _table.Add($"{ClusterIP}:53", "10.244.1.2:53");
        var report = new SyncReport
        {
            FoundUdpFrontends =
            [
                new(IpFamily.IPv4, InetAddress.Parse("203.0.113.80"), 53), new(IpFamily.IPv4, default, 30099),
                new(IpFamily.IPv4, InetAddress.Parse(ClusterIP), 53),
            ],
        };

        Assert.Equal(2, Sync(Delta("10.244.1.2:53"), report).Stale);
        Assert.Equal([others, served], _table.Entries);
    }

    [Fact]
    public void Of_a_service_range_the_first_look_removes_what_no_service_has()
    {
        _table.Add("172.30.0.99:53", "10.244.1.99:53", ConntrackStatus.SeenReply);
        ConntrackEntry outside = _table.Add("203.0.113.80:53", "10.244.1.99:53");
        NodePlan node = s_node with { ServiceCidrs = [InetPrefix.Parse("172.30.0.0/16")] };

        Assert.Equal(1, Sync(Delta("10.244.1.2:53"), node: node).Stale);
        Assert.Equal([outside], _table.Entries);
        ConntrackEntry later = _table.Add("172.30.0.98:53", "10.244.1.99:53");
        Assert.Equal(0, Sync("10.244.1.3:53"));
        Assert.Contains(later, _table.Entries);
    }

    [Theory]
    [InlineData(IpProtocol.Tcp)]
    [InlineData(IpProtocol.Udp)]
    public void Connections_that_began_without_rules_are_removed_after_a_repair(IpProtocol protocol)
    {
        Sync(Delta(protocol, [], "10.244.1.2:53"));
        string endpoint = "10.244.1.2:53";
        _table.Add($"{ClusterIP}:53", $"{ClusterIP}:53", protocol: protocol);
        _table.Add($"{NodeIP}:30053", $"{NodeIP}:30053", protocol: protocol);
        _table.Add($"{ClusterIP}:53", "10.244.1.99:53", protocol: protocol);
        ConntrackEntry[] others =
        [
            _table.Add($"{ClusterIP}:53", endpoint, protocol: protocol),
            _table.Add($"{ClusterIP}:53", endpoint, ConntrackStatus.SeenReply, protocol),
            _table.Add($"{ClusterIP}:53", $"{ClusterIP}:53", ConntrackStatus.SeenReply, protocol),
            _table.Add($"{ClusterIP}:54", $"{ClusterIP}:54", protocol: protocol),
            _table.Add("198.51.100.7:30053", "198.51.100.7:30053", protocol: protocol),
        ];
        int reads = _table.Reads;

        CleanedConnections cleaned =
            Sync(TableDelta.Empty, new SyncReport { Written = 5, HasComparedAll = true }, kind: SyncKind.Reconcile);

        Assert.Equal(new CleanedConnections(0, 2), cleaned);
        Assert.Equal(reads + 1, _table.Reads);
        Assert.True(_cleaner.HasSuspects);

        Assert.Equal(new CleanedConnections(0, 1), _cleaner.CleanSuspects());
        Assert.Equal(others, _table.Entries);
        Assert.False(_cleaner.HasSuspects);
    }

    /// <summary>The loop goes on meanwhile: first connections to a new endpoint are in the table before the change is noted.</summary>
    [Fact]
    public void A_connection_to_an_endpoint_that_comes_while_the_table_is_read_is_kept()
    {
        ConntrackEntry first = _table.Add($"{ClusterIP}:53", "10.244.1.3:53", protocol: IpProtocol.Tcp);
        Sync(Delta(IpProtocol.Tcp, [], "10.244.1.2:53"));
        ConntrackEntry later = _table.Add($"{ClusterIP}:53", "10.244.1.4:53", protocol: IpProtocol.Tcp);

        _cleaner.Note(new SyncRecord(Delta(IpProtocol.Tcp, [], "10.244.1.2:53", "10.244.1.3:53"), s_node, new SyncReport { Written = 1 },
            TimeSpan.Zero, SyncKind.Change));
        _cleaner.CleanSuspects();

        Assert.Equal([first, later], _table.Entries);
    }

    [Fact]
    public void A_look_that_found_nothing_missing_reads_no_table()
    {
        Sync("10.244.1.2:53");
        int reads = _table.Reads;

        Sync(TableDelta.Empty, new SyncReport { HasComparedAll = true }, kind: SyncKind.Reconcile);

        Assert.Equal(reads, _table.Reads);
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
        // All of UDP, then what is unanswered.
        Assert.Equal([null, null], _table.PortsRead);
    }

    [Fact]
    public void What_a_failing_kernel_did_not_remove_is_removed_at_the_next_look()
    {
        Sync("10.244.1.2:53");
        _table.Add($"{ClusterIP}:53", "10.244.1.2:53");
        _table.Failure = new NetlinkException("list connections", Errno.ENOBUFS);
        Assert.Throws<NetlinkException>(() => Sync("10.244.1.3:53"));

        _table.Failure = null;
        Assert.Equal(1, _cleaner.Clean().Stale);
    }

    [Fact]
    public void TCP_connections_to_endpoints_that_are_gone_are_left_alone()
    {
        Sync(Delta(IpProtocol.Tcp, [], "10.244.1.2:53"));
        int reads = _table.Reads;

        Sync(Delta(IpProtocol.Tcp, [], "10.244.1.3:53"));

        Assert.Equal(reads, _table.Reads);
    }

    private int Sync(params string[] serving) => Sync(Delta(serving)).Stale;

    private CleanedConnections Sync(
        TableDelta delta, SyncReport? report = null, NodePlan? node = null, SyncKind kind = SyncKind.Change)
    {
        _cleaner.Note(new SyncRecord(delta, node ?? s_node, report ?? new SyncReport { Written = 1 }, TimeSpan.Zero, kind));
        return _cleaner.Clean();
    }

    private static TableDelta Delta(params string[] serving) => Delta(IpProtocol.Udp, [], serving);

    private static Frontend Frontend(FrontendKind kind, InetAddress address, ushort port)
    {
        var policy = new ClientPolicy(FrontendAction.ToClusterBackends, Masquerading.Never);
        return new Frontend(kind, address, port, policy, policy, policy, false);
    }

    private static TableDelta Delta(IpProtocol protocol, Frontend[] more, params string[] serving)
    {
        var port = new PortPlan
        {
            Name = new ServicePortName(s_dns, "dns", protocol),
            Family = IpFamily.IPv4,
            Frontends =
            [
                Frontend(FrontendKind.ClusterIP, InetAddress.Parse(ClusterIP), 53),
                Frontend(FrontendKind.NodePort, default, 30053),
                .. more,
            ],
            ClusterBackends = [.. serving.Select(Endpoint).Order().Select(static endpoint => new Backend(endpoint, IsLocal: false))],
            ServingEndpoints = protocol == IpProtocol.Udp ? [.. serving.Select(Endpoint).Order()] : [],
        };
        return new TableDelta([new ServiceChange(s_dns, new ServicePlan(s_dns, [port], [InetAddress.Parse(ClusterIP)], null, []))], null);
    }

    // The same ports, of another service.
    private static ServicePlan PlanOf(ObjectName service, params string[] serving)
    {
        ServicePlan plan = Delta(serving).Services[0].Plan!;
        return plan with
        {
            Service = service,
            Ports = [.. plan.Ports.Select(port => port with { Name = new ServicePortName(service, "dns", IpProtocol.Udp) })],
        };
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

        public ConntrackEntry Add(
            string dialled, string endpoint, ConntrackStatus status = ConntrackStatus.None, IpProtocol protocol = IpProtocol.Udp)
        {
            InetAddress client = InetAddress.Parse("203.0.113.9");
            InetEndpoint to = Endpoint(dialled), from = Endpoint(endpoint);
            var entry = new ConntrackEntry(
                new ConntrackTuple(protocol, client, to.Address, 40000, to.Port),
                new ConntrackTuple(protocol, from.Address, client, from.Port, 40000),
                ConntrackStatus.Confirmed | status, 0, 0, _nextId++, 30);
            Entries.Add(entry);
            return entry;
        }

        public IReadOnlyList<ConntrackEntry> Find(ConntrackFilter filter, ConntrackTest isWanted)
        {
            if (Failure is not null)
                throw Failure;
            PortsRead.Add(filter.OriginalDestinationPort);
            return [.. Entries.Where(entry => filter.Matches(entry) && isWanted(entry))];
        }

        public void Delete(in ConntrackEntry entry) => Entries.Remove(entry);
    }
}
