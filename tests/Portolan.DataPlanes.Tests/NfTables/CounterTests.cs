using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>Counters on frontends, with datagrams of a real socket.</summary>
public sealed class CounterTests
{
    [Fact]
    public void Connections_are_counted_per_frontend_and_refused_ones_apart()
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        using var lab = new NetworkNamespace("counters");
        lab.Ip("addr add 192.168.0.2/24 dev lo\nroute add default dev lo src 192.168.0.2");
        var table = new ServiceTable(new ProxyPolicy { NodeName = Objects.ThisNode });
        table.Apply(new ClusterEvent.Synced());
        foreach ((string name, string address) in new[] { ("shop/full", "172.30.0.1"), ("shop/empty", "172.30.0.2") })
        {
            table.Apply(new ClusterEvent.ServiceSet(
                Objects.Service(name, address) with { Ports = [Objects.Port(53, 0, "dns", IpProtocol.Udp)] }));
        }
        table.Apply(new ClusterEvent.SliceSet(
            Objects.Slice("shop/full-1", "shop/full", Objects.Here("192.168.0.2")) with
            {
                Ports =
                [Objects.SlicePort(5353, "dns", IpProtocol.Udp)]
            }));
        using var plane = new NfTablesPlane(new NfTablesOptions { WithCounters = true }, lab.Path, NullLogger.Instance);
        SyncReport report = plane.Apply(table.DrainAt(AddressPlan.None));
        Assert.True(report.IsInForce);

        Send(lab, "172.30.0.1", times: 3);
        Send(lab, "172.30.0.2", times: 2);

        Assert.Equal(
        [
            new FrontendCounter("shop/empty:dns", InetAddress.Parse("172.30.0.2"), IpProtocol.Udp, 53, 2, 2, 0, 0),
            new FrontendCounter("shop/full:dns", InetAddress.Parse("172.30.0.1"), IpProtocol.Udp, 53, 3, 0, 0, 0),
        ], FrontendCounter.ReadAll(lab.Path));

        // A look at the kernel, as after a restart, keeps what was counted.
        KernelText.CommitByOthers(lab);
        Assert.Equal(0, plane.Reconcile().Written);
        Assert.Equal(3UL, FrontendCounter.ReadAll(lab.Path)[1].Connections);
    }

    [Fact]
    public void What_was_counted_outlives_changes_and_restarts_and_goes_with_the_frontend()
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        using var lab = new NetworkNamespace("counters");
        lab.Ip("addr add 192.168.0.2/24 dev lo\nroute add default dev lo src 192.168.0.2");
        ServiceObject web = Objects.Service("shop/web", "172.30.0.1") with { Ports = [Objects.Port(53, 0, "dns", IpProtocol.Udp)] };
        ServiceObject other = Objects.Service("shop/other", "172.30.0.2") with { Ports = [Objects.Port(53, 0, "dns", IpProtocol.Udp)] };
        ServiceTable table = TableOf(web);
        using (NfTablesPlane plane = Open(lab))
        {
            Apply(plane, table, new ClusterEvent.SliceSet(Slice("192.168.0.2")));
            Send(lab, "172.30.0.1", times: 3);

            Apply(plane, table, new ClusterEvent.SliceSet(Slice("192.168.0.2", "192.168.0.3")));
            Assert.Equal(["shop/web:dns 3"], Counted(lab));

            Apply(plane, table, new ClusterEvent.ServiceSet(other));
            Apply(plane, table,
                new ClusterEvent.ServiceSet(web with
                {
                    ExternalIPs = Objects.Addresses("198.51.100.1"),
                    AffinitySeconds = 60,
                    InternalPolicyLocal = true
                }));
            Assert.Equal(["shop/other:dns 0", "shop/web:dns 3", "shop/web:dns 0"], Counted(lab));

            Apply(plane, table, new ClusterEvent.ServiceSet(web), new ClusterEvent.SliceSet(Slice()));
            Send(lab, "172.30.0.1", times: 1);
            Apply(plane, table, new ClusterEvent.SliceSet(Slice("192.168.0.2")));
            Assert.Equal(["shop/other:dns 0", "shop/web:dns 4"], Counted(lab));
        }

        // Another process on the rules that the first one left, with a change that came in between.
        ServiceTable later = TableOf(web);
        using NfTablesPlane next = Open(lab);
        Apply(next, later, new ClusterEvent.SliceSet(Slice("192.168.0.2", "192.168.0.9")));
        Send(lab, "172.30.0.1", times: 2);
        Assert.Equal(["shop/web:dns 6"], Counted(lab));

        Apply(next, later, new ClusterEvent.ServiceGone(web.Name));
        Assert.Empty(Counted(lab));
        Apply(next, later, new ClusterEvent.ServiceSet(web));
        Assert.Equal(["shop/web:dns 0"], Counted(lab));

        static EndpointSliceObject Slice(params string[] addresses) =>
            Objects.Slice("shop/web-1", "shop/web", [.. addresses.Select(Objects.Here)]) with
            {
                Ports = [Objects.SlicePort(5353, "dns", IpProtocol.Udp)],
            };
    }

    [Theory]
    [InlineData("192.0.2.0/24", 2)]
    [InlineData("192.168.0.0/24", 0)]
    public void What_source_ranges_drop_is_counted_apart(string range, int denied)
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        using var lab = new NetworkNamespace("counters");
        lab.Ip("addr add 192.168.0.2/24 dev lo\nroute add default dev lo src 192.168.0.2");
        ServiceTable table = TableOf(Objects.Service("shop/web", "172.30.0.1") with
        {
            Type = ServiceType.LoadBalancer,
            Ports = [Objects.Port(53, 0, "dns", IpProtocol.Udp)],
            LoadBalancerIPs = Objects.Addresses("198.51.100.1"),
            SourceRanges = Objects.Prefixes(range),
        });
        using NfTablesPlane plane = Open(lab);
        Apply(plane, table, new ClusterEvent.SliceSet(
            Objects.Slice("shop/web-1", "shop/web", Objects.Here("192.168.0.2")) with
            {
                Ports =
                [Objects.SlicePort(5353, "dns", IpProtocol.Udp)]
            }));

        Send(lab, "198.51.100.1", times: 2);
        Send(lab, "172.30.0.1", times: 3);

        FrontendCounter[] counters = [.. FrontendCounter.ReadAll(lab.Path).OrderBy(counter => counter.Connections)];
        Assert.Equal([(2UL, (ulong)denied), (3UL, 0UL)], counters.Select(counter => (counter.Connections, counter.Denied)));
    }

    private static ServiceTable TableOf(ServiceObject service)
    {
        var table = new ServiceTable(new ProxyPolicy { NodeName = Objects.ThisNode });
        table.Apply(new ClusterEvent.Synced());
        table.Apply(new ClusterEvent.ServiceSet(service));
        return table;
    }

    private static NfTablesPlane Open(NetworkNamespace lab) =>
        new(new NfTablesOptions { WithCounters = true }, lab.Path, NullLogger.Instance);

    private static void Apply(NfTablesPlane plane, ServiceTable table, params ClusterEvent[] changes)
    {
        foreach (ClusterEvent change in changes)
            table.Apply(change);
        Assert.True(plane.Apply(table.DrainAt(AddressPlan.None)).IsInForce);
    }

    private static string[] Counted(NetworkNamespace lab) =>
        [.. FrontendCounter.ReadAll(lab.Path).Select(counter => $"{counter.Service} {counter.Connections}")];

    private static void Send(NetworkNamespace lab, string address, int times) => lab.Run(() =>
    {
        for (int i = 0; i < times; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.SendTo([1], new System.Net.IPEndPoint(System.Net.IPAddress.Parse(address), 53));
            }
            catch (SocketException refused) when (refused.SocketErrorCode == SocketError.AccessDenied)
            {
                // A rule that refuses a packet of this machine's own is told to the sender at once.
            }
        }
    });
}
