using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Sources.Manifests;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>The harbor (tests/data/harbor) as node-a sees it, where a kube-proxy wrote the dumps.</summary>
internal static class HarborCluster
{
    public static AddressPlan Node { get; } = new(
        [InetAddress.Parse("127.0.0.1"), InetAddress.Parse("192.168.10.11"), InetAddress.Parse("fd00:10::11")],
        [InetAddress.Parse("127.0.0.1"), InetAddress.Parse("192.168.10.11"), InetAddress.Parse("::1"), InetAddress.Parse("fd00:10::11")])
    {
        NodePortsOnAllIPv4 = true,
        NodePortsOnAllIPv6 = true,
    };

    public static ServiceTable Table()
    {
        ServiceTable table = ClusterTable.New();
        foreach (ClusterEvent change in ManifestSource.ReadOnce(PathOf("cluster.yaml"), "node-a").Events)
            table.Apply(change);
        // The API server's own service, which it makes by itself.
        table.Apply(new ClusterEvent.ServiceSet(new()
        {
            Name = new("default", "kubernetes"),
            ClusterIPs = [InetAddress.Parse("172.30.0.1")],
            Ports = [new("https", IpProtocol.Tcp, 443, 0)],
        }));
        table.Apply(new ClusterEvent.SliceSet(new()
        {
            Name = new("default", "kubernetes"),
            ServiceName = "kubernetes",
            Family = IpFamily.IPv4,
            Ports = [new("https", IpProtocol.Tcp, 8443)],
            Endpoints = [new(InetAddress.Parse("10.97.0.1"), EndpointConditions.Ready | EndpointConditions.Serving, null, [], [])],
        }));
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    public static string PathOf(string file)
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string path = Path.Combine(folder, "tests", "data", "harbor", file);
            if (File.Exists(path))
                return path;
        }
        throw new FileNotFoundException($"tests/data/harbor/{file} is not above {AppContext.BaseDirectory}.");
    }
}

/// <summary>Tables of services with the harbor's way to tell pods apart.</summary>
internal static class ClusterTable
{
    public static ServiceTable New() => new(new ProxyPolicy
    {
        NodeName = "node-a",
        DetectorIPv4 = new(LocalDetection.Cidrs, [InetPrefix.Parse("10.244.0.0/16")], ""),
        DetectorIPv6 = new(LocalDetection.Cidrs, [InetPrefix.Parse("fd00:244::/48")], ""),
    });
}
