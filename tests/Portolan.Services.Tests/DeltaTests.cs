using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>What a drain hands out.</summary>
public sealed class DeltaTests
{
    private static ServiceObject Web => Service("ns1/web", "172.30.0.1");

    private static EndpointSliceObject WebSlice(params EndpointObject[] endpoints) => Slice("ns1/web-1", "ns1/web", endpoints);

    [Fact]
    public void Nothing_is_handed_out_before_the_whole_cluster_was_seen()
    {
        var table = new ServiceTable(new() { NodeName = ThisNode });
        table.Apply(new ClusterEvent.ServiceSet(Web));
        Assert.False(table.IsSynced);
        Assert.True(table.Drain().IsEmpty);
        Assert.Empty(table.Plans);

        table.Apply(new ClusterEvent.SliceSet(WebSlice(Here("10.180.0.1"))));
        table.Apply(new ClusterEvent.Synced());
        TableDelta first = table.Drain();

        Assert.True(table.IsSynced);
        Assert.Equal("ns1/web", Assert.Single(first.Services).Service.ToString());
        Assert.NotNull(first.Node);
        Assert.Empty(table.Problems);
    }

    [Fact]
    public void The_first_delta_of_an_empty_cluster_carries_the_node_wide_facts_alone()
    {
        var table = new ServiceTable(new() { NodeName = ThisNode });
        table.Apply(new ClusterEvent.Synced());

        TableDelta first = table.Drain();
        Assert.Empty(first.Services);
        Assert.Equal(NodePlan.None with { Addresses = AddressPlan.None with { NodePortsOnAllIPv4 = true, NodePortsOnAllIPv6 = true } },
            first.Node);
        Assert.True(table.Drain().IsEmpty);
    }

    [Fact]
    public void Objects_read_again_without_a_change_give_an_empty_delta()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Web, WebSlice(Here("10.180.0.1"), Here("10.180.0.2")), TheNode("zone-a", "192.168.0.2"));

        Assert.True(cluster.Set(Web, WebSlice(Here("10.180.0.2"), Here("10.180.0.1")), TheNode("zone-a", "192.168.0.2")).IsEmpty);
    }

    [Fact]
    public void Several_events_for_a_service_give_one_change()
    {
        var cluster = new ClusterUnderTest();
        TableDelta delta = cluster.Set(Web, WebSlice(Here("10.180.0.1")), WebSlice(Here("10.180.0.2")), Web with { AffinitySeconds = 5 });

        ServiceChange change = Assert.Single(delta.Services);
        Assert.Equal("10.180.0.2:80", Assert.Single(change.Plan!.Ports[0].ClusterBackends).Endpoint.ToString());
        Assert.Equal(5, change.Plan.Ports[0].AffinitySeconds);
    }

    [Fact]
    public void A_service_that_comes_and_goes_between_two_drains_is_not_mentioned()
    {
        var cluster = new ClusterUnderTest();

        Assert.True(cluster.Set(Web, new ClusterEvent.ServiceGone(Web.Name)).IsEmpty);
    }

    [Fact]
    public void A_service_that_goes_is_told_once()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Web);

        Assert.Equal([new ServiceChange(Web.Name, null)], cluster.RemoveService("ns1/web").Services);
        Assert.True(cluster.RemoveService("ns1/web").IsEmpty);
        Assert.Equal(0, cluster.Table.PlanCount);
    }

    [Fact]
    public void Ports_that_did_not_change_keep_their_plan_instance()
    {
        var cluster = new ClusterUnderTest();
        ServiceObject service = Service("ns1/web", "172.30.0.1") with { Ports = [Port(80, name: "a"), Port(81, name: "b")] };
        EndpointSliceObject slice = WebSlice(Here("10.180.0.1")) with { Ports = [SlicePort(80, "a"), SlicePort(81, "b")] };
        cluster.Set(service, slice);
        PortPlan unchanged = cluster.Plan("ns1/web").Ports[0];

        cluster.Set(slice with { Ports = [SlicePort(80, "a"), SlicePort(8081, "b")] });

        Assert.Same(unchanged, cluster.Plan("ns1/web").Ports[0]);
        Assert.Equal(8081, cluster.Plan("ns1/web").Ports[1].ClusterBackends[0].Endpoint.Port);
    }

    [Fact]
    public void Only_services_that_an_event_concerns_are_handed_out()
    {
        var cluster = new ClusterUnderTest();
        for (int i = 1; i <= 50; i++)
            cluster.Set(Service($"ns1/s{i}", $"172.30.1.{i}"), Slice($"ns1/s{i}-1", $"ns1/s{i}", Here($"10.180.1.{i}").ForZones("zone-a")));

        Assert.Equal(["ns1/s7"],
            cluster.Set(Slice("ns1/s7-1", "ns1/s7", Here("10.180.0.7"))).Services.Select(change => change.Service.ToString()));
        Assert.True(cluster.Set(TheNode("zone-b", "192.168.0.9")).IsEmpty);
    }

    [Fact]
    public void Node_wide_facts_come_with_the_delta_in_which_they_change()
    {
        var cluster = new ClusterUnderTest();
        TableDelta added = cluster.Set(
            new ServiceCidrObject { Name = "b", Cidrs = Prefixes("172.30.4.0/24", "fd00:172:30::/108") },
            new ServiceCidrObject { Name = "a", Cidrs = Prefixes("172.30.0.0/16") });

        Assert.Equal(Prefixes("172.30.0.0/16", "fd00:172:30::/108"), added.Node!.ServiceCidrs);
        Assert.Equal(added.Node, cluster.Table.NodePlan);
        Assert.Null(cluster.Set(new ServiceCidrObject { Name = "a", Cidrs = Prefixes("172.30.0.0/16") }).Node);
        Assert.Equal(Prefixes("172.30.4.0/24", "fd00:172:30::/108"), cluster.Set(new ClusterEvent.ServiceCidrGone("a")).Node!.ServiceCidrs);
    }

    [Fact]
    public void Detectors_of_mode_NodeCIDR_follow_the_nodes_pod_ranges()
    {
        var cluster = new ClusterUnderTest(new() { NodeName = ThisNode, DetectByNodeCidr = true });
        Assert.Equal(LocalDetection.None, cluster.Table.NodePlan.DetectorIPv4.Mode);

        TableDelta delta = cluster.Set(TheNode() with { PodCidrs = Prefixes("10.180.0.0/24") });

        Assert.Equal(new LocalDetector(LocalDetection.Cidrs, Prefixes("10.180.0.0/24"), ""), delta.Node!.DetectorIPv4);
        Assert.Equal(LocalDetector.None, delta.Node.DetectorIPv6);
        Assert.Equal(LocalDetector.None, cluster.Set(new ClusterEvent.NodeSet(null)).Node!.DetectorIPv4);
    }

    [Fact]
    public void Detectors_of_other_modes_are_those_of_the_configuration()
    {
        LocalDetector bridge = new(LocalDetection.Interface, [], "cni0");
        var cluster = new ClusterUnderTest(new() { NodeName = ThisNode, DetectorIPv4 = bridge });

        cluster.Set(TheNode() with { PodCidrs = Prefixes("10.180.0.0/24", "fd00:10:180::/64") });
        Assert.Equal(bridge, cluster.Table.NodePlan.DetectorIPv4);
        Assert.Equal(LocalDetector.None, cluster.Table.NodePlan.DetectorIPv6);
    }

    [Fact]
    public void New_problems_are_listed_once_and_stay_known_until_they_are_cured()
    {
        var unreadable = new Problem("Service", "ns1/web", "spec.ports[1].port", "70000 is no port; left out");
        var cluster = new ClusterUnderTest();

        Assert.Equal([unreadable], cluster.Set(Web with { Problems = [unreadable] }).NewProblems);
        Assert.Empty(cluster.Set(Web with { Problems = [unreadable], AffinitySeconds = 5 }).NewProblems);
        Assert.Equal([unreadable], cluster.Table.Problems);
        Assert.Equal([unreadable], cluster.Plan("ns1/web").Problems);

        cluster.Set(Web);
        Assert.Empty(cluster.Table.Problems);
    }

    [Fact]
    public void Problems_of_the_node_and_of_ServiceCIDRs_are_kept_too()
    {
        var node = new Problem("Node", ThisNode, "spec.podCIDRs[0]", "is no range");
        var cidr = new Problem("ServiceCIDR", "a", "spec.cidrs[0]", "is no range");
        var cluster = new ClusterUnderTest();

        TableDelta delta = cluster.Set(new ServiceCidrObject { Name = "a", Problems = [cidr] }, TheNode() with { Problems = [node] });

        Assert.Equal([node, cidr], delta.NewProblems);
        Assert.Equal([node, cidr], cluster.Table.Problems);
    }

    [Fact]
    public void Problems_of_a_service_that_is_not_served_are_known_as_well()
    {
        var bad = new Problem("Service", "ns1/web", "spec.clusterIP", "\"x\" is no address");
        var cluster = new ClusterUnderTest();

        TableDelta delta = cluster.Set(Web with { ClusterIPs = [], Problems = [bad] });

        Assert.Empty(delta.Services);
        Assert.Equal([bad], cluster.Table.Problems);
    }
}
