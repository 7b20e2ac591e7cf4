using System.Collections.Immutable;

namespace Portolan.Rules.Dialects;

/// <summary>
/// What only kube-proxy's ipvs mode makes, beside the chains that it has in common with mode iptables: where it is no longer kept, it is of
/// no use, and rejects what others serve at the same addresses.
/// </summary>
/// <remarks>Source: pkg/proxy/ipvs/proxier.go and ipset.go of Kubernetes, v1.8 to v1.36.</remarks>
public static class KubeProxyIpvsLeftovers
{
    private const string Masquerading = "KUBE-FIREWALL";

    // Names of ipsets have at most 31 characters.
    private const int LongestSetName = 31;

    private static readonly string[] s_kinds =
    [
        "LOOP-BACK", "CLUSTER-IP", "EXTERNAL-IP", "EXTERNAL-IP-LOCAL", "LOAD-BALANCER", "LOAD-BALANCER-LOCAL", "LOAD-BALANCER-FW",
        "LOAD-BALANCER-SOURCE-CIDR", "LOAD-BALANCER-SOURCE-IP", "NODE-PORT-TCP", "NODE-PORT-UDP", "NODE-PORT-SCTP-HASH",
        "NODE-PORT-LOCAL-TCP", "NODE-PORT-LOCAL-UDP", "NODE-PORT-LOCAL-SCTP-HASH", "HEALTH-CHECK-NODE-PORT", "IPVS-IPS",
    ];

    /// <summary>The names of its ipsets, in both families.</summary>
    public static ImmutableArray<string> Sets { get; } =
    [
        .. from prefix in (string[])["KUBE-", "KUBE-6-"]
           from kind in s_kinds
           let name = prefix + kind
           select name[..Math.Min(name.Length, LongestSetName)],
    ];

    /// <summary>A chain that is there with every version of it since v1.24.</summary>
    public static string AccessFilter => "KUBE-IPVS-FILTER";

    /// <summary>True for a chain that only mode ipvs has.</summary>
    /// <param name="chain">Its name.</param>
    /// <param name="isNat">True for one of table nat, false for one of table filter. Of two names one table's are the kubelet's.</param>
    public static bool IsChain(ReadOnlySpan<char> chain, bool isNat) => chain
        is "KUBE-NODE-PORT" or "KUBE-LOAD-BALANCER" or "KUBE-IPVS-FILTER" or "KUBE-IPVS-OUT-FILTER" or "KUBE-SOURCE-RANGES-FIREWALL"
        || (isNat && chain is Masquerading);

    /// <summary>The ipsets with the NodePorts of a protocol, of type bitmap:port; none for SCTP.</summary>
    /// <param name="isTcp">True for TCP, false for UDP.</param>
    public static ImmutableArray<string> NodePortSets(bool isTcp) =>
        [.. Sets.Where(name => name.EndsWith(isTcp ? "-TCP" : "-UDP", StringComparison.Ordinal))];
}
