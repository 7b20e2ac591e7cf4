using Portolan.Testing.Namespaces;

namespace Portolan.LabTests;

/// <summary>
/// What a kube-proxy v1.36 in mode ipvs has in the kernel of node-a of the cluster in tests/data/harbor: interface, ipsets, chains, virtual
/// servers.
/// </summary>
internal static class KubeProxyInIpvsMode
{
    private static readonly string[] s_ofDeletedServices = ["172.30.10.99", "192.168.10.11:30999"];

    /// <summary>Puts all of it in force; what is there already stays.</summary>
    /// <param name="node">The node.</param>
    /// <param name="backend">nft or legacy.</param>
    public static void PutInForce(NetworkNamespace node, string backend)
    {
        string script = File.ReadAllText(Path.Combine(Lab.TestFolder, "data", "kube-proxy-ipvs", "put-in-force.sh"));
        node.Run(() => Tool.Run("sh", ["-s", backend], script));
    }

    /// <summary>What of it is in the kernel; empty for nothing.</summary>
    public static string Find(NetworkNamespace node) => node.Run(static () => string.Join('\n',
    [
        .. Tool.Run("ip", ["-o", "link"]).Split('\n').Where(static line => line.Contains("kube-ipvs0", StringComparison.Ordinal)),
        .. Tool.Run("ipset", ["list", "-n"]).Split('\n').Where(static line => line.StartsWith("KUBE-", StringComparison.Ordinal)),
        .. ((string[])["nft", "legacy"]).SelectMany(static backend => Tool.Run($"iptables-{backend}-save", []).Split('\n'))
            .Where(static line => line.StartsWith(":KUBE-", StringComparison.Ordinal)
                && !line.StartsWith(":KUBE-KUBELET", StringComparison.Ordinal)),
        .. Tool.Run("ipvsadm", ["-Sn"]).Split('\n')
            .Where(static line => Array.Exists(s_ofDeletedServices, one => line.Contains(one, StringComparison.Ordinal))),
    ]));
}
