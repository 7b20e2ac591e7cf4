using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Portolan.Inet;

namespace Portolan.Rules.Dialects;

/// <summary>What a chain of kube-proxy's iptables mode is for.</summary>
public enum KubeChainRole : byte
{
    /// <summary>A chain of another program, or one that no version of kube-proxy's iptables mode creates.</summary>
    None,

    /// <summary>KUBE-SERVICES: finds the service by destination (nat), rejects cluster IPs without endpoints (filter).</summary>
    Services,

    /// <summary>
    /// KUBE-EXTERNAL-SERVICES (filter, v1.13 and later): rejects or drops at external addresses and NodePorts that cannot serve.
    /// </summary>
    ExternalServices,

    /// <summary>KUBE-NODEPORTS: finds the service by NodePort (nat), accepts health check ports (filter, v1.20 and later).</summary>
    NodePorts,

    /// <summary>KUBE-POSTROUTING (nat): masquerades marked packets.</summary>
    Postrouting,

    /// <summary>KUBE-MARK-MASQ (nat): marks packets to be masqueraded.</summary>
    MarkMasquerade,

    /// <summary>KUBE-MARK-DROP (nat, before v1.25; created by the kubelet as well): marks packets to be dropped by KUBE-FIREWALL.</summary>
    MarkDrop,

    /// <summary>
    /// KUBE-MARK-OFFNET (nat): marks packets from outside several pod ranges for masquerading. Portolan's; kube-proxy has only one
    /// range.
    /// </summary>
    MarkOffCluster,

    /// <summary>
    /// KUBE-FORWARD (filter, v1.9 and later): accepts marked and established packets, drops those in conntrack state INVALID.
    /// </summary>
    Forward,

    /// <summary>KUBE-PROXY-FIREWALL (filter, v1.26 and later): drops clients outside loadBalancerSourceRanges.</summary>
    ProxyFirewall,

    /// <summary>
    /// KUBE-FIREWALL (filter): the kubelet's; drops packets marked by KUBE-MARK-DROP and packets from outside to loopback addresses.
    /// </summary>
    Firewall,

    /// <summary>KUBE-PROXY-CANARY: empty; its absence shows that the table was flushed.</summary>
    ProxyCanary,

    /// <summary>KUBE-KUBELET-CANARY: the same for the kubelet.</summary>
    KubeletCanary,

    /// <summary>KUBE-IPTABLES-HINT (mangle, v1.24 and later): the kubelet's; shows which back-end the node uses.</summary>
    IptablesHint,

    /// <summary>KUBE-SVC-: picks one of all endpoints of a service port.</summary>
    ClusterEndpoints,

    /// <summary>KUBE-SVL- (v1.24 and later): picks one of the endpoints on this node.</summary>
    LocalEndpoints,

    /// <summary>KUBE-EXT- (v1.24 and later): takes packets to NodePorts, load balancer addresses and external IPs.</summary>
    External,

    /// <summary>KUBE-XLB- (before v1.24): the same under externalTrafficPolicy Local.</summary>
    ExternalLocal,

    /// <summary>KUBE-FW-: takes packets to load balancer addresses; since v1.24 only under loadBalancerSourceRanges.</summary>
    LoadBalancer,

    /// <summary>KUBE-SEP-: translates to one endpoint.</summary>
    Endpoint,

    /// <summary>KUBE-TREE-: finds the service by destination within one prefix. Portolan's; kube-proxy has KUBE-SERVICES only.</summary>
    Branch,
}

/// <summary>
/// The names and marks of kube-proxy's iptables mode, all versions since v1.2, with the two kinds of chains Portolan adds: the iptables
/// plane writes with them, and readers of rules recognise chains by their <see cref="KubeChainRole"/>.
/// </summary>
/// <remarks>Source: pkg/proxy/iptables/proxier.go and pkg/kubelet/kubelet_network_linux.go of Kubernetes.</remarks>
public static class KubeProxyIptables
{
    /// <summary>Prefix of the chains of kube-proxy (any mode), the kubelet and Portolan.</summary>
    public const string Prefix = "KUBE-";

    /// <summary>The chain with role <see cref="KubeChainRole.Services"/>.</summary>
    public const string Services = "KUBE-SERVICES";

    /// <summary>The chain with role <see cref="KubeChainRole.ExternalServices"/>.</summary>
    public const string ExternalServices = "KUBE-EXTERNAL-SERVICES";

    /// <summary>The chain with role <see cref="KubeChainRole.NodePorts"/>.</summary>
    public const string NodePorts = "KUBE-NODEPORTS";

    /// <summary>The chain with role <see cref="KubeChainRole.Postrouting"/>.</summary>
    public const string Postrouting = "KUBE-POSTROUTING";

    /// <summary>The chain with role <see cref="KubeChainRole.MarkMasquerade"/>.</summary>
    public const string MarkMasquerade = "KUBE-MARK-MASQ";

    /// <summary>The chain with role <see cref="KubeChainRole.MarkDrop"/>.</summary>
    public const string MarkDrop = "KUBE-MARK-DROP";

    /// <summary>The chain with role <see cref="KubeChainRole.MarkOffCluster"/>.</summary>
    public const string MarkOffCluster = "KUBE-MARK-OFFNET";

    /// <summary>The chain with role <see cref="KubeChainRole.Forward"/>.</summary>
    public const string Forward = "KUBE-FORWARD";

    /// <summary>The chain with role <see cref="KubeChainRole.ProxyFirewall"/>.</summary>
    public const string ProxyFirewall = "KUBE-PROXY-FIREWALL";

    /// <summary>The chain with role <see cref="KubeChainRole.Firewall"/>.</summary>
    public const string Firewall = "KUBE-FIREWALL";

    /// <summary>The chain with role <see cref="KubeChainRole.ProxyCanary"/>.</summary>
    public const string ProxyCanary = "KUBE-PROXY-CANARY";

    /// <summary>The chain with role <see cref="KubeChainRole.KubeletCanary"/>.</summary>
    public const string KubeletCanary = "KUBE-KUBELET-CANARY";

    /// <summary>The chain with role <see cref="KubeChainRole.IptablesHint"/>.</summary>
    public const string IptablesHint = "KUBE-IPTABLES-HINT";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.ClusterEndpoints"/>.</summary>
    public const string ClusterEndpointsPrefix = "KUBE-SVC-";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.LocalEndpoints"/>.</summary>
    public const string LocalEndpointsPrefix = "KUBE-SVL-";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.External"/>.</summary>
    public const string ExternalPrefix = "KUBE-EXT-";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.ExternalLocal"/>.</summary>
    public const string ExternalLocalPrefix = "KUBE-XLB-";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.LoadBalancer"/>.</summary>
    public const string LoadBalancerPrefix = "KUBE-FW-";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.Endpoint"/>.</summary>
    public const string EndpointPrefix = "KUBE-SEP-";

    /// <summary>Prefix of the chains with role <see cref="KubeChainRole.Branch"/>.</summary>
    public const string BranchPrefix = "KUBE-TREE-";

    /// <summary>Bit of the packet mark that requests masquerading, unless iptables.masqueradeBit sets another.</summary>
    public const int MasqueradeBit = 14;

    /// <summary>
    /// Bit of the packet mark that requests dropping, unless the kubelet's iptablesDropBit (removed in v1.28) sets another.
    /// </summary>
    public const int DropBit = 15;

    /// <summary>The mark of <see cref="MasqueradeBit"/>: 0x4000.</summary>
    public const uint MasqueradeMark = 1u << MasqueradeBit;

    /// <summary>The mark of <see cref="DropBit"/>: 0x8000.</summary>
    public const uint DropMark = 1u << DropBit;

    /// <summary>Accounting object that counts packets dropped for their conntrack state INVALID (v1.31 and later).</summary>
    public const string InvalidCounter = "ct_state_invalid_dropped_pkts";

    /// <summary>Accounting object that counts new connections to NodePorts on loopback addresses (v1.32 and later).</summary>
    public const string LocalhostCounter = "localhost_nps_accepted_pkts";

    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>What a chain is for, by its name.</summary>
    /// <returns><see cref="KubeChainRole.None"/> for a name that kube-proxy's iptables mode, the kubelet and Portolan do not use.</returns>
    public static KubeChainRole RoleOf(ReadOnlySpan<char> chain)
    {
        if (!chain.StartsWith(Prefix, StringComparison.Ordinal))
            return KubeChainRole.None;
        ReadOnlySpan<char> rest = chain[Prefix.Length..];
        // The frequent ones first: a start reads hundreds of thousands of rules. Service chains have three letters or two after KUBE-.
        if (rest.Length > 4 && rest[3] == '-')
        {
            return rest[..3] switch
            {
                "SEP" => KubeChainRole.Endpoint,
                "SVC" => KubeChainRole.ClusterEndpoints,
                "SVL" => KubeChainRole.LocalEndpoints,
                "EXT" => KubeChainRole.External,
                "XLB" => KubeChainRole.ExternalLocal,
                _ => KubeChainRole.None,
            };
        }
        if (rest.Length > 3 && rest.StartsWith("FW-", StringComparison.Ordinal))
            return KubeChainRole.LoadBalancer;
        if (rest.Length > 5 && rest.StartsWith("TREE-", StringComparison.Ordinal))
            return KubeChainRole.Branch;
        return chain switch
        {
            Services => KubeChainRole.Services,
            ExternalServices => KubeChainRole.ExternalServices,
            NodePorts => KubeChainRole.NodePorts,
            Postrouting => KubeChainRole.Postrouting,
            MarkMasquerade => KubeChainRole.MarkMasquerade,
            MarkDrop => KubeChainRole.MarkDrop,
            MarkOffCluster => KubeChainRole.MarkOffCluster,
            Forward => KubeChainRole.Forward,
            ProxyFirewall => KubeChainRole.ProxyFirewall,
            Firewall => KubeChainRole.Firewall,
            ProxyCanary => KubeChainRole.ProxyCanary,
            KubeletCanary => KubeChainRole.KubeletCanary,
            IptablesHint => KubeChainRole.IptablesHint,
            _ => KubeChainRole.None,
        };
    }

    /// <summary>
    /// True for a chain that leads to the endpoints of one service port: KUBE-SVC-, KUBE-SVL-, KUBE-EXT-, KUBE-XLB-, KUBE-FW-.
    /// </summary>
    public static bool IsServicePort(this KubeChainRole role) => role
        is KubeChainRole.ClusterEndpoints or KubeChainRole.LocalEndpoints or KubeChainRole.External or KubeChainRole.ExternalLocal
        or KubeChainRole.LoadBalancer;

    /// <summary>True for a chain that exists for one service port, endpoint or branch, and is useless without it.</summary>
    public static bool IsOwned(this KubeChainRole role) => role.IsServicePort() || role is KubeChainRole.Endpoint or KubeChainRole.Branch;

    /// <summary>
    /// True for a chain that only a service proxy creates and all services share. Those the kubelet creates too (KUBE-FIREWALL,
    /// KUBE-MARK-DROP, its canary and hint) are not among them.
    /// </summary>
    public static bool IsShared(this KubeChainRole role) => role
        is KubeChainRole.Services or KubeChainRole.ExternalServices or KubeChainRole.NodePorts or KubeChainRole.Postrouting
        or KubeChainRole.MarkMasquerade or KubeChainRole.MarkOffCluster or KubeChainRole.Forward or KubeChainRole.ProxyFirewall
        or KubeChainRole.ProxyCanary;

    /// <summary>
    /// The common part of a service port's chain names: the text after the last hyphen. For endpoints it is their
    /// own hash.
    /// </summary>
    public static string HashOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        return chain[(chain.LastIndexOf('-') + 1)..];
    }

    /// <summary>The hash in the names of a service port's chains (portProtoHash).</summary>
    /// <param name="port">"shop/web:http"; "shop/web" for a port without a name.</param>
    /// <param name="protocol">The port's protocol.</param>
    public static string HashOf(string port, IpProtocol protocol) => Hash("", $"{port}{protocol.ToRuleText()}");

    /// <summary>The chain that translates to one endpoint of a port (servicePortEndpointChainName).</summary>
    /// <param name="port">"shop/web:http"; "shop/web" for a port without a name.</param>
    /// <param name="protocol">The port's protocol.</param>
    /// <param name="endpoint">"10.0.0.1:80", "[fd00::1]:80".</param>
    public static string EndpointChain(string port, IpProtocol protocol, string endpoint) =>
        Hash(EndpointPrefix, $"{port}{protocol.ToRuleText()}{endpoint}");

    /// <summary>
    /// The chain of one branch of Portolan's dispatch tree: the prefix itself where it fits the kernel's 28 characters, which IPv4 always
    /// does.
    /// </summary>
    public static string BranchChain(InetPrefix prefix) => prefix.Family == IpFamily.IPv4
        ? $"{BranchPrefix}{prefix.Address}-{prefix.Length}"
        : Hash(BranchPrefix, $"{prefix}");

    // Sixteen letters of base32 are the first ten bytes of the digest.
    private static string Hash(string prefix, DefaultInterpolatedStringHandler text)
    {
        // At most three bytes per char; names of Kubernetes objects fit on the stack.
        int size = text.Text.Length * 3;
        Span<byte> utf8 = size <= 1024 ? stackalloc byte[1024] : new byte[size];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(utf8[..Encoding.UTF8.GetBytes(text.Text, utf8)], digest);
        text.Clear();
        Span<char> letters = stackalloc char[16];
        for (int i = 0; i < letters.Length; i++)
        {
            int bit = i * 5;
            int pair = (digest[bit / 8] << 8) | digest[bit / 8 + 1];
            letters[i] = Base32[(pair >> (11 - bit % 8)) & 31];
        }
        return string.Concat(prefix, letters);
    }
}
