using Portolan.Inet;

namespace Portolan.Rules.Dialects;

/// <summary>What an ipset of kube-proxy's ipvs mode holds.</summary>
public enum KubeIpvsSetRole : byte
{
    /// <summary>An ipset of another program, or one that no version of kube-proxy's ipvs mode creates.</summary>
    None,

    /// <summary>KUBE-LOOP-BACK: endpoints of this node, for hairpin traffic.</summary>
    Hairpin,

    /// <summary>KUBE-CLUSTER-IP: cluster IPs and their ports.</summary>
    ClusterIPs,

    /// <summary>KUBE-EXTERNAL-IP: external IPs and their ports.</summary>
    ExternalIPs,

    /// <summary>KUBE-EXTERNAL-IP-LOCAL: those with externalTrafficPolicy Local.</summary>
    ExternalIPsLocal,

    /// <summary>KUBE-LOAD-BALANCER: load balancer addresses and their ports.</summary>
    LoadBalancers,

    /// <summary>KUBE-LOAD-BALANCER-LOCAL: those with externalTrafficPolicy Local.</summary>
    LoadBalancersLocal,

    /// <summary>KUBE-LOAD-BALANCER-FW: those with loadBalancerSourceRanges.</summary>
    SourceRestricted,

    /// <summary>KUBE-LOAD-BALANCER-SOURCE-CIDR: the ranges that may use them.</summary>
    SourceRanges,

    /// <summary>KUBE-LOAD-BALANCER-SOURCE-IP: this node, where it is in the ranges.</summary>
    SourceAddresses,

    /// <summary>KUBE-NODE-PORT-TCP, -UDP, -SCTP-HASH: NodePorts.</summary>
    NodePorts,

    /// <summary>KUBE-NODE-PORT-LOCAL-TCP, -UDP, -SCTP-HASH: NodePorts with externalTrafficPolicy Local.</summary>
    NodePortsLocal,

    /// <summary>KUBE-HEALTH-CHECK-NODE-PORT: ports of health checks.</summary>
    HealthCheckNodePorts,

    /// <summary>KUBE-IPVS-IPS: addresses bound to kube-ipvs0.</summary>
    BoundAddresses,
}

/// <summary>
/// The names of kube-proxy's ipvs mode: its ipsets, and the device that holds the services' addresses. Its chains have the names of
/// <see cref="KubeProxyIptables"/> and some of its own.
/// </summary>
/// <remarks>Source: pkg/proxy/ipvs/proxier.go and ipset.go of Kubernetes.</remarks>
public static class KubeProxyIpvs
{
    /// <summary>The dummy device to which kube-proxy binds the addresses of all services.</summary>
    public const string Device = "kube-ipvs0";

    /// <summary>The chain that marks traffic to load balancers, and the one for node ports.</summary>
    public const string LoadBalancer = "KUBE-LOAD-BALANCER", NodePort = "KUBE-NODE-PORT";

    /// <summary>The chains of INPUT and OUTPUT that reject other ports of services' addresses.</summary>
    public const string Filter = "KUBE-IPVS-FILTER", OutFilter = "KUBE-IPVS-OUT-FILTER";

    /// <summary>The chain that drops sources outside loadBalancerSourceRanges; it is there whether any service has some or not.</summary>
    public const string SourceRangesFirewall = "KUBE-SOURCE-RANGES-FIREWALL";

    private const string Prefix = "KUBE-";

    // Sets of family inet6 have this before their kind: "KUBE-6-CLUSTER-IP".
    private const string IPv6Mark = "6-";

    /// <summary>What an ipset holds, by its name, in both families.</summary>
    /// <returns><see cref="KubeIpvsSetRole.None"/> for a name that kube-proxy's ipvs mode does not use.</returns>
    public static KubeIpvsSetRole RoleOf(ReadOnlySpan<char> set)
    {
        if (!set.StartsWith(Prefix, StringComparison.Ordinal))
            return KubeIpvsSetRole.None;
        ReadOnlySpan<char> kind = set[Prefix.Length..];
        if (kind.StartsWith(IPv6Mark, StringComparison.Ordinal))
            kind = kind[IPv6Mark.Length..];
        // Names of ipsets have at most 31 characters, so two of family inet6 are shortened.
        return kind switch
        {
            "LOOP-BACK" => KubeIpvsSetRole.Hairpin,
            "CLUSTER-IP" => KubeIpvsSetRole.ClusterIPs,
            "EXTERNAL-IP" => KubeIpvsSetRole.ExternalIPs,
            "EXTERNAL-IP-LOCAL" => KubeIpvsSetRole.ExternalIPsLocal,
            "LOAD-BALANCER" => KubeIpvsSetRole.LoadBalancers,
            "LOAD-BALANCER-LOCAL" => KubeIpvsSetRole.LoadBalancersLocal,
            "LOAD-BALANCER-FW" => KubeIpvsSetRole.SourceRestricted,
            "LOAD-BALANCER-SOURCE-CIDR" or "LOAD-BALANCER-SOURCE-CID" => KubeIpvsSetRole.SourceRanges,
            "LOAD-BALANCER-SOURCE-IP" => KubeIpvsSetRole.SourceAddresses,
            "NODE-PORT-TCP" or "NODE-PORT-UDP" or "NODE-PORT-SCTP-HASH" => KubeIpvsSetRole.NodePorts,
            "NODE-PORT-LOCAL-TCP" or "NODE-PORT-LOCAL-UDP" or "NODE-PORT-LOCAL-SCTP-HASH" or "NODE-PORT-LOCAL-SCTP-HAS" =>
                KubeIpvsSetRole.NodePortsLocal,
            "HEALTH-CHECK-NODE-PORT" => KubeIpvsSetRole.HealthCheckNodePorts,
            "IPVS-IPS" => KubeIpvsSetRole.BoundAddresses,
            _ => KubeIpvsSetRole.None,
        };
    }

    /// <summary>The protocol of a set of ports that stores none (bitmap:port), by its name.</summary>
    public static IpProtocol ProtocolOf(string set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Contains("UDP", StringComparison.Ordinal) ? IpProtocol.Udp
            : set.Contains("SCTP", StringComparison.Ordinal) ? IpProtocol.Sctp : IpProtocol.Tcp;
    }
}
