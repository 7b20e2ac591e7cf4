using System.Net;
using System.Net.Sockets;
using Portolan.DataPlanes.IpTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>Rules that somebody changed are noticed and mended, with few lines; packets tell.</summary>
public sealed class DisturbanceTests : IDisposable
{
    private const int Services = 40, Served = 1, PodPort = 8080;

    // A leaf of the tree has eight addresses with a mark and a jump each, then *nat, the chain and COMMIT; KUBE-SERVICES written anew would be
    // forty lines and more.
    private const int FewLines = 19;

    private static readonly IPAddress s_outside = IPAddress.Parse("192.0.2.1"), s_gateway = IPAddress.Parse("10.244.9.1");
    private static readonly IPEndPoint s_service = new(TestCluster.Service(Served).Service.ClusterIPs[0].ToIPAddress(), 80);

    private readonly List<string> _findings = [];
    private PlaneUnderTest? _plane;
    private NetworkNamespace? _pod;
    private Socket? _server;

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void A_mark_that_was_put_behind_its_jump_goes_back_before_it(IpTablesBackend backend, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        Assert.Equal(s_gateway, SourceAtPod());
        string mark = plane.Save().Split('\n').Single(static line =>
            line.Contains($"-d {s_service.Address}/32 ", StringComparison.Ordinal) && line.EndsWith("-j KUBE-MARK-MASQ", StringComparison.Ordinal));

        plane.Restore($"*nat\n-D{mark[2..]}\n{mark}\nCOMMIT\n");

        Assert.Equal(s_outside, SourceAtPod());
        AssertNoticedAndMended(plane);
        Assert.Equal(s_gateway, SourceAtPod());
    }

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void A_rule_of_somebody_else_among_ours_goes(IpTablesBackend backend, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend, Layout = layout, Dispatch = dispatch });

        plane.Restore($"*nat\n-I KUBE-SERVICES 3 -p udp -j ACCEPT\n-I KUBE-SERVICES 1 -d {s_service.Address} -p udp -m multiport --dports 80,81 -j ACCEPT\nCOMMIT\n");

        Assert.Null(SourceAtPod());
        AssertNoticedAndMended(plane);
        Assert.Equal(s_gateway, SourceAtPod());
        Assert.DoesNotContain("-j ACCEPT", plane.Save(ipv6: false, "-t", "nat"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void The_rule_that_leads_to_node_ports_becomes_the_last_again(IpTablesBackend backend, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        string last = ServicesRules(plane)[^1];
        Assert.EndsWith("-j KUBE-NODEPORTS", last, StringComparison.Ordinal);

        plane.Restore($"*nat\n-D{last[2..]}\n-I KUBE-SERVICES 1{last["-A KUBE-SERVICES".Length..]}\nCOMMIT\n");

        AssertNoticedAndMended(plane);
        Assert.Equal(last, ServicesRules(plane)[^1]);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_rule_that_is_there_twice_is_there_once_again(IpTablesBackend backend)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend });
        string[] before = ServicesRules(plane);

        plane.Restore($"*nat\n{before[3]}\nCOMMIT\n");

        AssertNoticedAndMended(plane, lines: int.MaxValue);
        Assert.Equal(before.Order(StringComparer.Ordinal), ServicesRules(plane).Order(StringComparer.Ordinal));
    }

    public void Dispose()
    {
        _server?.Dispose();
        _pod?.Dispose();
        _plane?.Dispose();
    }

    private void AssertNoticedAndMended(PlaneUnderTest plane, int lines = FewLines)
    {
        // Every tenth look compares rules.
        for (int look = 0; look < 10; look++)
            plane.Namespace.Run(plane.Plane.Check);
        Assert.Single(_findings);
        SyncReport report = plane.Reconcile();
        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        Assert.InRange(plane.Plane.Statistics.LastLines, 1, lines);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    private static string[] ServicesRules(PlaneUnderTest plane) =>
        [.. plane.Save(ipv6: false, "-t", "nat").Split('\n').Where(static line => line.StartsWith("-A KUBE-SERVICES ", StringComparison.Ordinal))];

    /// <summary>The source address with which a datagram from outside of the pods' range arrives at the pod; null when it does not.</summary>
    private IPAddress? SourceAtPod()
    {
        using Socket client = _plane!.Namespace.Run(static () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        client.Bind(new IPEndPoint(s_outside, 0));
        client.SendTo([1], s_service);
        byte[] received = new byte[1];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        try
        {
            _server!.ReceiveFrom(received, ref from);
            return ((IPEndPoint)from).Address;
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.TimedOut)
        {
            return null;
        }
    }

    /// <summary>A node with one pod that serves service number <see cref="Served"/>, among others without a pod behind them.</summary>
    private PlaneUnderTest Start(IpTablesOptions options)
    {
        PlaneUnderTest plane = _plane = new(options, TestCluster.Of(Services, endpoints: 1));
        _pod = new("pod");
        plane.Namespace.Ip($"""
            addr add {s_outside}/32 dev lo
            link add pod type veth peer name eth0
            link set eth0 netns {_pod.Path}
            addr add {s_gateway}/24 dev pod
            link set pod up
            route add default dev pod
            """);
        _pod.Ip($"addr add 10.244.9.2/24 dev eth0\nlink set eth0 up\nroute add default via {s_gateway}\n");
        _server = _pod.Run(static () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 1000 });
        _server.Bind(new IPEndPoint(IPAddress.Any, PodPort));

        SyncReport report = plane.Sync(
            new ClusterEvent.ServiceSet(TestCluster.Service(Served).Service with { Ports = [new("http", IpProtocol.Udp, 80, 0)] }),
            new ClusterEvent.SliceSet(TestCluster.Slice(Served, 1, IpProtocol.Udp).Slice with
            {
                Endpoints = [new(InetAddress.Parse("10.244.9.2"), EndpointConditions.Ready | EndpointConditions.Serving, "node-a", [], [])],
            }));
        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        plane.Plane.Disturbed += _findings.Add;
        return plane;
    }
}
