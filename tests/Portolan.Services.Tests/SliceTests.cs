using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>How slices and services find each other.</summary>
public sealed class SliceTests
{
    [Fact]
    public void Slices_are_joined_by_port_name_and_protocol_whatever_their_numbers()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(
            Service("ns1/web", "172.30.0.48") with { Ports = [Port(80, name: "web"), Port(80, name: "web", protocol: IpProtocol.Udp)] },
            Slice("ns1/web-1", "ns1/web", Here("10.180.0.1")) with { Ports = [SlicePort(8080, "web"), SlicePort(1, "other")] },
            Slice("ns1/web-2", "ns1/web", Elsewhere("10.180.1.1")) with
            {
                Ports =
                [SlicePort(9090, "web"), SlicePort(53, "web", IpProtocol.Udp)]
            });

        Assert.Equal("10.180.0.1:8080 10.180.1.1:9090 off-cluster", cluster.Dial(Client.Pod, "172.30.0.48:80"));
        Assert.Equal("10.180.1.1:53 off-cluster", cluster.Dial(Client.Pod, "172.30.0.48:80", IpProtocol.Udp));
    }

    [Fact]
    public void One_slice_may_list_a_port_name_with_several_numbers()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/web", "172.30.0.48"),
            Slice("ns1/web-1", "ns1/web", Here("10.180.0.1")) with { Ports = [SlicePort(81), SlicePort(80)] });

        Assert.Equal("10.180.0.1:80 10.180.0.1:81 off-cluster", cluster.Dial(Client.Pod, "172.30.0.48:80"));
    }

    [Theory]
    [InlineData("metrics", IpProtocol.Tcp)]
    [InlineData("", IpProtocol.Udp)]
    public void A_slice_whose_port_does_not_match_counts_as_no_endpoints(string portName, IpProtocol protocol)
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/web", "172.30.0.48"),
            Slice("ns1/web-1", "ns1/web", Here("10.180.0.1")) with { Ports = [SlicePort(80, portName, protocol)] });

        Assert.Equal("reject", cluster.Dial(Client.Pod, "172.30.0.48:80"));
    }

    [Fact]
    public void An_endpoint_in_two_slices_is_used_once()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/web", "172.30.0.48"), Slice("ns1/web-1", "ns1/web", Here("10.180.0.1"), Here("10.180.0.2")),
            Slice("ns1/web-2", "ns1/web", Here("10.180.0.2"), Here("10.180.0.3")));

        Assert.Equal("10.180.0.1:80 10.180.0.2:80 10.180.0.3:80 off-cluster", cluster.Dial(Client.Pod, "172.30.0.48:80"));
        cluster.RemoveSlice("ns1/web-1");
        Assert.Equal("10.180.0.2:80 10.180.0.3:80 off-cluster", cluster.Dial(Client.Pod, "172.30.0.48:80"));
    }

    [Fact]
    public void Slices_that_come_before_their_service_wait_and_say_so()
    {
        var cluster = new ClusterUnderTest();
        TableDelta before = cluster.Set(Slice("ns1/web-1", "ns1/web", Here("10.180.0.1")));
        Assert.True(before.IsEmpty);
        Assert.Equal(
            ["EndpointSlice ns1/web-1, metadata.labels: names Service ns1/web, which does not exist; the slice is kept until it does"],
            cluster.Problems);

        Assert.Single(cluster.Set(Service("ns1/web", "172.30.0.48")).Services);
        Assert.Equal("10.180.0.1:80 off-cluster", cluster.Dial(Client.Pod, "172.30.0.48:80"));
        Assert.Empty(cluster.Problems);
    }

    [Fact]
    public void A_slice_without_the_service_name_label_is_reported_and_not_used()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Slice("ns1/lost", "ns1/", Here("10.180.0.1")));

        Assert.Equal(["EndpointSlice ns1/lost, metadata.labels: no label kubernetes.io/service-name; the slice is not used"],
            cluster.Problems);
        cluster.RemoveSlice("ns1/lost");
        Assert.Empty(cluster.Problems);
    }

    [Fact]
    public void A_slice_whose_label_changes_moves_to_the_other_service()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/a", "172.30.0.1"), Service("ns1/b", "172.30.0.2"), Slice("ns1/s", "ns1/a", Here("10.180.0.1")));

        TableDelta moved = cluster.Set(Slice("ns1/s", "ns1/b", Here("10.180.0.1")));

        Assert.Equal(["ns1/a", "ns1/b"], moved.Services.Select(change => change.Service.ToString()).Order());
        Assert.Equal("reject", cluster.Dial(Client.Pod, "172.30.0.1:80"));
        Assert.Equal("10.180.0.1:80 off-cluster", cluster.Dial(Client.Pod, "172.30.0.2:80"));
    }

    [Fact]
    public void Slices_of_the_other_family_are_not_used()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/web", "172.30.0.48"), Slice("ns1/web-6", "ns1/web", Here("fd00:10:180::1")));

        Assert.Equal("reject", cluster.Dial(Client.Pod, "172.30.0.48:80"));
    }

    [Fact]
    public void A_service_in_another_namespace_with_the_same_name_has_its_own_slices()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/web", "172.30.0.1"), Service("ns2/web", "172.30.0.2"), Slice("ns2/web-1", "ns2/web", Here("10.180.0.1")));

        Assert.Equal("reject", cluster.Dial(Client.Pod, "172.30.0.1:80"));
        Assert.Equal("10.180.0.1:80 off-cluster", cluster.Dial(Client.Pod, "172.30.0.2:80"));
    }

    [Fact]
    public void Five_thousand_endpoints_in_fifty_slices_are_all_used_in_order()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/web", "172.30.0.48"));
        for (int slice = 49; slice >= 0; slice--)
        {
            int first = slice;
            EndpointObject[] endpoints = [.. Enumerable.Range(0, 100)
                .Select(i => On("node-1", $"10.181.{(i * 50 + first) / 250}.{(i * 50 + first) % 250}"))];
            cluster.Set(Slice($"ns1/web-{slice}", "ns1/web", endpoints));
        }

        Plans.PortPlan plan = cluster.Plan("ns1/web").Ports[0];
        Assert.Equal(5000, plan.ClusterBackends.Length);
        Assert.Equal(plan.ClusterBackends.Select(backend => backend.Endpoint).Order(),
            plan.ClusterBackends.Select(backend => backend.Endpoint));
    }
}
