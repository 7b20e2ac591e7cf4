using Portolan.Services.Cluster;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>What a load balancer is told about this node.</summary>
public sealed class HealthCheckTests
{
    private static readonly ServiceObject s_checked = Service("ns1/svc1", "172.30.0.41") with
    {
        Type = ServiceType.LoadBalancer,
        Ports = [Port(80, name: "a"), Port(81, name: "b")],
        ExternalPolicyLocal = true,
        HealthCheckNodePort = 30000,
    };

    private static EndpointSliceObject SliceOf(string name, params EndpointObject[] endpoints) =>
        Slice(name, "ns1/svc1", endpoints) with { Ports = [SlicePort(8080, "a"), SlicePort(8081, "b")] };

    [Fact]
    public void Ready_endpoints_of_this_node_are_counted_once_per_address()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(s_checked, SliceOf("ns1/svc1-1", Here("10.180.0.1"), Here("10.180.0.2"), Elsewhere("10.180.1.1"),
            Here("10.180.0.3").Draining(), Here("10.180.0.4").With(EndpointConditions.Serving)), SliceOf("ns1/svc1-2", Here("10.180.0.2")));

        Assert.Equal(new HealthCheckPlan(30000, 2, null), cluster.Plan("ns1/svc1").HealthCheck);
    }

    [Fact]
    public void Terminating_endpoints_serve_traffic_while_the_health_check_counts_none()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(s_checked with { LoadBalancerIPs = Addresses("1.2.3.4") }, SliceOf("ns1/svc1-1", Here("10.180.0.3").Draining()));

        Assert.Equal(new HealthCheckPlan(30000, 0, null), cluster.Plan("ns1/svc1").HealthCheck);
        Assert.Equal("10.180.0.3:8080 kept", cluster.Dial(Client.Outside, "1.2.3.4:80"));
    }

    [Fact]
    public void Each_family_counts_its_own_endpoints()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(s_checked with { ClusterIPs = Addresses("172.30.0.41", "fd00:172:30::41") }, SliceOf("ns1/svc1-4", Here("10.180.0.1")),
            SliceOf("ns1/svc1-6", Here("fd00:10:180::1"), Here("fd00:10:180::2")));

        Assert.Equal(new HealthCheckPlan(30000, 1, 2), cluster.Plan("ns1/svc1").HealthCheck);
    }

    [Fact]
    public void There_is_none_for_other_types_or_policies()
    {
        var cluster = new ClusterUnderTest();
        ServiceObject[] unchecked_ =
        [
            s_checked with { ExternalPolicyLocal = false },
            s_checked with { Type = ServiceType.NodePort },
            s_checked with { HealthCheckNodePort = 0 },
        ];

        Assert.All(unchecked_, service =>
        {
            cluster.Set(service);
            Assert.Null(cluster.Plan("ns1/svc1").HealthCheck);
        });
    }
}
