using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Services;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;

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
            Objects.Slice("shop/full-1", "shop/full", Objects.Here("192.168.0.2")) with { Ports = [Objects.SlicePort(5353, "dns", IpProtocol.Udp)] }));
        using var plane = new NfTablesPlane(new NfTablesOptions { WithCounters = true }, lab.Path, NullLogger.Instance);
        SyncReport report = plane.Apply(table.Drain(), NodeFacts.None);
        Assert.True(report.IsInForce);

        lab.Run(() =>
        {
            foreach ((string address, int times) in new[] { ("172.30.0.1", 3), ("172.30.0.2", 2) })
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
            }
        });

        Assert.Equal(
        [
            new FrontendCounter("shop/empty:dns", InetAddress.Parse("172.30.0.2"), IpProtocol.Udp, 53, 2, 2, 0),
            new FrontendCounter("shop/full:dns", InetAddress.Parse("172.30.0.1"), IpProtocol.Udp, 53, 3, 0, 0),
        ], FrontendCounter.ReadAll(lab.Path));

        // A look at the kernel, as after a restart, keeps what was counted.
        Assert.Equal(0, plane.Reconcile().Written);
        Assert.Equal(3UL, FrontendCounter.ReadAll(lab.Path)[1].Connections);
    }
}
