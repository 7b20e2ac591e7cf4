namespace Portolan.Rules.Dialects;

/// <summary>Chain names of programs other than service proxies.</summary>
/// <remarks>Source: the sources and documentation of the programs named.</remarks>
public static class ForeignChains
{
    /// <summary>Prefix of the chains of Cilium, which can serve in place of kube-proxy by eBPF.</summary>
    public const string Cilium = "CILIUM_";

    /// <summary>Prefix of the chains of OVN-Kubernetes.</summary>
    public const string OvnKubernetes = "OVN-KUBE-";

    /// <summary>Prefix of the chains of kube-router.</summary>
    public const string KubeRouter = "KUBE-ROUTER-";

    /// <summary>Prefix of the chains of Antrea.</summary>
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

    /// <summary>The program that probably created a chain: "Docker". Null for an unknown name.</summary>
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
