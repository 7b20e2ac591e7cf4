using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.Rules.Tests.Dialects;

/// <summary>Names and comments as kube-proxy makes them; the examples are of its rules in tests/data/harbor.</summary>
public sealed class KubeProxyIptablesTests
{
    [Theory]
    [InlineData("KUBE-SERVICES", KubeChainRole.Services)]
    [InlineData("KUBE-SVC-67NZLRHBNDSAWJRO", KubeChainRole.ClusterEndpoints)]
    [InlineData("KUBE-SVL-67NZLRHBNDSAWJRO", KubeChainRole.LocalEndpoints)]
    [InlineData("KUBE-EXT-67NZLRHBNDSAWJRO", KubeChainRole.External)]
    [InlineData("KUBE-XLB-67NZLRHBNDSAWJRO", KubeChainRole.ExternalLocal)]
    [InlineData("KUBE-FW-67NZLRHBNDSAWJRO", KubeChainRole.LoadBalancer)]
    [InlineData("KUBE-SEP-67NZLRHBNDSAWJRO", KubeChainRole.Endpoint)]
    [InlineData("KUBE-TREE-172.30.0.0-18", KubeChainRole.Branch)]
    [InlineData("KUBE-FORWARD", KubeChainRole.Forward)]
    [InlineData("KUBE-MARK-DROP", KubeChainRole.MarkDrop)]
    [InlineData("KUBE-IPTABLES-HINT", KubeChainRole.IptablesHint)]
    [InlineData("KUBE-SVC", KubeChainRole.None)]
    [InlineData("KUBE-SVC-", KubeChainRole.None)]
    [InlineData("KUBE-POD-FW-67NZLRHBNDSAWJRO", KubeChainRole.None)]
    [InlineData("KUBE-NODE-PORT", KubeChainRole.None)]
    [InlineData("kube-services", KubeChainRole.None)]
    [InlineData("", KubeChainRole.None)]
    public void A_chain_is_known_by_its_name(string chain, KubeChainRole role) => Assert.Equal(role, KubeProxyIptables.RoleOf(chain));

    [Fact]
    public void Each_role_has_a_name_that_is_known_again()
    {
        string[] names =
        [
            KubeProxyIptables.Services, KubeProxyIptables.ExternalServices, KubeProxyIptables.NodePorts, KubeProxyIptables.Postrouting,
            KubeProxyIptables.MarkMasquerade, KubeProxyIptables.MarkDrop, KubeProxyIptables.MarkOffCluster, KubeProxyIptables.Forward,
            KubeProxyIptables.ProxyFirewall, KubeProxyIptables.Firewall, KubeProxyIptables.ProxyCanary, KubeProxyIptables.KubeletCanary,
            KubeProxyIptables.IptablesHint, KubeProxyIptables.ClusterEndpointsPrefix + "A", KubeProxyIptables.LocalEndpointsPrefix + "A",
            KubeProxyIptables.ExternalPrefix + "A", KubeProxyIptables.ExternalLocalPrefix + "A", KubeProxyIptables.LoadBalancerPrefix + "A",
            KubeProxyIptables.EndpointPrefix + "A", KubeProxyIptables.BranchPrefix + "A",
        ];

        Assert.Equal(
            Enum.GetValues<KubeChainRole>().Where(static role => role != KubeChainRole.None),
            names.Select(static name => KubeProxyIptables.RoleOf(name)).Order());
    }

    [Fact]
    public void Hashes_are_those_of_kube_proxy()
    {
        Assert.Equal("67NZLRHBNDSAWJRO", KubeProxyIptables.HashOf("shop/web:http", IpProtocol.Tcp));
        Assert.Equal("67NZLRHBNDSAWJRO", KubeProxyIptables.HashOf("KUBE-SVC-67NZLRHBNDSAWJRO"));
        Assert.Equal("KUBE-SEP-FZQ6KZLGXRSKN2AD", KubeProxyIptables.EndpointChain("shop/web:http", IpProtocol.Tcp, "10.244.1.10:8080"));
        Assert.Equal("KUBE-TREE-255.255.255.252-30", KubeProxyIptables.BranchChain(InetPrefix.Parse("255.255.255.252/30")));
        Assert.InRange(KubeProxyIptables.BranchChain(InetPrefix.Parse("fd00::/64")).Length, 1, 28);
    }

    [Theory]
    [InlineData("shop/web:http", KubeCommentRole.ServicePort, "shop/web:http")]
    [InlineData("default/testsvc:", KubeCommentRole.ServicePort, "default/testsvc")]
    [InlineData("default/testsvc: cluster IP", KubeCommentRole.ClusterIP, "default/testsvc")]
    [InlineData("shop/web:http external IP", KubeCommentRole.ExternalIP, "shop/web:http")]
    [InlineData("shop/web:http loadbalancer IP", KubeCommentRole.LoadBalancerIP, "shop/web:http")]
    [InlineData("shop/web:http has no endpoints", KubeCommentRole.NoEndpoints, "shop/web:http")]
    [InlineData("shop/web:http has no local endpoints", KubeCommentRole.NoLocalEndpoints, "shop/web:http")]
    [InlineData("shop/web:http health check node port", KubeCommentRole.HealthCheckNodePort, "shop/web:http")]
    [InlineData("shop/web:http traffic not accepted by KUBE-FW-A", KubeCommentRole.SourceNotAccepted, "shop/web:http")]
    [InlineData("masquerade traffic for shop/web:http external destinations", KubeCommentRole.TrafficFor, "shop/web:http")]
    [InlineData("route LOCAL traffic for shop/web:http LB IP to service chain", KubeCommentRole.TrafficFor, "shop/web:http")]
    [InlineData("Balancing rule 0 for shop/web:http", KubeCommentRole.TrafficFor, "shop/web:http")]
    [InlineData("kubernetes service portals", KubeCommentRole.None, null)]
    [InlineData("with a/slash", KubeCommentRole.None, null)]
    [InlineData("", KubeCommentRole.None, null)]
    [InlineData(null, KubeCommentRole.None, null)]
    public void A_comment_says_what_its_rule_is_for(string? comment, KubeCommentRole role, string? port) =>
        Assert.Equal(new(role, port), KubeProxyIptablesComment.Parse(comment));

    [Fact]
    public void A_comment_names_the_endpoint_its_rule_leads_to() => Assert.Equal(
        new(KubeCommentRole.ToEndpoint, "shop/web:http", "10.244.1.10:8080"),
        KubeProxyIptablesComment.Parse(KubeProxyIptablesComment.ToEndpoint("shop/web:http", "10.244.1.10:8080")));

    [Fact]
    public void What_is_written_is_read_back()
    {
        const string Port = "shop/web:http";
        (string Comment, KubeCommentRole Role)[] comments =
        [
            (KubeProxyIptablesComment.ClusterIP(Port), KubeCommentRole.ClusterIP),
            (KubeProxyIptablesComment.ExternalIP(Port), KubeCommentRole.ExternalIP),
            (KubeProxyIptablesComment.LoadBalancerIP(Port), KubeCommentRole.LoadBalancerIP),
            (KubeProxyIptablesComment.NoEndpoints(Port), KubeCommentRole.NoEndpoints),
            (KubeProxyIptablesComment.NoLocalEndpoints(Port), KubeCommentRole.NoLocalEndpoints),
            (KubeProxyIptablesComment.HealthCheck(Port), KubeCommentRole.HealthCheckNodePort),
            (KubeProxyIptablesComment.NotAccepted(Port, "KUBE-FW-A"), KubeCommentRole.SourceNotAccepted),
            (KubeProxyIptablesComment.ExternalTraffic("pod", Port), KubeCommentRole.TrafficFor),
            (KubeProxyIptablesComment.LocalTraffic("route", Port), KubeCommentRole.TrafficFor),
            (KubeProxyIptablesComment.BalancingRule(3, Port), KubeCommentRole.TrafficFor),
        ];
        foreach ((string comment, KubeCommentRole role) in comments)
            Assert.Equal(new(role, Port), KubeProxyIptablesComment.Parse(comment));
    }
}
