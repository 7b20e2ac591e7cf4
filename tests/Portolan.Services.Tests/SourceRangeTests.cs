using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>loadBalancerSourceRanges.</summary>
public sealed class SourceRangeTests
{
    private static ServiceObject Balanced(params string[] ranges) => Service("ns1/svc1", "172.30.0.41", "fd00:172:30::41") with
    {
        Type = ServiceType.LoadBalancer,
        Ports = [Port(80, nodePort: 3001)],
        LoadBalancerIPs = Addresses("1.2.3.4", "5.6.7.8", "2001:db8:ffff::4"),
        ExternalIPs = Addresses("198.51.100.7"),
        SourceRanges = Prefixes(ranges),
    };

    private static ClusterUnderTest ClusterWith(ServiceObject service)
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(service, Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.1")), Slice("ns1/svc1-6", "ns1/svc1", Here("fd00:10:180::1")));
        return cluster;
    }

    [Theory]
    [InlineData(Client.Outside, "203.0.113.127", "10.180.0.1:80 rewritten")]
    [InlineData(Client.Outside, "203.0.113.128", "drop")]
    [InlineData(Client.Pod, "10.180.0.200", "drop")]
    [InlineData(Client.Node, "192.168.0.2", "drop")]
    [InlineData(Client.Outside, "1.2.3.4", "drop")]
    public void Sources_outside_the_ranges_are_dropped_at_the_load_balancers_addresses(Client client, string source, string met)
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.0/25"));

        Assert.Equal(met, cluster.Dial(client, "1.2.3.4:80", source: source));
        Assert.Equal(met, cluster.Dial(client, "5.6.7.8:80", source: source));
    }

    [Fact]
    public void Ranges_do_not_concern_other_frontends()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.0/25"));

        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "node:3001", source: "203.0.113.130"));
        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "198.51.100.7:80", source: "203.0.113.130"));
        Assert.Equal("10.180.0.1:80 off-cluster", cluster.Dial(Client.Outside, "172.30.0.41:80", source: "203.0.113.130"));
    }

    [Fact]
    public void When_a_range_holds_the_nodes_address_the_load_balancers_addresses_are_sources_too()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("192.168.0.0/24"));

        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "5.6.7.8:80", source: "1.2.3.4"));
        cluster.Set(TheNode("", "192.168.1.2"));
        Assert.Equal("drop", cluster.Dial(Client.Outside, "5.6.7.8:80", source: "1.2.3.4"));
    }

    [Fact]
    public void A_bind_address_counts_as_the_nodes_address()
    {
        var cluster = new ClusterUnderTest(new() { NodeName = ThisNode, BindAddress = InetAddress.Parse("192.168.77.1") });
        cluster.Set(Balanced("192.168.77.0/24"), Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.1")));

        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "1.2.3.4"));
    }

    [Theory]
    [InlineData("198.51.100.9/32", "0.0.0.0/0")]
    [InlineData("2001:db8::/32", "2001:db8:1::/48")]
    public void A_zero_length_range_or_none_of_the_family_means_unrestricted(string first, string second)
    {
        ClusterUnderTest cluster = ClusterWith(Balanced(first, second));

        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.130"));
        Assert.All(cluster.Plan("ns1/svc1").Ports.Where(port => port.Family == IpFamily.IPv4), port => Assert.Empty(port.SourceRanges));
    }

    [Fact]
    public void Each_family_has_its_own_ranges()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("2001:db8:cafe::/48", "203.0.113.0/24"));

        Assert.Equal("[fd00:10:180::1]:80 rewritten", cluster.Dial(Client.Outside, "[2001:db8:ffff::4]:80", source: "2001:db8:cafe::2"));
        Assert.Equal("drop", cluster.Dial(Client.Outside, "[2001:db8:ffff::4]:80", source: "2001:db8::2"));
        Assert.Equal("drop", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "198.51.100.1"));
    }

    [Fact]
    public void A_family_whose_ranges_cannot_be_read_is_closed_and_says_so()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced() with { HasUnreadableIPv4Range = true });

        Assert.Equal("drop", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.2"));
        Assert.Equal("[fd00:10:180::1]:80 rewritten", cluster.Dial(Client.Outside, "[2001:db8:ffff::4]:80", source: "2001:db8::2"));
        Assert.Equal(
            ["Service ns1/svc1, spec.loadBalancerSourceRanges: no IPv4 range could be read; the load balancer's IPv4 addresses " +
            "accept no source"],
            cluster.Problems);
    }

    [Fact]
    public void Readable_ranges_stay_in_force_beside_an_unreadable_one()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.0/25") with { HasUnreadableIPv4Range = true });

        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.2"));
        Assert.Equal("drop", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.130"));
    }

    [Fact]
    public void Without_endpoints_a_restricted_frontend_refuses_and_still_says_who_may_knock()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.0/25"));
        cluster.RemoveSlice("ns1/svc1-1");

        Assert.Equal("reject", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.2"));
        Frontend frontend = cluster.Plan("ns1/svc1").Ports[0].Frontends.Single(frontend =>
            frontend.Address == InetAddress.Parse("1.2.3.4"));
        Assert.True(frontend.IsSourceRestricted);
    }

    [Fact]
    public void With_policy_Local_listed_pods_take_the_short_circuit_and_others_are_dropped()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.0/25", "10.180.0.200/32") with { ExternalPolicyLocal = true });
        cluster.Set(Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.1"), Elsewhere("10.180.1.1")));

        Assert.Equal("10.180.0.1:80 kept", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.2"));
        Assert.Equal("10.180.0.1:80 10.180.1.1:80 kept", cluster.Dial(Client.Pod, "1.2.3.4:80", source: "10.180.0.200"));
        Assert.Equal("drop", cluster.Dial(Client.Pod, "1.2.3.4:80", source: "10.180.0.201"));
    }

    [Fact]
    public void Ranges_inside_others_are_left_out_because_interval_sets_refuse_them()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.64/26", "203.0.113.0/24", "203.0.112.0/24", "203.0.113.0/24"));

        Assert.Equal(Prefixes("203.0.112.0/24", "203.0.113.0/24"), cluster.Plan("ns1/svc1").Ports[0].SourceRanges);
    }

    [Fact]
    public void An_external_IP_that_is_the_load_balancers_address_too_keeps_the_ranges()
    {
        ClusterUnderTest cluster = ClusterWith(Balanced("203.0.113.0/25") with { ExternalIPs = Addresses("1.2.3.4") });

        Assert.Equal("drop", cluster.Dial(Client.Outside, "1.2.3.4:80", source: "203.0.113.130"));
        Assert.Single(cluster.Plan("ns1/svc1").Ports[0].Frontends, frontend => frontend.Address == InetAddress.Parse("1.2.3.4"));
    }
}
