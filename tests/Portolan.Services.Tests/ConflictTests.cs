using Portolan.Services.Cluster;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>Services that claim the same frontend: the older one keeps it, the other is told and gets it as soon as it is free.</summary>
public sealed class ConflictTests
{
    private static readonly DateTimeOffset s_day = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static ServiceObject Old(string name, params string[] clusterIPs) => Service(name, clusterIPs) with { Created = s_day };

    private static ServiceObject Young(string name, params string[] clusterIPs) =>
        Service(name, clusterIPs) with { Created = s_day.AddDays(1) };

    private static string? HolderOf(ClusterUnderTest cluster, string destination)
    {
        foreach (string name in new[] { "ns1/a", "ns1/b", "ns1/c" })
        {
            if (cluster.Dial(Client.Outside, destination).StartsWith(EndpointOf(name), StringComparison.Ordinal))
                return name;
        }
        return null;
    }

    // The endpoint's address tells which service a connection reached.
    private static string EndpointOf(string service) => $"10.180.0.{(int)service[^1]}";

    private static ClusterUnderTest ClusterWithSlices()
    {
        var cluster = new ClusterUnderTest();
        foreach (string name in new[] { "ns1/a", "ns1/b", "ns1/c" })
            cluster.Set(Slice(name + "-1", name, Here(EndpointOf(name))));
        return cluster;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_older_service_keeps_a_shared_external_IP_whichever_came_first(bool youngFirst)
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        ServiceObject old = Old("ns1/b", "172.30.0.2") with { ExternalIPs = Addresses("198.51.100.7") };
        ServiceObject young = Young("ns1/a", "172.30.0.1") with { ExternalIPs = Addresses("198.51.100.7") };
        cluster.Set(youngFirst ? [young] : [old]);
        cluster.Set(youngFirst ? [old] : [young]);

        Assert.Equal("ns1/b", HolderOf(cluster, "198.51.100.7:80"));
        Assert.Equal("ns1/a", HolderOf(cluster, "172.30.0.1:80"));
        Assert.Contains("Service ns1/a, spec.externalIPs: 198.51.100.7:80/tcp belongs to Service ns1/b, which is older; "
            + "not served here until that one releases it", cluster.Problems);
    }

    [Fact]
    public void Of_services_as_old_as_each_other_the_first_by_name_keeps_it()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        cluster.Set(Old("ns1/b", "172.30.0.2") with { ExternalIPs = Addresses("198.51.100.7") });
        cluster.Set(Old("ns1/a", "172.30.0.1") with { ExternalIPs = Addresses("198.51.100.7") });

        Assert.Equal("ns1/a", HolderOf(cluster, "198.51.100.7:80"));
        Assert.Contains("Service ns1/b, spec.externalIPs: 198.51.100.7:80/tcp belongs to Service ns1/a, which is as old and comes " +
            "first by name; "
            + "not served here until that one releases it", cluster.Problems);
    }

    [Fact]
    public void The_next_oldest_gets_the_frontend_in_the_delta_in_which_it_comes_free()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        cluster.Set(
            Service("ns1/c", "172.30.0.3") with { Created = s_day.AddDays(2), ExternalIPs = Addresses("198.51.100.7") },
            Young("ns1/b", "172.30.0.2") with { ExternalIPs = Addresses("198.51.100.7") },
            Old("ns1/a", "172.30.0.1") with { ExternalIPs = Addresses("198.51.100.7") });
        Assert.Equal("ns1/a", HolderOf(cluster, "198.51.100.7:80"));

        TableDelta freed = cluster.Set(Old("ns1/a", "172.30.0.1"));
        Assert.Equal("ns1/b", HolderOf(cluster, "198.51.100.7:80"));
        // ns1/c's plan carries its problem, which names another holder now.
        Assert.Equal(["ns1/a", "ns1/b", "ns1/c"], freed.Services.Select(change => change.Service.ToString()).Order());

        cluster.RemoveService("ns1/b");
        Assert.Equal("ns1/c", HolderOf(cluster, "198.51.100.7:80"));
        Assert.DoesNotContain(cluster.Problems, problem => problem.Contains("198.51.100.7", StringComparison.Ordinal));
    }

    [Fact]
    public void A_service_replaced_by_a_younger_one_of_the_same_name_loses_what_an_older_one_waits_for()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        cluster.Set(Old("ns1/a", "172.30.0.1") with { ExternalIPs = Addresses("198.51.100.7") },
            Young("ns1/b", "172.30.0.2") with { ExternalIPs = Addresses("198.51.100.7") });
        cluster.Set(Old("ns1/a", "172.30.0.1") with { Created = s_day.AddDays(9), ExternalIPs = Addresses("198.51.100.7") });

        Assert.Equal("ns1/b", HolderOf(cluster, "198.51.100.7:80"));
    }

    [Fact]
    public void A_cluster_IP_of_two_services_is_served_for_the_older_and_on_other_ports_for_both()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        cluster.Set(Old("ns1/a", "172.30.0.1"), Young("ns1/b", "172.30.0.1") with { Ports = [Port(80, name: "x"), Port(443)] });

        Assert.Equal("ns1/a", HolderOf(cluster, "172.30.0.1:80"));
        Assert.Equal("ns1/b", HolderOf(cluster, "172.30.0.1:443"));
        Assert.Equal(Addresses("172.30.0.1"), cluster.Plan("ns1/a").ClusterIPs);
        Assert.Empty(cluster.Plan("ns1/b").ClusterIPs);
        Assert.Contains("Service ns1/b, spec.clusterIPs: cluster IP 172.30.0.1 belongs to Service ns1/a, which is older; "
            + "not served here until that one releases it", cluster.Problems);

        cluster.RemoveService("ns1/a");
        Assert.Equal(Addresses("172.30.0.1"), cluster.Plan("ns1/b").ClusterIPs);
        Assert.Equal(["ns1/b:x", "ns1/b"], cluster.Plan("ns1/b").Ports.Select(port => port.Name.ToString()));
        Assert.DoesNotContain(cluster.Problems, problem => problem.Contains("Service ns1/b", StringComparison.Ordinal));
    }

    [Fact]
    public void A_node_port_belongs_to_the_older_service()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        cluster.Set(Old("ns1/a", "172.30.0.1") with { Ports = [Port(80, nodePort: 3001)] },
            Young("ns1/b", "172.30.0.2") with { Ports = [Port(80, nodePort: 3001)] });

        Assert.Equal("ns1/a", HolderOf(cluster, "node:3001"));
        Assert.Contains("Service ns1/b, spec.ports[0].nodePort: node port 3001/tcp belongs to Service ns1/a, which is older; "
            + "not served here until that one releases it", cluster.Problems);
        cluster.Set(Old("ns1/a", "172.30.0.1") with { Ports = [Port(80, nodePort: 3002)] });
        Assert.Equal("ns1/b", HolderOf(cluster, "node:3001"));
    }

    [Fact]
    public void Two_services_share_an_external_IP_on_different_ports_without_complaint()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        cluster.Set(Old("ns1/a", "172.30.0.1") with { ExternalIPs = Addresses("198.51.100.7") },
            Young("ns1/b", "172.30.0.2") with { ExternalIPs = Addresses("198.51.100.7"), Ports = [Port(81)] });

        Assert.Equal("ns1/a", HolderOf(cluster, "198.51.100.7:80"));
        Assert.Equal("ns1/b", HolderOf(cluster, "198.51.100.7:81"));
        Assert.DoesNotContain(cluster.Problems, problem => problem.StartsWith("Service", StringComparison.Ordinal));
    }

    [Fact]
    public void A_service_that_is_not_served_claims_nothing()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        ServiceObject old = Old("ns1/a", "172.30.0.1") with { ExternalIPs = Addresses("198.51.100.7") };
        cluster.Set(old with { HasOtherProxy = true }, Young("ns1/b", "172.30.0.2") with { ExternalIPs = Addresses("198.51.100.7") });
        Assert.Equal("ns1/b", HolderOf(cluster, "198.51.100.7:80"));

        cluster.Set(old);
        Assert.Equal("ns1/a", HolderOf(cluster, "198.51.100.7:80"));
    }

    [Fact]
    public void A_health_check_port_belongs_to_the_older_service()
    {
        ClusterUnderTest cluster = ClusterWithSlices();
        static ServiceObject Checked(ServiceObject service) =>
            service with { Type = ServiceType.LoadBalancer, ExternalPolicyLocal = true, HealthCheckNodePort = 30000 };
        cluster.Set(Checked(Old("ns1/a", "172.30.0.1")), Checked(Young("ns1/b", "172.30.0.2")));

        Assert.NotNull(cluster.Plan("ns1/a").HealthCheck);
        Assert.Null(cluster.Plan("ns1/b").HealthCheck);
        cluster.RemoveService("ns1/a");
        Assert.NotNull(cluster.Plan("ns1/b").HealthCheck);
    }
}
