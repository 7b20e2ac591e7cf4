using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>
/// A table that another version wrote is replaced in one transaction, and clients with session affinity stay with their endpoints.
/// </summary>
public sealed class UpgradeTests
{
    private static readonly InetAddress s_client = InetAddress.Parse("192.0.2.7");
    private static readonly InetEndpoint s_second = new(InetAddress.Parse("10.180.0.2"), 8080);

    [Fact]
    public void Clients_that_a_table_of_layout_1_remembers_stay_with_their_endpoints()
    {
        RequireTools();
        using var lab = new NetworkNamespace("layout-1");
        // A client of two endpoints was at the one last that has more time left; one endpoint is gone; one service has no affinity any
        // more.
        Load(lab, """
            table ip portolan {
              comment "portolan 0.1.0 layout 1"
              map affinity-endpoints {
                type classid : ipv4_addr . inet_service
                elements = { 7000:0010 comment "shop/sticky:web" : 10.180.0.1 . 8080, 7000:0020 comment "shop/sticky:web" : 10.180.0.2 . 8080,
                             7000:0030 comment "shop/sticky:web" : 10.180.0.9 . 8080, 7000:0040 comment "shop/plain:web" : 10.180.0.1 . 8080 }
              }
              set affinity-10800 {
                type ipv4_addr . classid
                size 1000
                flags dynamic,timeout
                timeout 3h
                elements = { 192.0.2.7 . 7000:0010 expires 10m, 192.0.2.7 . 7000:0020 expires 1h,
                             192.0.2.8 . 7000:0030 expires 1h, 192.0.2.9 . 7000:0040 expires 1h }
              }
              chain prerouting { type nat hook prerouting priority dstnat; }
            }
            """);
        using NfTablesPlane plane = Open(lab);

        SyncReport report = plane.Apply(Cluster());

        Assert.True(report.IsInForce);
        Assert.Empty(report.Refusals);
        Assert.Equal(1, report.Transactions);
        AssertSecondRemembered(lab);
    }

    [Fact]
    public void Clients_that_a_table_of_this_layout_remembers_stay_when_another_version_replaces_it()
    {
        RequireTools();
        using var lab = new NetworkNamespace("layout-2");
        uint port, second;
        using (NfTablesPlane plane = Open(lab))
        {
            plane.Apply(Cluster());
            (port, second) = Ids(lab);
        }
        Nft(lab, $"add element ip portolan affinity-clients-10800 {{ 192.0.2.7 . {Class(port)} timeout 3h expires 1h : {Class(second)} }}");
        string listing = Nft(lab, "list table ip portolan");
        Nft(lab, "flush ruleset");
        Load(lab, listing.Replace(TableSchema.TableComment, "portolan 99.9.9 layout 2", StringComparison.Ordinal));

        using NfTablesPlane newer = Open(lab);
        SyncReport report = newer.Apply(Cluster());

        Assert.Equal(1, report.Transactions);
        AssertSecondRemembered(lab);
    }

    [Fact]
    public void A_restart_leaves_a_table_of_this_version_as_it_is()
    {
        RequireTools();
        using var lab = new NetworkNamespace("restart");
        uint port, second;
        using (NfTablesPlane plane = Open(lab))
        {
            plane.Apply(Cluster());
            (port, second) = Ids(lab);
        }
        Nft(lab, $"add element ip portolan affinity-clients-10800 {{ 192.0.2.7 . {Class(port)} timeout 3h expires 1h : {Class(second)} }}");

        using NfTablesPlane restarted = Open(lab);
        SyncReport report = restarted.Apply(Cluster());

        Assert.Equal((0, 0, 0), (report.Written, report.Removed, report.Transactions));
        Assert.Equal((port, second), Ids(lab));
        AssertSecondRemembered(lab);
    }

    private static void AssertSecondRemembered(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        AffinityClient remembered = Assert.Single(kernel.ReadClients(IpFamily.IPv4, "affinity-clients-10800"));
        Assert.Equal((s_client, Ids(lab).Second), (remembered.Client, remembered.AffinityId));
        Assert.InRange(remembered.Left, TimeSpan.FromMinutes(58), TimeSpan.FromMinutes(60));
    }

    /// <summary>The number of the service port, and the affinity id of its second endpoint.</summary>
    private static (uint Port, uint Second) Ids(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        foreach (Element element in kernel.Read(IpFamily.IPv4).Elements.Elements)
        {
            if (element.Set == PortolanSet.AffinityEndpoints && element.TryRead(out ElementFields key, out ElementFields data)
                && data.Endpoint == s_second)
                return (key.AffinityId & AffinityIds.PortMask, key.AffinityId);
        }
        throw new InvalidOperationException($"no affinity id leads to {s_second}");
    }

    private static string Class(uint id) => string.Create(CultureInfo.InvariantCulture, $"{id >> 16:x}:{id & 0xffff:x}");

    private static TableDelta Cluster()
    {
        var table = new ServiceTable(new ProxyPolicy { NodeName = Objects.ThisNode });
        table.Apply(new ClusterEvent.Synced());
        foreach ((string name, int affinity, uint address) in (ReadOnlySpan<(string, int, uint)>)[("sticky", 10800, 0xAC1E_0001),
            ("plain", 0, 0xAC1E_0002)])
        {
            table.Apply(new ClusterEvent.ServiceSet(new ServiceObject
            {
                Name = new("shop", name),
                ClusterIPs = [InetAddress.FromIPv4(address)],
                Ports = [Objects.Port(80, 0, "web")],
                AffinitySeconds = affinity,
            }));
            table.Apply(new ClusterEvent.SliceSet(new EndpointSliceObject
            {
                Name = new("shop", name),
                ServiceName = name,
                Family = IpFamily.IPv4,
                Ports = [Objects.SlicePort(8080, "web")],
                Endpoints = [.. ((string[])["10.180.0.1", "10.180.0.2"]).Select(static endpoint => new EndpointObject(
                    InetAddress.Parse(endpoint), EndpointConditions.Ready | EndpointConditions.Serving, Objects.ThisNode, [], []))],
            }));
        }
        return table.Drain();
    }

    private static NfTablesPlane Open(NetworkNamespace lab) => new(new NfTablesOptions { WithIPv6 = false }, lab.Path, NullLogger.Instance);

    private static void Load(NetworkNamespace lab, string rules) => lab.Run(() => Tool.Run("nft", ["-f", "-"], rules));

    private static string Nft(NetworkNamespace lab, string command) => lab.Run(() => Tool.Run("nft", [command]));

    private static void RequireTools()
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        Assert.SkipWhen(Tool.Find("nft") is null, "nft (package nftables) is not installed");
    }
}
