using Portolan.Rules.Dialects;

namespace Portolan.Rules.Tests.Dialects;

/// <summary>Names that kube-proxy gives its chains and sets in modes nftables and ipvs.</summary>
public sealed class KubeProxyDialectTests
{
    [Theory]
    [InlineData("service-ULMVA6XW-shop/web/tcp/http", KubeNftablesChainRole.ClusterEndpoints)]
    [InlineData("local-ULMVA6XW-shop/web/tcp/http", KubeNftablesChainRole.LocalEndpoints)]
    [InlineData("external-ULMVA6XW-shop/web/tcp/http", KubeNftablesChainRole.External)]
    [InlineData("firewall-ULMVA6XW-shop/web/tcp/http", KubeNftablesChainRole.SourceFirewall)]
    [InlineData("endpoint-5OJB2KTY-shop/web/tcp/http__10.180.0.1/80", KubeNftablesChainRole.Endpoint)]
    [InlineData("services", KubeNftablesChainRole.Services)]
    [InlineData("service-endpoints-check", KubeNftablesChainRole.ServiceEndpointsCheck)]
    [InlineData("firewall-check", KubeNftablesChainRole.FirewallCheck)]
    [InlineData("nat-prerouting", KubeNftablesChainRole.Base)]
    // Portolan's.
    [InlineData("external-local", KubeNftablesChainRole.None)]
    [InlineData("service-ranges", KubeNftablesChainRole.None)]
    [InlineData("", KubeNftablesChainRole.None)]
    public void A_chain_of_mode_nftables_is_known_by_its_name(string chain, KubeNftablesChainRole role) =>
        Assert.Equal(role, KubeProxyNftables.RoleOf(chain));

    [Theory]
    [InlineData("service-ULMVA6XW-shop/web/tcp/http", "shop/web:http")]
    [InlineData("service-ULMVA6XW-shop/web/tcp/", "shop/web")]
    [InlineData("endpoint-5OJB2KTY-shop/my-web/tcp/http__10.180.0.1/80", "shop/my-web:http")]
    [InlineData("service-endpoints-check", null)]
    [InlineData("services", null)]
    public void A_chain_of_mode_nftables_names_its_service_port(string chain, string? port) =>
        Assert.Equal(port, KubeProxyNftables.ServicePortOf(chain));

    [Theory]
    [InlineData("KUBE-CLUSTER-IP", KubeIpvsSetRole.ClusterIPs)]
    [InlineData("KUBE-6-CLUSTER-IP", KubeIpvsSetRole.ClusterIPs)]
    [InlineData("KUBE-LOAD-BALANCER-SOURCE-CIDR", KubeIpvsSetRole.SourceRanges)]
    [InlineData("KUBE-6-LOAD-BALANCER-SOURCE-CID", KubeIpvsSetRole.SourceRanges)]
    [InlineData("KUBE-NODE-PORT-LOCAL-SCTP-HASH", KubeIpvsSetRole.NodePortsLocal)]
    [InlineData("KUBE-SERVICES", KubeIpvsSetRole.None)]
    [InlineData("cali40all-ipam-pools", KubeIpvsSetRole.None)]
    public void An_ipset_of_mode_ipvs_is_known_by_its_name(string set, KubeIpvsSetRole role) =>
        Assert.Equal(role, KubeProxyIpvs.RoleOf(set));
}
