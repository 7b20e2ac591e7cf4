namespace Portolan.Rules.Dialects;

/// <summary>What a chain of kube-proxy's nftables mode is for.</summary>
public enum KubeNftablesChainRole : byte
{
    /// <summary>A chain of another program, or one that no version of kube-proxy's nftables mode creates.</summary>
    None,

    /// <summary>A base chain: nat-prerouting, filter-input and so on.</summary>
    Base,

    /// <summary>services: finds the service by destination and by NodePort.</summary>
    Services,

    /// <summary>service-endpoints-check (v1.29: endpoints-check): rejects or drops at addresses of services without endpoints.</summary>
    ServiceEndpointsCheck,

    /// <summary>nodeport-endpoints-check: the same at NodePorts.</summary>
    NodePortEndpointsCheck,

    /// <summary>cluster-ips-check: rejects ports that no service has at its cluster IP, drops cluster IPs that no service has.</summary>
    ClusterIPsCheck,

    /// <summary>firewall-check: sends load balancer traffic through the service's <see cref="SourceFirewall"/>.</summary>
    FirewallCheck,

    /// <summary>reject-chain: rejects.</summary>
    Reject,

    /// <summary>masquerading: masquerades marked packets and hairpin traffic.</summary>
    Masquerading,

    /// <summary>mark-for-masquerade (v1.29 to v1.30): marks packets to be masqueraded.</summary>
    MarkMasquerade,

    /// <summary>service-HASH-NAME: picks one of all endpoints of a service port.</summary>
    ClusterEndpoints,

    /// <summary>local-HASH-NAME: picks one of the endpoints on this node.</summary>
    LocalEndpoints,

    /// <summary>external-HASH-NAME: takes packets to NodePorts, load balancer addresses and external IPs.</summary>
    External,

    /// <summary>firewall-HASH-NAME: drops sources outside loadBalancerSourceRanges.</summary>
    SourceFirewall,

    /// <summary>endpoint-HASH-NAME__ADDRESS: records the client and translates to one endpoint.</summary>
    Endpoint,
}

/// <summary>The names of kube-proxy's nftables mode, all versions since v1.29: table kube-proxy, one each of families ip and ip6.</summary>
/// <remarks>Source: pkg/proxy/nftables/proxier.go and README.md of Kubernetes.</remarks>
public static class KubeProxyNftables
{
    /// <summary>The table's name, in both families.</summary>
    public const string TableName = "kube-proxy";

    /// <summary>The chain with role <see cref="KubeNftablesChainRole.Services"/>.</summary>
    public const string Services = "services";

    /// <summary>The chain with role <see cref="KubeNftablesChainRole.Masquerading"/>.</summary>
    public const string Masquerading = "masquerading";

    /// <summary>Set of the cluster IPs in use.</summary>
    public const string ClusterIPs = "cluster-ips";

    /// <summary>Set of the node's addresses that take NodePort traffic.</summary>
    public const string NodePortIPs = "nodeport-ips";

    /// <summary>Map: address, protocol and port to the chain that serves them.</summary>
    public const string ServiceIPs = "service-ips";

    /// <summary>Map: protocol and NodePort to the chain that serves them.</summary>
    public const string ServiceNodePorts = "service-nodeports";

    /// <summary>Map: address, protocol and port of a frontend without endpoints to a verdict, drop or goto reject-chain.</summary>
    public const string NoEndpointServices = "no-endpoint-services";

    /// <summary>Map: the same by protocol and NodePort.</summary>
    public const string NoEndpointNodePorts = "no-endpoint-nodeports";

    /// <summary>Map: address, protocol and port with loadBalancerSourceRanges to the chain that checks the source.</summary>
    public const string FirewallIPs = "firewall-ips";

    private const string ServiceEndpointsCheck = "service-endpoints-check", NodePortEndpointsCheck = "nodeport-endpoints-check";
    private const string ClusterIPsCheck = "cluster-ips-check", FirewallCheck = "firewall-check", Reject = "reject-chain";
    private const string MarkMasquerade = "mark-for-masquerade";

    private static readonly (string Prefix, KubeNftablesChainRole Role)[] s_owned =
    [
        ("endpoint-", KubeNftablesChainRole.Endpoint),
        ("service-", KubeNftablesChainRole.ClusterEndpoints),
        ("local-", KubeNftablesChainRole.LocalEndpoints),
        ("external-", KubeNftablesChainRole.External),
        ("firewall-", KubeNftablesChainRole.SourceFirewall),
    ];

    /// <summary>What a chain is for, by its name.</summary>
    /// <returns><see cref="KubeNftablesChainRole.None"/> for a name that kube-proxy's nftables mode does not use.</returns>
    public static KubeNftablesChainRole RoleOf(ReadOnlySpan<char> chain)
    {
        foreach ((string prefix, KubeNftablesChainRole role) in s_owned)
        {
            // After the hash: "namespace/name/protocol/port".
            if (chain.StartsWith(prefix, StringComparison.Ordinal) && chain[prefix.Length..] is var rest && rest.IndexOf('-') > 0
                && rest.Contains('/'))
                return role;
        }
        return chain switch
        {
            Services => KubeNftablesChainRole.Services,
            ServiceEndpointsCheck or "endpoints-check" => KubeNftablesChainRole.ServiceEndpointsCheck,
            NodePortEndpointsCheck => KubeNftablesChainRole.NodePortEndpointsCheck,
            ClusterIPsCheck => KubeNftablesChainRole.ClusterIPsCheck,
            FirewallCheck => KubeNftablesChainRole.FirewallCheck,
            Reject => KubeNftablesChainRole.Reject,
            Masquerading => KubeNftablesChainRole.Masquerading,
            MarkMasquerade => KubeNftablesChainRole.MarkMasquerade,
            "nat-prerouting" or "nat-output" or "nat-postrouting" or "filter-prerouting" or "filter-prerouting-pre-dnat" or "filter-input"
                or "filter-forward"
                or "filter-output" or "filter-output-pre-dnat" or "filter-output-post-dnat" => KubeNftablesChainRole.Base,
            _ => KubeNftablesChainRole.None,
        };
    }

    /// <summary>True for a chain that exists for one service port or endpoint, and is useless without it.</summary>
    public static bool IsOwned(this KubeNftablesChainRole role) => role >= KubeNftablesChainRole.ClusterEndpoints;

    /// <summary>True for the maps of frontends without usable endpoints.</summary>
    public static bool IsNoEndpoints(string set) => set is NoEndpointServices or NoEndpointNodePorts;

    /// <summary>The part of an owned chain's name that is its kind: "service" of "service-J4ITF4R2-default/testsvc/tcp/https".</summary>
    public static string KindOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        int end = chain.IndexOf('-', StringComparison.Ordinal);
        return end < 0 ? chain : chain[..end];
    }

    /// <summary>
    /// The service port of an owned chain, "default/testsvc:https" of "service-J4ITF4R2-default/testsvc/tcp/https"; null for other names.
    /// The kernel cuts long names, so some chains do not show theirs.
    /// </summary>
    public static string? ServicePortOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        int kind = chain.IndexOf('-', StringComparison.Ordinal);
        int hash = kind < 0 ? -1 : chain.IndexOf('-', kind + 1);
        if (hash < 0)
            return null;
        string rest = chain[(hash + 1)..];
        int end = rest.IndexOf("__", StringComparison.Ordinal);
        string[] parts = (end < 0 ? rest : rest[..end]).Split('/');
        return parts.Length == 4 ? parts[3].Length == 0 ? $"{parts[0]}/{parts[1]}" : $"{parts[0]}/{parts[1]}:{parts[3]}" : null;
    }
}
