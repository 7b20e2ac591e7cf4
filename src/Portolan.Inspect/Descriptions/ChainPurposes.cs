using System.Globalization;
using Portolan.Rules.Dialects;

#pragma warning disable CS8524 // A role without a line here fails to compile (CS8509); other numbers do not occur.

namespace Portolan.Inspect.Descriptions;

/// <summary>What chains do, in words without a subject, by their role. A role without words has nothing to explain.</summary>
internal static class ChainPurposes
{
    private const string AllEndpoints = "picks one of all endpoints";
    private const string LocalEndpoints = "picks one of the endpoints on this node";
    private const string External = "takes traffic to the node port, load balancer and external addresses";
    private const string AllowedSources = "lets in the allowed sources of the load balancer";
    private const string Forbidden = "drops load balancer traffic from sources that are not allowed";
    private const string InMap = "finds the service by destination, in a map";

    /// <summary>Words for a chain that all services share, or that is one of many of its kind; null for an unknown chain.</summary>
    internal static string? Of(string chain) =>
        Of(KubeProxyIptables.RoleOf(chain)) ?? Of(KubeProxyNftables.RoleOf(chain))
        ?? (PortolanTables.TryParseChain(chain, out PortolanChain own) ? Of(own) : null)
        ?? OfIpvs(chain);

    /// <summary>True for a chain that exists for one service port or endpoint.</summary>
    internal static bool IsOwned(string chain) =>
        KubeProxyIptables.RoleOf(chain).IsOwned() || KubeProxyNftables.RoleOf(chain).IsOwned();

    /// <summary>True for a chain that a proxy (or the kubelet, for it) keeps for all services.</summary>
    internal static bool IsShared(string chain) => !IsOwned(chain) && !IsChoice(chain) && Of(chain) is not null;

    /// <summary>True for a shared chain that may be unused because no service needs it.</summary>
    internal static bool IsStandby(string chain) =>
        chain == KubeProxyIpvs.SourceRangesFirewall
        || KubeProxyIptables.RoleOf(chain) is KubeChainRole.MarkMasquerade or KubeChainRole.MarkDrop
        || KubeProxyNftables.RoleOf(chain) == KubeNftablesChainRole.Reject
        || (PortolanTables.TryParseChain(chain, out PortolanChain own) && own.Kind is PortolanChainKind.ExternalLocal
            or PortolanChainKind.Inside
            or PortolanChainKind.SourceCheck or PortolanChainKind.OffCluster or PortolanChainKind.ServiceRanges
                or PortolanChainKind.Policies);

    // Portolan's chains that choose an endpoint are shared too, but come and go with the numbers of endpoints.
    private static bool IsChoice(string chain) => PortolanTables.TryParseChain(chain, out PortolanChain own)
        && own.Kind >= PortolanChainKind.Pick;

    private static string? OfIpvs(string chain) => chain switch
    {
        KubeProxyIpvs.LoadBalancer => "marks traffic to load balancers for masquerading",
        KubeProxyIpvs.NodePort => "marks traffic to node ports for masquerading, and lets health checks in",
        KubeProxyIpvs.Filter or KubeProxyIpvs.OutFilter => "rejects ports that no service has at the services' addresses",
        KubeProxyIpvs.SourceRangesFirewall => Forbidden,
        _ => null,
    };

    private static string? Of(KubeChainRole role) => role switch
    {
        KubeChainRole.Services => "finds the service by destination, one rule after the other",
        KubeChainRole.ExternalServices => "rejects packets to external addresses of services that cannot serve",
        KubeChainRole.NodePorts => "finds the service by node port",
        KubeChainRole.MarkMasquerade => "marks packets to be masqueraded",
        KubeChainRole.MarkDrop => $"marks packets to be dropped later, by {KubeProxyIptables.Firewall} in the filter table",
        KubeChainRole.Postrouting => "masquerades marked packets",
        KubeChainRole.Forward => "lets marked and established traffic be forwarded, and drops invalid packets",
        KubeChainRole.Firewall => "drops marked packets, and packets from outside to loopback addresses",
        KubeChainRole.ProxyFirewall => Forbidden,
        KubeChainRole.ProxyCanary => "has no rules: its absence shows kube-proxy that the table was flushed",
        KubeChainRole.KubeletCanary => "has no rules: its absence shows the kubelet that the table was flushed",
        KubeChainRole.ClusterEndpoints => AllEndpoints,
        KubeChainRole.LocalEndpoints => LocalEndpoints,
        KubeChainRole.External => External,
        KubeChainRole.LoadBalancer => AllowedSources,
        KubeChainRole.ExternalLocal => "takes load balancer and node port traffic, under externalTrafficPolicy Local,",
        KubeChainRole.Endpoint => "translates to one endpoint",
        KubeChainRole.Branch => "finds the service by destination, within a range of addresses",
        KubeChainRole.None or KubeChainRole.MarkOffCluster or KubeChainRole.IptablesHint => null,
    };

    private static string? Of(KubeNftablesChainRole role) => role switch
    {
        KubeNftablesChainRole.Services => InMap,
        KubeNftablesChainRole.Masquerading => "masquerades marked packets and endpoints talking to themselves",
        KubeNftablesChainRole.ClusterIPsCheck =>
            "rejects packets to unknown ports of cluster IPs and drops those to unallocated cluster IPs",
        KubeNftablesChainRole.ServiceEndpointsCheck => "rejects or drops packets to services without endpoints",
        KubeNftablesChainRole.NodePortEndpointsCheck => "rejects or drops packets to node ports of services without endpoints",
        KubeNftablesChainRole.FirewallCheck => "checks the sources of load balancer traffic",
        KubeNftablesChainRole.Reject => "rejects",
        KubeNftablesChainRole.MarkMasquerade => Of(KubeChainRole.MarkMasquerade),
        KubeNftablesChainRole.ClusterEndpoints => AllEndpoints,
        KubeNftablesChainRole.LocalEndpoints => LocalEndpoints,
        KubeNftablesChainRole.External => External,
        KubeNftablesChainRole.SourceFirewall => AllowedSources,
        KubeNftablesChainRole.Endpoint => "remembers the client and translates to one endpoint",
        KubeNftablesChainRole.None or KubeNftablesChainRole.Base => null,
    };

    private static string? Of(PortolanChain chain) => chain.Kind switch
    {
        PortolanChainKind.Services => InMap,
        PortolanChainKind.NodePorts => "finds the service by node port, in a map",
        PortolanChainKind.ServiceRanges => "drops packets to unallocated cluster IPs",
        PortolanChainKind.SourceCheck => Forbidden,
        PortolanChainKind.OffCluster => "marks traffic to cluster IPs from outside the cluster for masquerading",
        PortolanChainKind.ExternalLocal => "serves pods and this node from all endpoints where the policy is Local",
        PortolanChainKind.Inside => "picks endpoints for pods and this node",
        PortolanChainKind.Policies => "applies source ranges, policy Local, masquerading and affinity, and then branches " +
            "by number of endpoints",
        PortolanChainKind.NoEndpoints => "rejects: the service has no endpoints",
        PortolanChainKind.NoLocalEndpoints => "drops: no endpoint on this node, and the policy is Local",
        PortolanChainKind.Overtaken => "serves a packet that was under way when the rules changed",
        PortolanChainKind.OffClusterPickOf => $"marks clients outside the pod ranges for masquerading, and {Pick(chain)}",
        PortolanChainKind.MasqueradePickOf => $"marks all clients for masquerading, and {Pick(chain)}",
        PortolanChainKind.PickOf or PortolanChainKind.AffinityPickOf => Pick(chain),
        PortolanChainKind.Pick or PortolanChainKind.PickByCount or PortolanChainKind.PickFrom or PortolanChainKind.AffinityPick
            or PortolanChainKind.AffinityPickFrom => "branches by number of endpoints",
        PortolanChainKind.AffinityLocal => $"checks whether the client was served by one of this node's endpoints within {Number(chain)} s",
        PortolanChainKind.Affinity => $"checks whether the client was served by one of the endpoints within {Number(chain)} s",
        PortolanChainKind.AffinityFound or PortolanChainKind.AffinityLocalFound =>
            "remembers the client's endpoint and translates to it",
        PortolanChainKind.AffinityNew => "picks an endpoint for a client that is not remembered",
        PortolanChainKind.Prerouting or PortolanChainKind.Output or PortolanChainKind.Postrouting => null,
    };

    private static string Pick(PortolanChain chain) =>
        chain.Number == 1 ? "takes the first endpoint" : $"picks one of {Number(chain)} endpoints";

    private static string Number(PortolanChain chain) => chain.Number.ToString(CultureInfo.InvariantCulture);
}
