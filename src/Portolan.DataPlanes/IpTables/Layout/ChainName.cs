using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Portolan.Inet;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>Names of chains, as kube-proxy makes them (pkg/proxy/iptables/proxier.go, portProtoHash and servicePortEndpointChainName).</summary>
internal static class ChainName
{
    public const string Services = "KUBE-SERVICES";
    public const string ExternalServices = "KUBE-EXTERNAL-SERVICES";
    public const string NodePorts = "KUBE-NODEPORTS";
    public const string PostRouting = "KUBE-POSTROUTING";
    public const string MarkMasquerade = "KUBE-MARK-MASQ";
    public const string MarkDrop = "KUBE-MARK-DROP";
    public const string Forward = "KUBE-FORWARD";
    public const string ProxyFirewall = "KUBE-PROXY-FIREWALL";
    public const string Firewall = "KUBE-FIREWALL";
    public const string Canary = "KUBE-PROXY-CANARY";

    /// <summary>Marks for masquerading what comes from outside several ranges; kube-proxy knows one range only and has no such chain.</summary>
    public const string MarkOffCluster = "KUBE-MARK-OFFNET";

    public const string TreePrefix = "KUBE-TREE-";

    /// <summary>
    /// Chains of a service proxy's alone that all services share. KUBE-FIREWALL, KUBE-MARK-DROP and the kubelet's hints are not among them: they
    /// are the kubelet's too and do nothing by themselves.
    /// </summary>
    public static readonly FrozenSet<string> Shared =
        FrozenSet.Create(Services, ExternalServices, NodePorts, PostRouting, MarkMasquerade, Forward, ProxyFirewall, Canary, MarkOffCluster);

    /// <summary>Beginnings of names that belong to one service (or one branch of the tree): without an owner they are stale.</summary>
    public static readonly string[] OwnedPrefixes = ["KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-XLB-", "KUBE-SEP-", TreePrefix];

    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>What follows KUBE-SVC- and its like.</summary>
    public static string HashOf(ServicePortName port) => Hash("", $"{port}{port.Protocol.ToRuleText()}");

    /// <summary>The chain that sends to one endpoint of a port.</summary>
    /// <param name="port">"shop/web:http".</param>
    /// <param name="protocol">The port's protocol.</param>
    /// <param name="endpoint">"10.0.0.1:80".</param>
    public static string OfEndpoint(string port, IpProtocol protocol, string endpoint) =>
        Hash("KUBE-SEP-", $"{port}{protocol.ToRuleText()}{endpoint}");

    /// <summary>
    /// The chain of one branch of the dispatch tree: the prefix itself where it fits the kernel's 28 characters, which IPv4 always does.
    /// </summary>
    public static string OfBranch(InetPrefix prefix) => prefix.Family == IpFamily.IPv4
        ? $"{TreePrefix}{prefix.Address}-{prefix.Length}"
        : Hash(TreePrefix, $"{prefix}");

    /// <summary>True for a chain that exists for one service or branch.</summary>
    public static bool IsOwned(ReadOnlySpan<char> name)
    {
        foreach (string prefix in OwnedPrefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    // Sixteen letters of base32 are the first ten bytes of the digest.
    private static string Hash(string prefix, DefaultInterpolatedStringHandler text)
    {
        // Three bytes a char at most; names of Kubernetes objects fit the stack.
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
