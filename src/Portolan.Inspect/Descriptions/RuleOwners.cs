using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Who probably wrote a rule, by the names and comments that programs give their chains and rules.</summary>
public static class RuleOwners
{
    private static readonly (string Part, string Owner)[] s_comments =
    [
        ("NodeLocal DNS Cache", "NodeLocal DNSCache"),
        ("flannel", "flannel"),
        ("cali:", "Calico"),
        ("cilium", "Cilium"),
        ("AWS,", "amazon-vpc-cni"),
        ("ip-masq", "ip-masq-agent"),
        ("dnat name:", "the CNI plug-in portmap (a pod's hostPort)"),
        ("MicroK8s", "MicroK8s"),
        ("weave", "Weave Net"),
        ("kube-router", "kube-router"),
    ];

    /// <summary>"kube-proxy", "Docker", "the CNI plug-in portmap (a pod's hostPort)"; null when unknown.</summary>
    public static string? Of(RuleRef place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (IsOfProxy(place))
            return place.Table.Name is PortolanTables.TableName or PortolanIpvs.TableName ? "Portolan" : "kube-proxy";
        return OfTable(place.Table) ?? ForeignChains.OwnerOf(place.Chain.Name)
            ?? (place.Rule.Comment is { } comment ? OfComment(comment) : null)
            ?? (place.Rule.Target is VerdictStatement { Verdict.Chain: { } target } ? ForeignChains.OwnerOf(target) : null)
            ?? OfShape(place);
    }

    /// <summary>Who sets the policy of a base chain to drop; null when unknown.</summary>
    public static string? OfPolicy(RuleTable table, Chain chain)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(chain);
        if (OfTable(table) is { } owner)
            return owner;
        bool Has(string begin) => table.Chains.Any(other => other.Name.StartsWith(begin, StringComparison.Ordinal));
        return chain.Base?.Hook == Hook.Forward && Has("DOCKER") ? "Docker (since 1.13 it sets this policy)"
            : Has("ufw") ? "ufw" : null;
    }

    /// <summary>True for a rule of the service proxy itself, the kubelet's for it included.</summary>
    internal static bool IsOfProxy(RuleRef place) => place.Table.Backend == RuleBackend.Nftables
        ? ServiceTables.IsOwn(place.Table)
        : KubeProxyIptables.RoleOf(place.Chain.Name) != KubeChainRole.None || place.Chain.Name is KubeProxyUserspace.Portals
            or KubeProxyUserspace.PortalsOfNode or KubeProxyUserspace.NodePorts or KubeProxyUserspace.NodePortsOfNode;

    private static string? OfTable(RuleTable table) => table.Backend != RuleBackend.Nftables ? null : table.Name switch
    {
        "firewalld" => "firewalld",
        "docker-bridges" => "Docker",
        "cni_hostport" => "the CNI plug-in portmap (a pod's hostPort)",
        "ovn-kubernetes" => "OVN-Kubernetes",
        "calico" => "Calico",
        "antrea" => "Antrea",
        "libvirt_network" => "libvirt",
        "flannel-ipv4" or "flannel-ipv6" => "flannel",
        _ => null,
    };

    private static string? OfComment(string comment)
    {
        foreach ((string part, string owner) in s_comments)
        {
            if (comment.Contains(part, StringComparison.OrdinalIgnoreCase))
                return owner;
        }
        return null;
    }

    // flannel before 0.19 writes its rules into POSTROUTING itself, without names: all but multicast is masqueraded (pkg/ip/masq.go).
    private static string? OfShape(RuleRef place)
    {
        if (place.Chain.Base?.Hook != Hook.Postrouting || place.Rule.Target is not NatStatement { Kind: NatKind.Masquerade })
            return null;
        foreach (Statement statement in place.Rule.Statements)
        {
            if (statement is AddressMatch { Side: PacketSide.Destination, Negated: true } match && match.Prefix.Address.IsMulticast)
                return "flannel";
        }
        return null;
    }
}
