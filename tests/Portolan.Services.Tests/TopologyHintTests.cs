using Portolan.Services.Cluster;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>Hints narrow the endpoints of policy Cluster, and only hints do.</summary>
public sealed class TopologyHintTests
{
    private static ClusterUnderTest ClusterIn(string zone, params EndpointObject[] endpoints)
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(TheNode(zone, "192.168.0.2"), Service("ns1/svc1", "172.30.4.1"), Slice("ns1/svc1-1", "ns1/svc1", endpoints));
        return cluster;
    }

    private static string Used(ClusterUnderTest cluster) =>
        cluster.Dial(Client.Pod, "172.30.4.1:80").Replace(" off-cluster", "", StringComparison.Ordinal);

    [Theory]
    [InlineData("zone-a", "10.180.1.3:80")]
    [InlineData("zone-b", "10.180.1.4:80")]
    [InlineData("zone-c", "10.180.1.3:80 10.180.1.4:80")]
    [InlineData("", "10.180.1.3:80 10.180.1.4:80")]
    public void Zone_hints_keep_traffic_in_a_zone_that_has_endpoints(string zone, string used)
    {
        ClusterUnderTest cluster = ClusterIn(zone, Elsewhere("10.180.1.3").ForZones("zone-a"), Elsewhere("10.180.1.4").ForZones("zone-b"));

        Assert.Equal(used, Used(cluster));
    }

    [Fact]
    public void A_ready_endpoint_without_a_hint_turns_hints_off()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a"), Elsewhere("10.180.1.4"));

        Assert.Equal("10.180.1.3:80 10.180.1.4:80", Used(cluster));
    }

    [Fact]
    public void Endpoints_that_are_not_ready_neither_count_nor_spoil_hints()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a"),
            Elsewhere("10.180.1.4").ForZones("zone-b"),
            Here("10.180.0.5").With(EndpointConditions.None), Here("10.180.0.6").Draining());
        Assert.Equal("10.180.1.3:80", Used(cluster));

        cluster.Set(Slice("ns1/svc1-1", "ns1/svc1", Elsewhere("10.180.1.3").ForZones("zone-a").Draining(),
            Elsewhere("10.180.1.4").ForZones("zone-b")));
        Assert.Equal("10.180.1.4:80", Used(cluster));
    }

    [Fact]
    public void An_endpoint_may_be_hinted_for_several_zones()
    {
        ClusterUnderTest cluster = ClusterIn("zone-b", Elsewhere("10.180.1.3").ForZones("zone-a", "zone-b"),
            Elsewhere("10.180.1.4").ForZones("zone-b"),
            Elsewhere("10.180.1.5").ForZones("zone-c"));

        Assert.Equal("10.180.1.3:80 10.180.1.4:80", Used(cluster));
    }

    [Fact]
    public void Node_hints_win_over_zone_hints()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a").ForNodes("node-1"),
            Elsewhere("10.180.1.4").ForZones("zone-b").ForNodes(ThisNode));

        Assert.Equal("10.180.1.4:80", Used(cluster));
    }

    [Fact]
    public void Node_hints_that_do_not_name_this_node_leave_the_zone_to_decide()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a").ForNodes("node-1"),
            Elsewhere("10.180.1.4").ForZones("zone-b").ForNodes("node-2"));

        Assert.Equal("10.180.1.3:80", Used(cluster));
    }

    [Fact]
    public void Node_hints_that_not_all_ready_endpoints_carry_leave_the_zone_to_decide()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a"),
            Elsewhere("10.180.1.4").ForZones("zone-b").ForNodes(ThisNode));

        Assert.Equal("10.180.1.3:80", Used(cluster));
    }

    [Fact]
    public void The_terminating_fallback_ignores_hints()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a").Draining(),
            Elsewhere("10.180.1.4").ForZones("zone-b").Draining());

        Assert.Equal("10.180.1.3:80 10.180.1.4:80", Used(cluster));
    }

    [Fact]
    public void Policy_Local_ignores_hints_and_its_short_circuit_follows_them()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(TheNode("zone-a", "192.168.0.2"),
            Service("ns1/svc1", "172.30.4.1") with
            {
                Type = ServiceType.NodePort,
                Ports = [Port(80, nodePort: 3001)],
                ExternalPolicyLocal = true
            },
            Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.3").ForZones("zone-a"), Here("10.180.0.4").ForZones("zone-b"),
                Elsewhere("10.180.1.6").ForZones("zone-a")));

        Assert.Equal("10.180.0.3:80 10.180.0.4:80 kept", cluster.Dial(Client.Outside, "node:3001"));
        Assert.Equal("10.180.0.3:80 10.180.1.6:80 kept", cluster.Dial(Client.Pod, "node:3001"));
    }

    [Fact]
    public void A_change_of_the_nodes_zone_label_applies_at_once()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a"),
            Elsewhere("10.180.1.4").ForZones("zone-b"));

        Assert.Single(cluster.Set(TheNode("zone-b", "192.168.0.2")).Services);
        Assert.Equal("10.180.1.4:80", Used(cluster));
        cluster.Set(TheNode("", "192.168.0.2"));
        Assert.Equal("10.180.1.3:80 10.180.1.4:80", Used(cluster));
    }

    [Fact]
    public void Hints_spread_over_several_slices_count_together()
    {
        ClusterUnderTest cluster = ClusterIn("zone-a", Elsewhere("10.180.1.3").ForZones("zone-a"));
        cluster.Set(Slice("ns1/svc1-2", "ns1/svc1", Elsewhere("10.180.1.4").ForZones("zone-b")));
        Assert.Equal("10.180.1.3:80", Used(cluster));

        cluster.Set(Slice("ns1/svc1-2", "ns1/svc1", Elsewhere("10.180.1.4")));
        Assert.Equal("10.180.1.3:80 10.180.1.4:80", Used(cluster));
    }
}
