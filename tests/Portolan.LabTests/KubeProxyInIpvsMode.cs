using System.Globalization;
using System.Text;
using Portolan.Testing.Namespaces;

namespace Portolan.LabTests;

/// <summary>
/// What a kube-proxy v1.36 in mode ipvs has in the kernel of node-a of the cluster in tests/data/harbor, of the services with living
/// endpoints: interface, ipsets, chains, virtual servers.
/// </summary>
internal static class KubeProxyInIpvsMode
{
    /// <summary>The cluster IP and the NodePort of services that were deleted while no proxy ran.</summary>
    public const string DeletedClusterIP = "172.30.10.99", DeletedNodePort = "192.168.10.11:30999";

    /// <summary>A server that is nobody's business.</summary>
    public const string ForeignServer = "192.0.2.77:80";

    private static readonly (string Address, string[] Pods, string Flags)[] s_servers =
    [
        ("172.30.10.1:80", ["1.10", "2.10", "3.10"], ""),
        ("172.30.10.2:80", ["1.20", "2.20"], " -p 10800"),
        ("192.168.10.11:30080", ["1.20", "2.20"], " -p 10800"),
        ($"{DeletedClusterIP}:80", ["9.99"], ""),
        (DeletedNodePort, ["9.99"], ""),
    ];

    private static readonly string[] s_sets =
    [
        "KUBE-CLUSTER-IP hash:ip,port", "KUBE-LOAD-BALANCER hash:ip,port", "KUBE-EXTERNAL-IP hash:ip,port", "KUBE-IPVS-IPS hash:ip",
        "KUBE-LOOP-BACK hash:ip,port,ip", "KUBE-NODE-PORT-TCP bitmap:port range 0-65535", "KUBE-LOAD-BALANCER-FW hash:ip,port",
        "KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net", "KUBE-HEALTH-CHECK-NODE-PORT bitmap:port range 0-65535",
    ];

    private static readonly string[] s_members =
    [
        "KUBE-CLUSTER-IP 172.30.10.1,tcp:80", "KUBE-CLUSTER-IP 172.30.10.2,tcp:80", $"KUBE-CLUSTER-IP {DeletedClusterIP},tcp:80",
        "KUBE-IPVS-IPS 172.30.10.1", "KUBE-IPVS-IPS 172.30.10.2", $"KUBE-IPVS-IPS {DeletedClusterIP}",
        "KUBE-NODE-PORT-TCP 30080", "KUBE-NODE-PORT-TCP 30999", "KUBE-LOOP-BACK 10.244.1.10,tcp:8080,10.244.1.10",
    ];

    // pkg/proxy/ipvs/proxier.go: chains, and the rules between them.
    private const string Rules = """
        *nat
        :KUBE-SERVICES - [0:0]
        :KUBE-POSTROUTING - [0:0]
        :KUBE-NODE-PORT - [0:0]
        :KUBE-LOAD-BALANCER - [0:0]
        :KUBE-MARK-MASQ - [0:0]
        -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
        -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
        -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
        -A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
        -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
        -A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
        -A KUBE-POSTROUTING -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
        -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
        -A KUBE-POSTROUTING -j MASQUERADE --random-fully
        -A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN
        -A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER
        -A KUBE-SERVICES ! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
        -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
        -A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
        COMMIT
        *filter
        :KUBE-FORWARD - [0:0]
        :KUBE-NODE-PORT - [0:0]
        :KUBE-PROXY-FIREWALL - [0:0]
        :KUBE-SOURCE-RANGES-FIREWALL - [0:0]
        :KUBE-IPVS-FILTER - [0:0]
        :KUBE-IPVS-OUT-FILTER - [0:0]
        -A INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER
        -A INPUT -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL
        -A INPUT -m comment --comment "kubernetes health check rules" -j KUBE-NODE-PORT
        -A FORWARD -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL
        -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
        -A OUTPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-OUT-FILTER
        -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
        -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN
        -A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
        -A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN
        -A KUBE-IPVS-FILTER -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN
        -A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT
        -A KUBE-NODE-PORT -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT
        -A KUBE-PROXY-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-SOURCE-RANGES-FIREWALL
        -A KUBE-SOURCE-RANGES-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN
        -A KUBE-SOURCE-RANGES-FIREWALL -j DROP
        COMMIT

        """;

    /// <summary>Puts all of it in force; what is there already stays, as with a kube-proxy that starts.</summary>
    /// <param name="node">The node.</param>
    /// <param name="backend">nft or legacy.</param>
    public static void PutInForce(NetworkNamespace node, string backend)
    {
        var script = new StringBuilder("set -e\necho 1 >/proc/sys/net/ipv4/vs/conntrack\n");
        // The interface stays down: its addresses are the machine's all the same.
        script.Append("ip link show kube-ipvs0 >/dev/null 2>&1 || ip link add kube-ipvs0 type dummy\n");
        foreach (string address in s_servers.Select(static server => server.Address.Split(':')[0]).Distinct())
        {
            if (address.StartsWith("172.", StringComparison.Ordinal))
                script.Append(CultureInfo.InvariantCulture, $"ip address replace {address}/32 dev kube-ipvs0\n");
        }
        foreach (string set in s_sets)
            script.Append(CultureInfo.InvariantCulture, $"ipset create -exist {set}\n");
        foreach (string member in s_members)
            script.Append(CultureInfo.InvariantCulture, $"ipset add -exist {member}\n");
        foreach ((string address, string[] pods, string flags) in s_servers.Append((ForeignServer, [], "")))
        {
            script.Append(CultureInfo.InvariantCulture,
                $"ipvsadm -Sn | grep -q -e '-A -t {address} ' || ipvsadm -A -t {address} -s rr{flags}\n");
            foreach (string pod in pods)
            {
                string server = $"-t {address} -r 10.244.{pod}:8080 -m -w 1";
                script.Append(CultureInfo.InvariantCulture, $"ipvsadm -a {server} 2>/dev/null || ipvsadm -e {server}\n");
            }
        }
        node.Run(() =>
        {
            // What loads IPVS, so that its settings exist.
            Tool.Run("ipvsadm", ["-Ln"]);
            Tool.Run("sh", ["-c", script.ToString()]);
            if (!Tool.Run($"iptables-{backend}-save", []).Contains("KUBE-IPVS-FILTER", StringComparison.Ordinal))
                Tool.Run($"iptables-{backend}-restore", ["--noflush"], Rules);
        });
    }

    /// <summary>What of it is in the kernel; empty for nothing.</summary>
    public static string Find(NetworkNamespace node) => node.Run(static () => string.Join('\n',
    [
        .. Tool.Run("ip", ["-o", "link"]).Split('\n').Where(static line => line.Contains("kube-ipvs0", StringComparison.Ordinal)),
        .. Tool.Run("ipset", ["list", "-n"]).Split('\n').Where(static line => line.StartsWith("KUBE-", StringComparison.Ordinal)),
        .. ((string[])["nft", "legacy"]).SelectMany(static backend => Tool.Run($"iptables-{backend}-save", []).Split('\n'))
            .Where(static line => line.StartsWith(":KUBE-", StringComparison.Ordinal)
                && !line.StartsWith(":KUBE-KUBELET", StringComparison.Ordinal)),
        .. Tool.Run("ipvsadm", ["-Sn"]).Split('\n').Where(static line => line.Contains(DeletedClusterIP, StringComparison.Ordinal)
            || line.Contains(DeletedNodePort, StringComparison.Ordinal)),
    ]));
}
