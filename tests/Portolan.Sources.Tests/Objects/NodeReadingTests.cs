using Portolan.Services.Cluster;
using Portolan.Sources.Manifests;
using Portolan.Sources.Tests.Support;

namespace Portolan.Sources.Tests.Objects;

public class NodeReadingTests
{
    [Fact]
    public void Every_field_a_proxy_uses_is_read()
    {
        NodeObject node = Yaml.Node(
            """
            metadata: {name: node-a, labels: {topology.kubernetes.io/zone: a}},
            spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24, "fd00:1::/64"]},
            status: {addresses: [{type: Hostname, address: node-a}, {type: ExternalIP, address: 203.0.113.9},
                                 {type: InternalIP, address: 192.168.0.2}, {address: "fd00::2", type: InternalIP}]}
            """);
        Assert.Empty(node.Problems);
        Assert.Equal("node-a", node.Name);
        Assert.Equal("a", node.Zone);
        Assert.Equal(["192.168.0.2", "fd00::2", "203.0.113.9"], node.Addresses.Select(address => address.ToString()));
        Assert.Equal(["10.1.0.0/24", "fd00:1::/64"], node.PodCidrs.Select(cidr => cidr.ToString()));
        Assert.False(node.IsBeingDeleted);
    }

    [Fact]
    public void The_single_podCIDR_counts_where_there_is_no_list() =>
        Assert.Equal("10.1.0.0/24", Yaml.Node("metadata: {name: n}, spec: {podCIDR: 10.1.0.0/24}").PodCidrs.Single().ToString());

    [Theory]
    [InlineData("metadata: {name: n}, spec: {taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}", true)]
    [InlineData("metadata: {name: n, deletionTimestamp: \"2026-01-01T00:00:00Z\"}", true)]
    [InlineData("metadata: {name: n}, spec: {taints: [{key: other}]}", false)]
    public void A_node_on_its_way_out_is_recognised(string yaml, bool expected) =>
        Assert.Equal(expected, Yaml.Node(yaml).IsBeingDeleted);

    [Fact]
    public void A_bad_address_is_reported_with_its_path() =>
        Assert.Equal(
            "status.addresses[0].address",
            Yaml.Node("metadata: {name: n}, status: {addresses: [{address: here, type: InternalIP}]}").Problems.Single().Field);

    [Fact]
    public void Service_CIDRs_are_read()
    {
        ManifestFile file = Yaml.Read(
            "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: kubernetes}, spec: {cidrs: [10.96.0.0/12, bad, " +
                "\"fd00::/108\"]}}");
        ServiceCidrObject cidr = ((ClusterEvent.ServiceCidrSet)file.Objects.Values.Single().Set).Cidr;
        Assert.Equal("kubernetes", cidr.Name);
        Assert.Equal(["10.96.0.0/12", "fd00::/108"], cidr.Cidrs.Select(range => range.ToString()));
        Assert.Equal("spec.cidrs[1]", cidr.Problems.Single().Field);
    }
}
