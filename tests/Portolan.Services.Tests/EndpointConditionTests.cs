using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>Ready, serving and terminating endpoints, and copies of one endpoint.</summary>
public sealed class EndpointConditionTests
{
    private const EndpointConditions Nothing = EndpointConditions.None;
    private const EndpointConditions Ready = EndpointConditions.Ready;
    private const EndpointConditions Serving = EndpointConditions.Serving;
    private const EndpointConditions Terminating = EndpointConditions.Terminating;

    private static readonly ServiceObject s_local = Service("ns1/svc1", "172.30.1.1") with
    {
        Type = ServiceType.LoadBalancer,
        LoadBalancerIPs = Addresses("1.2.3.4"),
        ExternalPolicyLocal = true,
    };

    private static ClusterUnderTest ClusterWith(ServiceObject service, params EndpointObject[] endpoints)
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(service, Slice("ns1/svc1-1", "ns1/svc1", endpoints));
        return cluster;
    }

    // Rows: conditions of an endpoint here and of one on another node, and which of them the cluster IP uses.
    [Theory]
    [InlineData(Ready | Serving, Ready | Serving, "both")]
    [InlineData(Ready | Terminating, Ready, "both")]
    [InlineData(Serving, Ready | Serving, "remote")]
    [InlineData(Serving, Nothing, "none")]
    [InlineData(Serving | Terminating, Nothing, "local")]
    [InlineData(Serving | Terminating, Serving | Terminating, "both")]
    [InlineData(Serving | Terminating, Ready | Serving, "remote")]
    [InlineData(Terminating, Terminating, "none")]
    [InlineData(Serving | Terminating, Serving, "local")]
    public void Conditions_decide_which_endpoints_are_used(EndpointConditions here, EndpointConditions elsewhere, string used)
    {
        ClusterUnderTest cluster = ClusterWith(Service("ns1/svc1", "172.30.1.1"), Here("10.180.0.1").With(here),
            Elsewhere("10.180.1.1").With(elsewhere));

        Assert.Equal(used switch
        {
            "both" => "10.180.0.1:80 10.180.1.1:80 off-cluster",
            "local" => "10.180.0.1:80 off-cluster",
            "remote" => "10.180.1.1:80 off-cluster",
            _ => "reject",
        }, cluster.Dial(Client.Pod, "172.30.1.1:80"));
    }

    [Fact]
    public void A_terminating_endpoint_here_beats_a_ready_one_elsewhere_for_policy_Local_only()
    {
        ClusterUnderTest cluster = ClusterWith(s_local, Here("10.180.0.2").Draining(), Here("10.180.0.3").Draining(),
            Here("10.180.0.4").With(Terminating), Elsewhere("10.180.1.5"));

        Assert.Equal("10.180.0.2:80 10.180.0.3:80 kept", cluster.Dial(Client.Outside, "1.2.3.4:80"));
        Assert.Equal("10.180.1.5:80 kept", cluster.Dial(Client.Pod, "1.2.3.4:80"));
        Assert.Equal("10.180.1.5:80 off-cluster", cluster.Dial(Client.Pod, "172.30.1.1:80"));
    }

    [Fact]
    public void A_ready_endpoint_here_ends_the_use_of_terminating_ones_here()
    {
        ClusterUnderTest cluster = ClusterWith(s_local, Here("10.180.0.1"), Here("10.180.0.3").Draining());

        Assert.Equal("10.180.0.1:80 kept", cluster.Dial(Client.Outside, "1.2.3.4:80"));
    }

    [Fact]
    public void Endpoints_that_terminate_elsewhere_leave_policy_Local_dropping_and_the_cluster_IP_serving()
    {
        ClusterUnderTest cluster = ClusterWith(s_local, Elsewhere("10.180.1.5").Draining());

        Assert.Equal("drop", cluster.Dial(Client.Outside, "1.2.3.4:80"));
        Assert.Equal("10.180.1.5:80 off-cluster", cluster.Dial(Client.Pod, "172.30.1.1:80"));
    }

    [Fact]
    public void Internal_policy_Local_refuses_rather_than_drops_when_nothing_serves_anywhere()
    {
        ServiceObject service = Service("ns1/svc1", "172.30.1.1") with { InternalPolicyLocal = true };
        ClusterUnderTest cluster = ClusterWith(service, Here("10.180.0.2").With(Terminating), Elsewhere("10.180.1.5").With(Terminating));
        Assert.Equal("reject", cluster.Dial(Client.Pod, "172.30.1.1:80"));

        cluster.Set(Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.2").With(Terminating), Elsewhere("10.180.1.5").Draining()));
        Assert.Equal("drop", cluster.Dial(Client.Pod, "172.30.1.1:80"));
    }

    [Theory]
    [InlineData("ns1/svc1-0")]
    [InlineData("ns1/svc1-2")]
    public void Of_two_copies_of_an_endpoint_the_one_that_is_not_terminating_wins(string secondSlice)
    {
        ClusterUnderTest cluster = ClusterWith(Service("ns1/svc1", "172.30.1.1"), Here("10.180.0.1").Draining(), Elsewhere("10.180.1.1"));
        cluster.Set(Slice(secondSlice, "ns1/svc1", Elsewhere("10.180.0.1")));

        PortPlan port = cluster.Plan("ns1/svc1").Ports[0];
        Assert.Equal("10.180.0.1:80 10.180.1.1:80 off-cluster", cluster.Dial(Client.Pod, "172.30.1.1:80"));
        Assert.All(port.ClusterBackends, backend => Assert.False(backend.IsLocal));
    }

    [Fact]
    public void Serving_endpoints_of_UDP_ports_are_those_in_use_or_draining()
    {
        ServiceObject dns = Service("ns1/svc1", "172.30.1.1") with { Ports = [Port(53, protocol: IpProtocol.Udp)] };
        var cluster = new ClusterUnderTest();
        cluster.Set(dns,
            Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.4").With(Ready), Here("10.180.0.3").Draining(), Here("10.180.0.2").With(Nothing),
            Elsewhere("10.180.0.1")) with
            { Ports = [SlicePort(53, protocol: IpProtocol.Udp)] });

        Assert.Equal(["10.180.0.1:53", "10.180.0.3:53", "10.180.0.4:53"],
            cluster.Plan("ns1/svc1").Ports[0].ServingEndpoints.Select(endpoint => endpoint.ToString()));
    }

    [Fact]
    public void TCP_ports_list_no_serving_endpoints_because_their_flows_are_never_touched()
    {
        ClusterUnderTest cluster = ClusterWith(Service("ns1/svc1", "172.30.1.1"), Here("10.180.0.1"));

        Assert.Empty(cluster.Plan("ns1/svc1").Ports[0].ServingEndpoints);
    }
}
