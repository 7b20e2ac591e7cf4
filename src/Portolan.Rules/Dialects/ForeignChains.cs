namespace Portolan.Rules.Dialects;

/// <summary>The names by which chains of programs other than service proxies are known.</summary>
/// <remarks>Source: the sources and documentation of the programs named.</remarks>
public static class ForeignChains
{
    /// <summary>Chains of Cilium, which can serve in place of kube-proxy by eBPF, begin so.</summary>
    public const string Cilium = "CILIUM_";

    /// <summary>Chains of OVN-Kubernetes begin so.</summary>
    public const string OvnKubernetes = "OVN-KUBE-";

    /// <summary>Chains of kube-router begin so.</summary>
    public const string KubeRouter = "KUBE-ROUTER-";

    /// <summary>Chains of Antrea begin so.</summary>
    public const string Antrea = "ANTREA-";

    private static readonly (string Begin, string Owner)[] s_chains =
    [
        ("CNI-HOSTPORT", "the CNI plug-in portmap (a pod's hostPort)"),
        ("CNI-DN-", "the CNI plug-in portmap (a pod's hostPort)"),
        ("CNI-SN-", "the CNI plug-in portmap (a pod's hostPort)"),
        ("CNI-", "a CNI plug-in"),
        ("DOCKER", "Docker"),
        ("cali-", "Calico"),
        (Cilium, "Cilium"),
        ("OLD_CILIUM_", "Cilium"),
        ("FLANNEL", "flannel"),
        ("WEAVE", "Weave Net"),
        ("AWS-", "amazon-vpc-cni"),
        ("IP-MASQ", "ip-masq-agent"),
        ("KIND-MASQ", "kind"),
        ("ISTIO_", "istio"),
        (KubeRouter, "kube-router"),
        ("KUBE-NWPLCY", "kube-router"),
        ("KUBE-POD-FW", "kube-router"),
        (OvnKubernetes, "OVN-Kubernetes"),
        ("OPENSHIFT-", "OpenShift SDN"),
        (Antrea, "Antrea"),
        ("FORWARD_direct", "firewalld"),
        ("FORWARD_IN_ZONES", "firewalld"),
        ("FORWARD_OUT_ZONES", "firewalld"),
        ("FWD", "firewalld"),
        ("INPUT_ZONES", "firewalld"),
        ("IN_", "firewalld"),
        ("ufw", "ufw"),
        ("f2b-", "fail2ban"),
        ("LIBVIRT_", "libvirt"),
        ("NETAVARK", "Podman"),
        ("TS-", "Tailscale"),
        ("ts-", "Tailscale"),
    ];

    /// <summary>The program that has probably made a chain, in words: "Docker". Null for a name that no program is known by.</summary>
    public static string? OwnerOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        foreach ((string begin, string owner) in s_chains)
        {
            if (chain.StartsWith(begin, StringComparison.Ordinal))
                return owner;
        }
        return null;
    }
}
