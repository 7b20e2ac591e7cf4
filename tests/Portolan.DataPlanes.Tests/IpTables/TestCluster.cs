using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>Services by number, every fifth of them with a NodePort, a load balancer or policy Local.</summary>
internal static class TestCluster
{
    public static ObjectName NameOf(int number) => new("test", $"service-{number}");

    public static ServiceTable Empty()
    {
        ServiceTable table = ClusterTable.New();
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    public static ServiceTable Of(int services, int endpoints)
    {
        ServiceTable table = Empty();
        for (int i = 0; i < services; i++)
        {
            table.Apply(Service(i));
            table.Apply(Slice(i, endpoints));
        }
        return table;
    }

    public static ClusterEvent.ServiceSet Service(int number) => new(new ServiceObject
    {
        Name = NameOf(number),
        Type = number % 5 == 0 ? ServiceType.LoadBalancer : ServiceType.ClusterIP,
        ClusterIPs = [InetAddress.FromIPv4(0xac1e_0001 + (uint)number * 7)],
        LoadBalancerIPs = number % 5 == 0 ? [InetAddress.FromIPv4(0xac06_0001 + (uint)number)] : [],
        Ports = [new("http", IpProtocol.Tcp, 80, (ushort)(number % 5 == 0 ? 30000 + number : 0))],
        ExternalPolicyLocal = number % 10 == 0,
        SourceRanges = number % 15 == 0 ? [InetPrefix.Parse("203.0.113.0/24")] : [],
        AffinitySeconds = number % 7 == 0 ? 10800 : 0,
    });

    /// <summary>A service that the tools take exception to: their match for ICMP knows no ports.</summary>
    public static ClusterEvent.ServiceSet RefusedService(int number) =>
        new(Service(number).Service with { Ports = [new("http", IpProtocol.Icmp, 80, 0)] });

    public static ClusterEvent.SliceSet Slice(int number, int endpoints, IpProtocol protocol = IpProtocol.Tcp) =>
        new(new EndpointSliceObject
        {
            Name = NameOf(number),
            ServiceName = NameOf(number).Name,
            Family = IpFamily.IPv4,
            Ports = [new("http", protocol, 8080)],
            Endpoints = [.. Enumerable.Range(0, endpoints).Select(i => new EndpointObject(
            InetAddress.FromIPv4(0x0af4_0001 + (uint)(number * 16 + i)),
            EndpointConditions.Ready | EndpointConditions.Serving,
            i % 2 == 0 ? "node-a" : "node-b",
            ImmutableArray<string>.Empty,
            ImmutableArray<string>.Empty))],
        });
}
