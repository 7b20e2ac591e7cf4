using System.Collections.Immutable;
using CsCheck;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Ipvs;
using Portolan.DataPlanes.Tests.NfTables;
using Portolan.Inet;
using Portolan.Netlink.Ipvs;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.Ipvs;

public sealed class IpvsPlaneTests : IDisposable
{
    private static readonly AddressPlan s_facts = new(
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("203.0.113.3"), InetAddress.Parse("2001:db8::1")],
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("203.0.113.3"), InetAddress.Parse("2001:db8::1")])
    {
        PrimaryIPv4 = InetAddress.Parse("192.168.0.2"),
        PrimaryIPv6 = InetAddress.Parse("2001:db8::1"),
    };

    private static readonly ProxyPolicy s_policy = new() { NodeName = Objects.ThisNode, DetectByNodeCidr = true };

    private static readonly VirtualServerKey s_web = new(InetAddress.Parse("172.30.0.1"), IpProtocol.Tcp, 80);

    private readonly MemoryKernel _kernel = new();
    private readonly ServiceTable _table = new(s_policy);

    [Fact]
    public void Step_by_step_leaves_the_kernel_as_from_scratch() => StepsAgreeWithScratch(BusyCluster.Changes);

    [Fact]
    public void Odd_objects_step_by_step_leave_the_kernel_as_from_scratch() => StepsAgreeWithScratch(ClusterGen.Changes);

    private static void StepsAgreeWithScratch(Gen<List<ClusterEvent>> histories) => histories.Sample(changes =>
    {
        var steps = new MemoryKernel();
        using IpvsPlane plane = Open(steps);
        var table = new ServiceTable(s_policy);
        table.Apply(new ClusterEvent.Synced());
        AssertInForce(plane.Apply(table.DrainAt(s_facts)));
        foreach (ClusterEvent change in changes)
        {
            table.Apply(change);
            AssertInForce(plane.Apply(table.DrainAt(s_facts)));
        }
        // Nobody has connections: what was left for them goes.
        Assert.Null(plane.Check());
        SyncReport reconciled = plane.Reconcile();
        Assert.Equal((0, 0, 0), (reconciled.Written, reconciled.Removed, reconciled.Transactions));

        var scratch = new MemoryKernel();
        var final = new ServiceTable(s_policy);
        foreach (ClusterEvent state in ClusterGen.FinalState(changes))
            final.Apply(state);
        final.Apply(new ClusterEvent.Synced());
        using IpvsPlane fresh = Open(scratch);
        AssertInForce(fresh.Apply(final.DrainAt(s_facts)));
        Assert.Equal(scratch.Describe(), steps.Describe());
    }, iter: 300);

    [Fact]
    public void A_restart_writes_nothing() => BusyCluster.Changes.Sample(changes =>
    {
        var kernel = new MemoryKernel();
        var table = new ServiceTable(s_policy);
        foreach (ClusterEvent change in changes)
            table.Apply(change);
        table.Apply(new ClusterEvent.Synced());
        TableDelta all = table.DrainAt(s_facts);
        using (IpvsPlane plane = Open(kernel))
            AssertInForce(plane.Apply(all));
        kernel.Messages = 0;
        using IpvsPlane next = Open(kernel);
        SyncReport report = next.Apply(all);
        Assert.Equal((0, 0, 0), (report.Written, report.Removed, kernel.Messages));
    }, iter: 50);

    [Fact]
    public void An_endpoint_that_comes_or_goes_is_one_message_and_no_question()
    {
        using IpvsPlane plane = Serve(["10.180.0.1", "10.180.0.2", "10.180.0.3"]);
        _kernel.Messages = _kernel.Questions = 0;
        Set("10.180.0.1", "10.180.0.2", "10.180.0.3", "10.180.0.4");
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Equal((1, 0), (_kernel.Messages, _kernel.Questions));
        Set("10.180.0.1", "10.180.0.2", "10.180.0.3");
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Equal((2, 0), (_kernel.Messages, _kernel.Questions));
    }

    [Fact]
    public void An_endpoint_with_connections_keeps_them_until_they_end()
    {
        using IpvsPlane plane = Serve(["10.180.0.1", "10.180.0.2"]);
        InetEndpoint leaving = new(InetAddress.Parse("10.180.0.1"), 8080);
        _kernel.Connect(s_web, leaving, 1);
        Set("10.180.0.2");
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Null(plane.Check());
        Assert.Equal(0u, Real(leaving).Weight);
        // A look at everything, and another proxy, leave it as well.
        plane.Reconcile();
        Assert.Equal(0u, Real(leaving).Weight);
        _kernel.Connect(s_web, leaving, 0);
        Assert.Null(plane.Check());
        Assert.DoesNotContain(_kernel.ReadRealServers(s_web), real => real.Endpoint == leaving);
    }

    [Fact]
    public void An_endpoint_that_comes_back_before_its_connections_end_is_used_again()
    {
        using IpvsPlane plane = Serve(["10.180.0.1", "10.180.0.2"]);
        InetEndpoint leaving = new(InetAddress.Parse("10.180.0.1"), 8080);
        _kernel.Connect(s_web, leaving, 1);
        Set("10.180.0.2");
        plane.Apply(_table.DrainAt(s_facts));
        Set("10.180.0.1", "10.180.0.2");
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Equal(1u, Real(leaving).Weight);
        _kernel.Connect(s_web, leaving, 0);
        plane.Check();
        Assert.Equal(1u, Real(leaving).Weight);
    }

    [Fact]
    public void The_last_endpoint_and_the_service_itself_may_go_under_a_connection()
    {
        _table.Apply(new ClusterEvent.ServiceCidrSet(new() { Name = "kubernetes", Cidrs = Objects.Prefixes("172.30.0.0/16") }));
        using IpvsPlane plane = Serve(["10.180.0.1"]);
        InetEndpoint only = new(InetAddress.Parse("10.180.0.1"), 8080);
        _kernel.Connect(s_web, only, 1);
        Set();
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Contains("rejected { 172.30.0.1 . tcp . 80 }", _kernel.Describe());
        _table.Apply(new ClusterEvent.ServiceGone(Objects.Name("shop/web")));
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Null(plane.Check());
        Assert.Equal(0u, Real(only).Weight);
        // The client's packets still have to come here, and nothing new may begin.
        Assert.NotEmpty(_kernel.ReadRoutes(IpFamily.IPv4));
        Assert.Contains("addresses { 172.30.0.1 }", _kernel.Describe());
        _kernel.Connect(s_web, only, 0);
        Assert.Null(plane.Check());
        Assert.Equal("", _kernel.Describe());
    }

    [Fact]
    public void Flows_stay_with_a_UDP_endpoint_while_it_serves_and_it_goes_when_it_does_no_more()
    {
        VirtualServerKey dns = new(InetAddress.Parse("172.30.0.1"), IpProtocol.Udp, 53);
        InetEndpoint leaving = new(InetAddress.Parse("10.180.0.1"), 5353);
        using IpvsPlane plane = Open(_kernel);
        _table.Apply(
            new ClusterEvent.ServiceSet(Service("web", "172.30.0.1") with { Ports = [Objects.Port(53, 0, "dns", IpProtocol.Udp)] }));
        void Serve(params EndpointConditions[] conditions)
        {
            _table.Apply(new ClusterEvent.SliceSet(Slice("web") with
            {
                Ports = [Objects.SlicePort(5353, "dns", IpProtocol.Udp)],
                Endpoints =
                [
                    .. conditions.Select(static (condition, i) =>
                        new EndpointObject(InetAddress.Parse($"10.180.0.{2 - i}"), condition, "node-1", [], [])),
                ],
            }));
            AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        }

        const EndpointConditions ready = EndpointConditions.Ready | EndpointConditions.Serving;
        _table.Apply(new ClusterEvent.Synced());
        Serve(ready, ready);
        _kernel.Connect(dns, leaving, 1);
        Serve(ready, EndpointConditions.Serving | EndpointConditions.Terminating);
        Assert.Null(plane.Check());
        Assert.Equal(0u, _kernel.ReadRealServers(dns).Single(real => real.Endpoint == leaving).Weight);
        Serve(ready);
        Assert.DoesNotContain(_kernel.ReadRealServers(dns), real => real.Endpoint == leaving);
    }

    [Fact]
    public void An_external_address_that_no_service_has_any_more_is_left_to_others_at_once()
    {
        using IpvsPlane plane = Serve(["10.180.0.1"]);
        ServiceObject service = Service("web", "172.30.0.1") with { ExternalIPs = Objects.Addresses("198.51.100.1") };
        _table.Apply(new ClusterEvent.ServiceSet(service));
        plane.Apply(_table.DrainAt(s_facts));
        VirtualServerKey external = new(InetAddress.Parse("198.51.100.1"), IpProtocol.Tcp, 80);
        _kernel.Connect(external, new(InetAddress.Parse("10.180.0.1"), 8080), 1);
        Set();
        plane.Apply(_table.DrainAt(s_facts));
        Assert.Contains(external, _kernel.ReadServers().Select(static server => server.Key));
        _table.Apply(new ClusterEvent.ServiceSet(Service("web", "172.30.0.1")));
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.DoesNotContain("198.51.100.1", _kernel.Describe());
    }

    [Fact]
    public void A_node_port_that_no_service_has_any_more_is_free_at_once()
    {
        using IpvsPlane plane = Open(_kernel);
        VirtualServerKey port = new(InetAddress.Parse("192.168.0.2"), IpProtocol.Tcp, 30123);
        ServiceObject service = Service("web", "172.30.0.1") with { Type = ServiceType.NodePort, Ports = [Objects.Port(80, 30123, "web")] };
        _table.Apply(new ClusterEvent.ServiceSet(service));
        Set("10.180.0.1");
        _table.Apply(new ClusterEvent.Synced());
        plane.Apply(_table.DrainAt(s_facts));
        InetEndpoint only = new(InetAddress.Parse("10.180.0.1"), 8080);
        _kernel.Connect(port, only, 1);
        Set();
        plane.Apply(_table.DrainAt(s_facts));
        // The last endpoint's connection goes on: the port is still the service's.
        Assert.Contains(port, _kernel.ReadServers().Select(static server => server.Key));
        _table.Apply(new ClusterEvent.ServiceGone(service.Name));
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        Assert.Equal("", _kernel.Describe());
    }

    [Fact]
    public void A_scheduler_that_does_not_exist_keeps_that_service_alone_from_being_served()
    {
        using IpvsPlane plane = Serve(["10.180.0.1"]);
        _table.Apply(new ClusterEvent.ServiceSet(Service("odd", "172.30.0.2") with { IpvsScheduler = "roundrobin" }));
        _table.Apply(new ClusterEvent.ServiceSet(Service("missing", "172.30.0.3") with { IpvsScheduler = "fo" }));
        _table.Apply(new ClusterEvent.SliceSet(Slice("odd", "10.180.0.5")));
        _table.Apply(new ClusterEvent.SliceSet(Slice("missing", "10.180.0.5")));
        _kernel.MissingSchedulers.Add("fo");
        SyncReport report = plane.Apply(_table.DrainAt(s_facts));
        Assert.True(report.IsInForce);
        Assert.Equal(["Service shop/missing", "Service shop/odd"], report.Refusals.Select(static refusal => refusal.Subject).Order());
        Assert.Contains(report.Refusals, static refusal =>
            refusal.Reason.Contains("'roundrobin' is no scheduler", StringComparison.Ordinal));
        Assert.Contains(report.Refusals, static refusal => refusal.Reason.Contains("ip_vs_fo", StringComparison.Ordinal));
        Assert.Contains(s_web, _kernel.ReadServers().Select(static server => server.Key));

        _table.Apply(new ClusterEvent.ServiceSet(Service("odd", "172.30.0.2") with { IpvsScheduler = "mh,mh-port" }));
        _kernel.MissingSchedulers.Clear();
        _table.Apply(new ClusterEvent.ServiceSet(Service("missing", "172.30.0.3") with { IpvsScheduler = "sed" }));
        report = plane.Apply(_table.DrainAt(s_facts));
        Assert.Empty(report.Refusals);
        Assert.Equal(["mh SchedulerPort", "rr None", "sed None"],
            _kernel.ReadServers().Select(static server => $"{server.Scheduler} {server.Flags}").Order());
    }

    [Fact]
    public void Servers_of_others_stay_and_ours_of_an_earlier_run_go()
    {
        VirtualServer theirs = new(new(InetAddress.Parse("192.0.2.77"), IpProtocol.Tcp, 80), "wlc");
        VirtualServer atNode = new(new(InetAddress.Parse("192.168.0.2"), IpProtocol.Tcp, 8443), "wlc");
        _kernel.Send([new(ServerVerb.AddServer, theirs, default, null), new(ServerVerb.AddServer, atNode, default, null)]);
        using (IpvsPlane plane = Serve(["10.180.0.1"]))
        {
            _table.Apply(new ClusterEvent.ServiceSet(Service("gone", "172.30.0.9") with
            {
                Type = ServiceType.NodePort,
                Ports = [Objects.Port(80, 30123, "web")],
            }));
            _table.Apply(new ClusterEvent.SliceSet(Slice("gone", "10.180.0.5")));
            AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        }
        Assert.Equal(6, _kernel.ReadServers().Count);
        var later = new ServiceTable(s_policy);
        later.Apply(new ClusterEvent.Synced());
        using IpvsPlane next = Open(_kernel);
        AssertInForce(next.Apply(later.DrainAt(s_facts)));
        Assert.Equal([theirs, atNode], _kernel.ReadServers().OrderBy(static server => server.Key.Address));
        Assert.Empty(_kernel.ReadRoutes(IpFamily.IPv4));
    }

    [Fact]
    public void A_server_that_somebody_deleted_is_back_after_the_next_look()
    {
        using IpvsPlane plane = Serve(["10.180.0.1"]);
        string before = _kernel.Describe();
        _kernel.Send([new(ServerVerb.DeleteServer, new VirtualServer(s_web, "rr"), default, null)]);
        Assert.NotEqual(before, _kernel.Describe());
        SyncReport report = plane.Reconcile();
        Assert.True(report is { Written: 2, HasComparedAll: true }, $"{report}");
        Assert.Equal(before, _kernel.Describe());
    }

    /// <summary>A question for each service is what makes each sync of others slow.</summary>
    [Fact]
    public void A_comparison_asks_as_much_whatever_the_number_of_services()
    {
        using IpvsPlane plane = Serve(["10.180.0.1"]);
        _kernel.Questions = 0;
        AssertInForce(plane.Reconcile());
        int questions = _kernel.Questions;
        for (int number = 1; number < 50; number++)
        {
            _table.Apply(new ClusterEvent.ServiceSet(Service($"web-{number}", $"172.30.1.{number}")));
            _table.Apply(new ClusterEvent.SliceSet(Slice($"web-{number}", ["10.180.0.1"])));
        }
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        _kernel.Questions = 0;
        AssertInForce(plane.Reconcile());
        Assert.Equal(questions, _kernel.Questions);
        Assert.True(_kernel.ReadServers().Count >= 50);
    }

    [Fact]
    public void A_server_that_the_list_of_all_leaves_out_is_asked_for()
    {
        using IpvsPlane plane = Serve(["10.180.0.1"]);
        _kernel.Unlisted.Add(s_web);
        SyncReport report = plane.Reconcile();
        Assert.Equal((0, 0), (report.Written, report.Removed));
        AssertInForce(report);
    }

    [Theory]
    [InlineData("", "rr", VirtualServerFlags.None)]
    [InlineData("wlc", "wlc", VirtualServerFlags.None)]
    [InlineData("mh,mh-fallback,mh-port", "mh", VirtualServerFlags.SchedulerFallback | VirtualServerFlags.SchedulerPort)]
    [InlineData("sh, sh-port", "sh", VirtualServerFlags.SchedulerPort)]
    public void Schedulers_are_read_with_their_flags(string text, string name, VirtualServerFlags flags)
    {
        Assert.Null(Scheduler.Parse(text, out Scheduler scheduler));
        Assert.Equal(new Scheduler(name, flags), scheduler);
    }

    [Theory]
    [InlineData("RR", "'RR' is no scheduler")]
    [InlineData("rr,mh-port", "'mh-port' is no flag of scheduler rr")]
    [InlineData("mh,sh-port", "'sh-port' is no flag of scheduler mh")]
    public void What_is_no_scheduler_is_named(string text, string fault) =>
        Assert.StartsWith(fault, Scheduler.Parse(text, out _), StringComparison.Ordinal);

    public void Dispose() => _kernel.Dispose();

    private static IpvsPlane Open(MemoryKernel kernel) =>
        new(new IpvsPlaneOptions(), kernel, monitor: null, static () => [], TimeProvider.System);

    private IpvsPlane Serve(ImmutableArray<string> endpoints)
    {
        IpvsPlane plane = Open(_kernel);
        _table.Apply(new ClusterEvent.ServiceSet(Service("web", "172.30.0.1")));
        Set([.. endpoints]);
        _table.Apply(new ClusterEvent.Synced());
        AssertInForce(plane.Apply(_table.DrainAt(s_facts)));
        return plane;
    }

    private static ServiceObject Service(string name, string clusterIP) => new()
    {
        Name = Objects.Name($"shop/{name}"),
        ClusterIPs = Objects.Addresses(clusterIP),
        Ports = [Objects.Port(80, 0, "web")],
    };

    private static EndpointSliceObject Slice(string service, params string[] endpoints) => new()
    {
        Name = Objects.Name($"shop/{service}-1"),
        ServiceName = service,
        Family = IpFamily.IPv4,
        Ports = [Objects.SlicePort(8080, "web")],
        Endpoints =
        [
            .. endpoints.Select(static address => new EndpointObject(InetAddress.Parse(address),
                EndpointConditions.Ready | EndpointConditions.Serving, "node-1", [], [])),
        ],
    };

    private void Set(params string[] endpoints) => _table.Apply(new ClusterEvent.SliceSet(Slice("web", endpoints)));

    private RealServer Real(InetEndpoint endpoint) => _kernel.ReadRealServers(s_web).Single(real => real.Endpoint == endpoint);

    private static void AssertInForce(SyncReport report) =>
        Assert.True(report is { IsInForce: true, Refusals.IsEmpty: true }, string.Join("; ", report.Refusals));
}
