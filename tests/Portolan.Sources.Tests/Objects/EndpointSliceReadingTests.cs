using System.Globalization;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Sources.Manifests;
using Portolan.Sources.Tests.Support;

namespace Portolan.Sources.Tests.Objects;

public class EndpointSliceReadingTests
{
    [Fact]
    public void Every_field_a_proxy_uses_is_read()
    {
        EndpointSliceObject slice = Yaml.Slice(
            """
            [{addresses: [10.1.0.1, ignored], nodeName: node-a, zone: z, conditions: {ready: true, serving: true, terminating: false},
              hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: node-a}]}},
             {addresses: [10.1.0.2], conditions: {ready: false, serving: true, terminating: true}}]
            """,
            "[{name: http, port: 8080}, {name: dns, protocol: UDP, port: 53}, {name: any}, {port: null}]");

        Assert.Empty(slice.Problems);
        Assert.Equal(new ObjectName("shop", "web-1"), slice.Name);
        Assert.Equal("web", slice.ServiceName);
        Assert.Equal(IpFamily.IPv4, slice.Family);
        Assert.Equal(
            [new SlicePortObject("http", IpProtocol.Tcp, 8080), new SlicePortObject("dns", IpProtocol.Udp, 53)],
                slice.Ports.AsEnumerable());
        EndpointObject first = slice.Endpoints[0];
        Assert.Equal("10.1.0.1", first.Address.ToString());
        Assert.Equal("node-a", first.NodeName);
        Assert.Equal(EndpointConditions.Ready | EndpointConditions.Serving, first.Conditions);
        Assert.Equal(["a", "b"], first.ForZones.AsEnumerable());
        Assert.Equal(["node-a"], first.ForNodes.AsEnumerable());
        EndpointObject second = slice.Endpoints[1];
        Assert.Null(second.NodeName);
        Assert.Equal(EndpointConditions.Serving | EndpointConditions.Terminating, second.Conditions);
        Assert.Empty(second.ForZones);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{ready: null, serving: null, terminating: null}")]
    public void Unset_conditions_mean_ready_and_serving(string conditions) =>
        Assert.Equal(
            EndpointConditions.Ready | EndpointConditions.Serving,
            Yaml.Slice($"[{{addresses: [10.1.0.1], conditions: {conditions}}}]").Endpoints.Single().Conditions);

    [Theory]
    [InlineData("IPv4", "\"fd00::1\"", "fd00::1 is not an address of the slice's addressType IPv4")]
    [InlineData("IPv6", "10.1.0.1", "10.1.0.1 is not an address of the slice's addressType IPv6")]
    [InlineData("IPv4", "127.0.0.1", "127.0.0.1 is a loopback address")]
    [InlineData("IPv4", "169.254.169.254", "is a link-local address")]
    [InlineData("IPv4", "224.0.0.1", "is a multicast address")]
    [InlineData("IPv4", "0.0.0.0", "is the unspecified address")]
    [InlineData("IPv6", "\"::1\"", "is a loopback address")]
    [InlineData("IPv6", "\"fe80::1\"", "is a link-local address")]
    [InlineData("IPv4", "pod-1", "'pod-1' is not an IP address")]
    [InlineData("IPv4", "\"\"", "is empty")]
    public void An_address_no_pod_can_have_is_left_out_and_the_others_stay(string addressType, string address, string expected)
    {
        string good = addressType == "IPv4" ? "10.1.0.9" : "fd00::9";
        EndpointSliceObject slice = Yaml.Slice($"[{{addresses: [{address}]}}, {{addresses: [\"{good}\"]}}]", addressType: addressType);
        Assert.Equal(good, slice.Endpoints.Single().Address.ToString());
        Assert.Equal("endpoints[0].addresses[0]", slice.Problems.Single().Field);
        Assert.Contains(expected, slice.Problems.Single().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_address_type_counts_even_behind_the_endpoints()
    {
        ManifestFile file = Yaml.Read(
            "{kind: EndpointSlice, apiVersion: discovery.k8s.io/v1, endpoints: [{addresses: [\"fd00::1\"]}], metadata: {name: s}, " +
                "addressType: IPv6}");
        Assert.Single(((ClusterEvent.SliceSet)file.Objects.Values.Single().Set).Slice.Endpoints);
    }

    [Fact]
    public void A_slice_of_names_is_ignored_and_reported_but_no_error_of_its_file()
    {
        ManifestFile file = Yaml.Read(Yaml.SliceText("[{addresses: [example.org]}]", addressType: "FQDN"));
        Assert.Empty(file.Objects);
        Assert.True(file.IsSound);
        Assert.Contains("EndpointSlice shop/web-1, addressType", file.Problems.Single().Field, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("service.kubernetes.io/headless")]
    [InlineData("service.kubernetes.io/service-proxy-name")]
    public void Slices_that_are_not_for_this_proxy_are_passed_over_quietly(string label)
    {
        ManifestFile file = Yaml.Read(Yaml.SliceText("[{addresses: [bad]}]", metadata: $"name: web-1, labels: {{{label}: \"\"}}"));
        Assert.Empty(file.Objects);
        Assert.Empty(file.Problems);
    }

    [Fact]
    public void Five_thousand_endpoints_in_one_slice_are_read()
    {
        string endpoints = string.Join(", ", Enumerable.Range(0, 5000).Select(i =>
            string.Create(CultureInfo.InvariantCulture, $"{{addresses: [10.1.{i / 250}.{i % 250 + 1}]}}")));
        Assert.Equal(5000, Yaml.Slice($"[{endpoints}]").Endpoints.Length);
    }

    [Fact]
    public void Five_thousand_bad_endpoints_make_a_short_report()
    {
        string endpoints = string.Join(", ", Enumerable.Repeat("{addresses: [127.0.0.1]}", 5000));
        EndpointSliceObject slice = Yaml.Slice($"[{endpoints}]");
        Assert.Empty(slice.Endpoints);
        Assert.InRange(slice.Problems.Length, 2, 20);
        Assert.Contains("4990 more problems", slice.Problems[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_that_many_endpoints_repeat_are_kept_once()
    {
        EndpointSliceObject slice = Yaml.Slice(
            "[{addresses: [10.1.0.1], nodeName: node-a, hints: {forZones: [{name: a}]}}, {addresses: [10.1.0.2], nodeName: node-a, " +
                "hints: {forZones: [{name: a}]}}]");
        Assert.Same(slice.Endpoints[0].NodeName, slice.Endpoints[1].NodeName);
        Assert.True(slice.Endpoints[0].ForZones.Equals(slice.Endpoints[1].ForZones));
    }
}
