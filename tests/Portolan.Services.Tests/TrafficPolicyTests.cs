using Portolan.Services.Cluster;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>Which endpoints each kind of client reaches at each kind of frontend, and whose source is rewritten.</summary>
public sealed class TrafficPolicyTests
{
    private const string Both = "10.180.0.1:80 10.180.1.1:80";
    private const string Local = "10.180.0.1:80";
    private const string Remote = "10.180.1.1:80";

    private static readonly string[] s_external = ["198.51.100.7:80", "1.2.3.4:80", "node:3001"];

    private static ServiceObject EverywhereService(bool internalLocal, bool externalLocal) => Service("ns1/svc1", "172.30.0.41") with
    {
        Type = ServiceType.LoadBalancer,
        Ports = [Port(80, nodePort: 3001)],
        ExternalIPs = Addresses("198.51.100.7"),
        LoadBalancerIPs = Addresses("1.2.3.4"),
        InternalPolicyLocal = internalLocal,
        ExternalPolicyLocal = externalLocal,
    };

    private static ClusterUnderTest ClusterWith(ServiceObject service, params EndpointObject[] endpoints)
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(service, Slice("ns1/svc1-1", "ns1/svc1", endpoints));
        return cluster;
    }

    // Rows: internalTrafficPolicy Local, externalTrafficPolicy Local, where the endpoints are, then what is met at the cluster IP by
    // anybody and at every external frontend by pods, by the node and from outside.
    [Theory]
    [InlineData(false, false, "here and elsewhere", Both + " off-cluster", Both + " rewritten", Both + " rewritten", Both + " rewritten")]
    [InlineData(false, false, "elsewhere", Remote + " off-cluster", Remote + " rewritten", Remote + " rewritten", Remote + " rewritten")]
    [InlineData(false, true, "here and elsewhere", Both + " off-cluster", Both + " kept", Both + " rewritten", Local + " kept")]
    [InlineData(false, true, "elsewhere", Remote + " off-cluster", Remote + " kept", Remote + " rewritten", "drop")]
    [InlineData(true, false, "here and elsewhere", Local + " off-cluster", Both + " rewritten", Both + " rewritten", Both + " rewritten")]
    [InlineData(true, false, "elsewhere", "drop", Remote + " rewritten", Remote + " rewritten", Remote + " rewritten")]
    [InlineData(true, true, "here and elsewhere", Local + " off-cluster", Both + " kept", Both + " rewritten", Local + " kept")]
    [InlineData(true, true, "elsewhere", "drop", Remote + " kept", Remote + " rewritten", "drop")]
    [InlineData(false, false, "nowhere", "reject", "reject", "reject", "reject")]
    [InlineData(false, true, "nowhere", "reject", "reject", "reject", "reject")]
    [InlineData(true, false, "nowhere", "reject", "reject", "reject", "reject")]
    [InlineData(true, true, "nowhere", "reject", "reject", "reject", "reject")]
    public void Policies_decide_what_each_client_meets(
        bool internalLocal, bool externalLocal, string endpoints, string atClusterIP, string pod, string node, string outside)
    {
        ClusterUnderTest cluster = ClusterWith(EverywhereService(internalLocal, externalLocal), endpoints switch
        {
            "here and elsewhere" => [Elsewhere("10.180.1.1"), Here("10.180.0.1")],
            "elsewhere" => [Elsewhere("10.180.1.1")],
            _ => [],
        });

        Assert.All(Enum.GetValues<Client>(), client => Assert.Equal(atClusterIP, cluster.Dial(client, "172.30.0.41:80")));
        Assert.All(s_external, frontend => Assert.Equal(pod, cluster.Dial(Client.Pod, frontend)));
        Assert.All(s_external, frontend => Assert.Equal(node, cluster.Dial(Client.Node, frontend)));
        Assert.All(s_external, frontend => Assert.Equal(outside, cluster.Dial(Client.Outside, frontend)));
    }

    [Fact]
    public void A_service_with_unready_endpoints_only_is_refused_at_every_frontend()
    {
        ClusterUnderTest cluster = ClusterWith(EverywhereService(true, true),
            Here("10.180.0.1").With(EndpointConditions.Serving), Elsewhere("10.180.1.1").With(EndpointConditions.Terminating));

        Assert.All([.. s_external, "172.30.0.41:80"], frontend => Assert.Equal("reject", cluster.Dial(Client.Outside, frontend)));
    }

    [Fact]
    public void An_endpoint_without_a_node_name_is_remote()
    {
        ClusterUnderTest cluster = ClusterWith(EverywhereService(true, true), On(null, "10.180.1.1"));

        Assert.Equal("drop", cluster.Dial(Client.Outside, "1.2.3.4:80"));
        Assert.Equal("drop", cluster.Dial(Client.Pod, "172.30.0.41:80"));
        Assert.Equal("10.180.1.1:80 kept", cluster.Dial(Client.Pod, "1.2.3.4:80"));
    }

    [Fact]
    public void MasqueradeAll_concerns_cluster_IPs_and_leaves_external_policy_Local_alone()
    {
        var cluster = new ClusterUnderTest(new() { NodeName = ThisNode, MasqueradeAll = true });
        cluster.Set(EverywhereService(false, true), Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.1")));

        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Pod, "172.30.0.41:80"));
        Assert.Equal("10.180.0.1:80 kept", cluster.Dial(Client.Pod, "node:3001"));
        Assert.Equal("10.180.0.1:80 kept", cluster.Dial(Client.Outside, "1.2.3.4:80"));
    }

    [Fact]
    public void External_policy_Local_works_on_external_IPs_of_a_cluster_IP_service()
    {
        ClusterUnderTest cluster = ClusterWith(Service("ns1/svc1", "172.30.0.41") with
        {
            ExternalIPs = Addresses("192.168.99.33"),
            ExternalPolicyLocal = true,
        }, Elsewhere("10.180.1.1"), Here("10.180.0.1"));

        Assert.Equal(Local + " kept", cluster.Dial(Client.Outside, "192.168.99.33:80"));
        Assert.Equal(Both + " kept", cluster.Dial(Client.Pod, "192.168.99.33:80"));
    }

    [Fact]
    public void Switching_the_policy_on_a_live_service_switches_what_clients_meet()
    {
        ClusterUnderTest cluster = ClusterWith(EverywhereService(false, true), Elsewhere("10.180.1.1"), Here("10.180.0.1"));

        cluster.Set(EverywhereService(false, false));
        Assert.Equal(Both + " rewritten", cluster.Dial(Client.Outside, "node:3001"));
        cluster.Set(EverywhereService(false, true));
        Assert.Equal(Local + " kept", cluster.Dial(Client.Outside, "node:3001"));
    }

    [Fact]
    public void Backend_lists_no_frontend_asks_for_stay_empty()
    {
        ClusterUnderTest cluster =
            ClusterWith(Service("ns1/svc1", "172.30.0.41") with { InternalPolicyLocal = true, ExternalPolicyLocal = true },
            Elsewhere("10.180.1.1"), Here("10.180.0.1"));
        Assert.Empty(cluster.Plan("ns1/svc1").Ports[0].ClusterBackends);

        cluster.Set(Service("ns1/svc1", "172.30.0.41") with { ExternalPolicyLocal = true });
        Assert.Empty(cluster.Plan("ns1/svc1").Ports[0].LocalBackends);
    }

    [Fact]
    public void Equal_backend_lists_are_one_array()
    {
        ClusterUnderTest cluster = ClusterWith(EverywhereService(true, true), Here("10.180.0.1"), Here("10.180.0.2"));
        Plans.PortPlan plan = cluster.Plan("ns1/svc1").Ports[0];

        Assert.Equal(2, plan.LocalBackends.Length);
        Assert.True(plan.ClusterBackends == plan.LocalBackends);
    }
}
