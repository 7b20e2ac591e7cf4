using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Sources.Manifests;
using Portolan.Sources.Tests.Support;

namespace Portolan.Sources.Tests.Objects;

public class ServiceReadingTests
{
    private const string OnePort = "clusterIP: 10.0.0.1, ports: [{port: 80}]";

    [Fact]
    public void Every_field_a_proxy_uses_is_read()
    {
        ServiceObject service = Yaml.Service(
            """
            type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, "fd00::1"],
            ports: [{name: http, port: 80, nodePort: 30080, targetPort: web, appProtocol: http}, {name: dns, protocol: UDP, port: 53}],
            externalIPs: [192.0.2.7], loadBalancerSourceRanges: [" 198.51.100.0/24 ", "2001:db8::/32"],
            internalTrafficPolicy: Local, externalTrafficPolicy: Local, healthCheckNodePort: 32000,
            sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, selector: {app: web}
            """,
            "name: web, namespace: shop, uid: u-1, creationTimestamp: \"2026-01-02T03:04:05Z\"",
            "{loadBalancer: {ingress: [{ip: 203.0.113.1}, {ip: 203.0.113.2, ipMode: VIP}, {ip: 203.0.113.3, ipMode: Proxy}, " +
                "{hostname: lb}]}}");

        Assert.Empty(service.Problems);
        Assert.Equal(new ObjectName("shop", "web"), service.Name);
        Assert.Equal("u-1", service.Uid);
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), service.Created);
        Assert.Equal(ServiceType.LoadBalancer, service.Type);
        Assert.Equal(["10.0.0.1", "fd00::1"], service.ClusterIPs.Select(ip => ip.ToString()));
        Assert.Equal(
            [new ServicePortObject("http", IpProtocol.Tcp, 80, 30080), new ServicePortObject("dns", IpProtocol.Udp, 53, 0)],
            service.Ports.AsEnumerable());
        Assert.Equal(["192.0.2.7"], service.ExternalIPs.Select(ip => ip.ToString()));
        Assert.Equal(["203.0.113.1", "203.0.113.2"], service.LoadBalancerIPs.Select(ip => ip.ToString()));
        Assert.Equal(["198.51.100.0/24", "2001:db8::/32"], service.SourceRanges.Select(range => range.ToString()));
        Assert.True(service.InternalPolicyLocal);
        Assert.True(service.ExternalPolicyLocal);
        Assert.Equal(60, service.AffinitySeconds);
        Assert.Equal(32000, service.HealthCheckNodePort);
        Assert.False(service.IsHeadless);
        Assert.False(service.HasOtherProxy);
    }

    [Fact]
    public void What_is_left_out_has_the_defaults_of_the_API()
    {
        ServiceObject service = Yaml.Service(OnePort, "name: web");

        Assert.Empty(service.Problems);
        Assert.Equal(new ObjectName("default", "web"), service.Name);
        Assert.Equal(ServiceType.ClusterIP, service.Type);
        Assert.Equal(["10.0.0.1"], service.ClusterIPs.Select(ip => ip.ToString()));
        Assert.Equal(new ServicePortObject("", IpProtocol.Tcp, 80, 0), service.Ports.Single());
        Assert.False(service.InternalPolicyLocal);
        Assert.False(service.ExternalPolicyLocal);
        Assert.Equal(0, service.AffinitySeconds);
    }

    [Fact]
    public void Client_affinity_without_a_time_lasts_three_hours() =>
        Assert.Equal(10_800, Yaml.Service($"{OnePort}, sessionAffinity: ClientIP").AffinitySeconds);

    [Theory]
    [InlineData("clusterIP: None, ports: [{port: 80}]")]
    [InlineData("clusterIP: None, clusterIPs: [None]")]
    [InlineData("ports: [{port: 80}]")]
    [InlineData("clusterIP: \"\", ports: [{port: 80}]")]
    public void A_service_without_a_cluster_IP_is_headless_and_no_error(string spec)
    {
        ServiceObject service = Yaml.Service(spec);
        Assert.True(service.IsHeadless);
        Assert.Empty(service.Problems);
    }

    [Fact]
    public void The_label_of_another_proxy_is_seen_whatever_its_value() =>
        Assert.True(Yaml.Service(OnePort, "name: web, labels: {service.kubernetes.io/service-proxy-name: \"\"}").HasOtherProxy);

    [Fact]
    public void The_headless_label_makes_a_service_headless() =>
        Assert.True(Yaml.Service(OnePort, "name: web, labels: {service.kubernetes.io/headless: \"\"}").IsHeadless);

    [Theory]
    [InlineData("clusterIP: 10.0.0.1", "spec.ports: the service has no ports")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: 80, name: a}, {port: 0, name: b}]",
        "spec.ports[1].port: 0 is not between 1 and 65535")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: 70000}]", "spec.ports[0].port: 70000 is not between")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{name: x}]", "spec.ports[0]: has no port number")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: http}]", "spec.ports[0].port: is text where a number is expected")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: 80, nodePort: 99999}]", "spec.ports[0].nodePort: 99999 is not between")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: 80, protocol: QUIC}]", "spec.ports[0].protocol: 'QUIC' is not TCP, UDP or SCTP")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: 80, name: \"<b>\"}]", "spec.ports[0].name: is not a valid Kubernetes port name")]
    [InlineData("clusterIP: 10.0.0.1, ports: [{port: 80, name: x}, {port: 81, name: x}]", "spec.ports[1]: a second port named 'x' for tcp")]
    [InlineData("clusterIP: 10.0.0.1, ports: {port: 80}", "spec.ports: is an object where a list is expected")]
    [InlineData("clusterIP: ten, ports: [{port: 80}]", "spec.clusterIP: 'ten' is not an IP address")]
    [InlineData("clusterIP: 12, ports: [{port: 80}]", "spec.clusterIP: is a number where text")]
    [InlineData("clusterIP: 127.0.0.1, ports: [{port: 80}]", "spec.clusterIP: 127.0.0.1 is a loopback address")]
    [InlineData("clusterIPs: [10.0.0.1, 10.0.0.2], ports: [{port: 80}]", "spec.clusterIPs[1]: a second cluster IP of family IPv4")]
    [InlineData(OnePort + ", externalIPs: [169.254.1.1]", "spec.externalIPs[0]: 169.254.1.1 is a link-local address")]
    [InlineData(OnePort + ", type: Magic", "spec.type: 'Magic' is not a service type")]
    [InlineData(OnePort + ", externalTrafficPolicy: local", "spec.externalTrafficPolicy: 'local' is not a traffic policy")]
    [InlineData(OnePort + ", sessionAffinity: Cookie", "spec.sessionAffinity: 'Cookie' is not a session affinity")]
    [InlineData(OnePort + ", sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}", "timeoutSeconds: 0 is not between 1 and 86400")]
    public void A_field_that_cannot_be_used_is_named_with_its_path(string spec, string expected)
    {
        ServiceObject service = Yaml.Service(spec);
        Assert.Contains(expected, Yaml.TextOf(service.Problems), StringComparison.Ordinal);
        Assert.Contains("Service shop/web", Yaml.TextOf(service.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void One_bad_port_does_not_stop_the_others()
    {
        ServiceObject service = Yaml.Service("clusterIP: 10.0.0.1, ports: [{port: 70000, name: a}, {port: 80, name: b}]");
        Assert.Equal("b", service.Ports.Single().Name);
        Assert.Single(service.Problems);
    }

    [Fact]
    public void A_source_range_that_does_not_parse_is_remembered_by_family()
    {
        ServiceObject service = Yaml.Service($"{OnePort}, loadBalancerSourceRanges: [10.0.0.0/40, \"fd00::/8\"]");
        Assert.True(service.HasUnreadableIPv4Range);
        Assert.False(service.HasUnreadableIPv6Range);
        Assert.Equal("fd00::/8", service.SourceRanges.Single().ToString());
        Assert.Contains("spec.loadBalancerSourceRanges[0]: '10.0.0.0/40'", Yaml.TextOf(service.Problems), StringComparison.Ordinal);

        Assert.True(Yaml.Service($"{OnePort}, loadBalancerSourceRanges: [\"fd00::/800\"]").HasUnreadableIPv6Range);
    }

    [Theory]
    [InlineData("web\\nforged log line")]
    [InlineData("we\\\"b")]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("a/b")]
    [InlineData("")]
    public void A_name_that_cannot_come_from_an_API_server_is_refused_and_shown_in_one_line(string name)
    {
        ManifestFile file = Yaml.Read($"{{apiVersion: v1, kind: Service, metadata: {{name: \"{name}\"}}, spec: {{{OnePort}}}}}");
        Assert.Empty(file.Objects);
        Assert.Contains("is not a valid Kubernetes name", file.Problems.Single().Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', file.Problems.Single().ToString());
    }

    [Fact]
    public void A_name_may_have_253_characters_and_no_more()
    {
        Assert.Equal(253, Yaml.Service(OnePort, $"name: {new string('a', 253)}").Name.Name.Length);
        ManifestFile file =
            Yaml.Read($"{{apiVersion: v1, kind: Service, metadata: {{name: {new string('a', 254)}}}, spec: {{{OnePort}}}}}");
        Assert.Empty(file.Objects);
        Assert.True(file.Problems.Single().ToString().Length < 400);
    }
}
