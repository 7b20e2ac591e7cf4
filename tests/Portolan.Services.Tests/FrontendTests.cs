using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using static Portolan.Services.Tests.Builders.Objects;

namespace Portolan.Services.Tests;

/// <summary>Which services are served, and at which frontends.</summary>
public sealed class FrontendTests
{
    private static string[] FrontendsOf(PortPlan port) =>
        [.. port.Frontends.Select(frontend => $"{frontend.Kind} {frontend.Address}:{frontend.Port}/{port.Name.Protocol.ToRuleText()}")];

    [Fact]
    public void A_dual_stack_service_has_a_plan_per_port_and_family()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(
            Service("ns1/svc1", "fd00:172:30::41", "172.30.0.41") with
            {
                Ports =
                [Port(80, name: "http"), Port(53, name: "dns", protocol: IpProtocol.Udp)]
            },
            Slice("ns1/svc1-4", "ns1/svc1", Here("10.180.0.1")) with { Ports = [SlicePort(8080, "http")] },
            Slice("ns1/svc1-6", "ns1/svc1", Here("fd00:10:180::1")) with { Ports = [SlicePort(8086, "http")] });

        ServicePlan plan = cluster.Plan("ns1/svc1");
        Assert.Equal(["ns1/svc1:http IPv4", "ns1/svc1:http IPv6", "ns1/svc1:dns IPv4", "ns1/svc1:dns IPv6"],
            plan.Ports.Select(port => $"{port.Name} {port.Family}"));
        Assert.Equal(Addresses("172.30.0.41", "fd00:172:30::41"), plan.ClusterIPs);
        Assert.Equal("10.180.0.1:8080 off-cluster", cluster.Dial(Client.Pod, "172.30.0.41:80"));
        Assert.Equal("[fd00:10:180::1]:8086 off-cluster", cluster.Dial(Client.Pod, "[fd00:172:30::41]:80"));
        Assert.Equal("reject", cluster.Dial(Client.Pod, "[fd00:172:30::41]:53", IpProtocol.Udp));
    }

    [Fact]
    public void Frontends_are_listed_cluster_IP_first_and_addresses_of_a_family_without_cluster_IP_are_ignored()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41") with
        {
            Type = ServiceType.LoadBalancer,
            Ports = [Port(80, nodePort: 3001)],
            ExternalIPs = Addresses("198.51.100.7", "2001:db8:ffff::7", "198.51.100.8", "198.51.100.7"),
            LoadBalancerIPs = Addresses("2001:db8:ffff::4", "1.2.3.4"),
        });

        PortPlan port = Assert.Single(cluster.Plan("ns1/svc1").Ports);
        Assert.Equal(
            ["ClusterIP 172.30.0.41:80/tcp", "ExternalIP 198.51.100.7:80/tcp", "ExternalIP 198.51.100.8:80/tcp",
                "LoadBalancer 1.2.3.4:80/tcp",
                "NodePort :3001/tcp"],
            FrontendsOf(port));
        Assert.Empty(cluster.Problems);
    }

    [Fact]
    public void A_node_port_is_served_in_each_family_of_the_service()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41", "fd00:172:30::41") with
        {
            Type = ServiceType.NodePort,
            Ports = [Port(80, nodePort: 3001)]
        });

        Assert.Equal([IpFamily.IPv4, IpFamily.IPv6], cluster.Plan("ns1/svc1").Ports
            .Where(port => port.Frontends.Any(frontend => frontend is { Kind: FrontendKind.NodePort, Port: 3001 }))
            .Select(port => port.Family));
    }

    [Fact]
    public void One_port_number_may_be_TCP_and_UDP_and_SCTP()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(
            Service("ns1/dns", "172.30.0.41") with
            {
                Type = ServiceType.NodePort,
                Ports = [Port(53, 3053, "t"), Port(53, 3053, "u", IpProtocol.Udp), Port(53, 3053, "s", IpProtocol.Sctp)],
            },
            Slice("ns1/dns-1", "ns1/dns", Here("10.180.0.1")) with
            {
                Ports = [SlicePort(5300, "t"), SlicePort(5301, "u", IpProtocol.Udp), SlicePort(5302, "s", IpProtocol.Sctp)],
            });

        Assert.Equal("10.180.0.1:5300 rewritten", cluster.Dial(Client.Outside, "node:3053"));
        Assert.Equal("10.180.0.1:5301 rewritten", cluster.Dial(Client.Outside, "node:3053", IpProtocol.Udp));
        Assert.Equal("10.180.0.1:5302 off-cluster", cluster.Dial(Client.Outside, "172.30.0.41:53", IpProtocol.Sctp));
        Assert.Empty(cluster.Problems);
    }

    [Fact]
    public void Services_of_other_kinds_are_left_alone_and_come_and_go_with_the_field_that_says_so()
    {
        ServiceObject served = Service("ns1/svc1", "172.30.0.41");
        var cluster = new ClusterUnderTest();
        cluster.Set(served, Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.1")));

        ServiceObject[] skipped =
        [
            served with { HasOtherProxy = true },
            served with { IsHeadless = true, ClusterIPs = [] },
            served with { Type = ServiceType.ExternalName },
            served with { ClusterIPs = [] },
        ];
        Assert.All(skipped, service =>
        {
            Assert.Null(Assert.Single(cluster.Set(service).Services).Plan);
            Assert.Equal("direct", cluster.Dial(Client.Pod, "172.30.0.41:80"));
            Assert.NotNull(Assert.Single(cluster.Set(served).Services).Plan);
        });
        Assert.Empty(cluster.Problems);
    }

    [Fact]
    public void A_service_without_ports_keeps_its_cluster_IP_refusing()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41") with { Ports = [] });

        Assert.Equal(Addresses("172.30.0.41"), cluster.Plan("ns1/svc1").ClusterIPs);
        Assert.Empty(cluster.Plan("ns1/svc1").Ports);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.1")]
    public void Addresses_that_would_capture_the_nodes_own_traffic_are_refused_and_reported(string address)
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41") with
        {
            ExternalIPs = Addresses(address, "198.51.100.7"),
            LoadBalancerIPs = Addresses(address)
        },
            Slice("ns1/svc1-1", "ns1/svc1", Here("10.180.0.1")));

        Assert.Equal("direct", cluster.Dial(Client.Node, $"{address}:80"));
        Assert.Equal("10.180.0.1:80 rewritten", cluster.Dial(Client.Outside, "198.51.100.7:80"));
        Assert.Equal(
            [$"Service ns1/svc1, spec.externalIPs: {address} is unspecified, loopback or multicast; not served",
                $"Service ns1/svc1, status.loadBalancer.ingress: {address} is unspecified, loopback or multicast; not served"],
            cluster.Problems);
    }

    [Fact]
    public void A_port_that_repeats_anothers_number_or_name_is_reported_and_the_rest_is_served()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41") with
        {
            Ports =
            [Port(80, name: "a"), Port(80, name: "b"), Port(81, name: "a"), Port(82, name: "c")]
        });

        Assert.Equal(["ns1/svc1:a", "ns1/svc1:c"], cluster.Plan("ns1/svc1").Ports.Select(port => port.Name.ToString()));
        Assert.Equal(["Service ns1/svc1, spec.ports[1]: has the number and protocol of spec.ports[0]; not served",
            "Service ns1/svc1, spec.ports[2]: has the name and protocol of spec.ports[0]; not served"], cluster.Problems);
    }

    [Fact]
    public void A_node_port_that_stands_at_two_ports_is_served_for_the_first_and_reported_once()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41", "fd00:172:30::41") with { Ports = [Port(80, 3001, "a"), Port(81, 3001, "b")] });

        Assert.Equal(["ns1/svc1:a"], cluster.Plan("ns1/svc1").Ports
            .Where(port => port.Frontends.Any(frontend => frontend.Kind == FrontendKind.NodePort)).Select(port => port.Name.ToString())
            .Distinct());
        Assert.Equal(
            ["Service ns1/svc1, spec.ports[1].nodePort: node port 3001/tcp is already used by another port of this service; not served " +
                "for this one"],
            cluster.Problems);
    }

    [Fact]
    public void Affinity_goes_into_every_port_of_the_service()
    {
        var cluster = new ClusterUnderTest();
        cluster.Set(Service("ns1/svc1", "172.30.0.41") with { Ports = [Port(80, name: "a"), Port(81, name: "b")], AffinitySeconds = 600 });

        Assert.All(cluster.Plan("ns1/svc1").Ports, port => Assert.Equal(600, port.AffinitySeconds));
    }
}
