using Portolan.Inet;

namespace Portolan.Services.Plans;

/// <summary>Where a frontend's address comes from.</summary>
public enum FrontendKind : byte
{
    /// <summary>spec.clusterIPs.</summary>
    ClusterIP,

    /// <summary>spec.externalIPs.</summary>
    ExternalIP,

    /// <summary>status.loadBalancer.ingress.</summary>
    LoadBalancer,

    /// <summary>A port of the node's own addresses; <see cref="Frontend.Address"/> has no value.</summary>
    NodePort,
}

/// <summary>What happens to the first packet of a connection to a frontend.</summary>
public enum FrontendAction : byte
{
    /// <summary>DNAT to one of <see cref="PortPlan.ClusterBackends"/>, each with the same probability.</summary>
    ToClusterBackends,

    /// <summary>DNAT to one of <see cref="PortPlan.LocalBackends"/>, each with the same probability.</summary>
    ToLocalBackends,

    /// <summary>Reject with ICMP port unreachable (there is no usable endpoint anywhere).</summary>
    Reject,

    /// <summary>Drop silently (policy Local, and usable endpoints only on other nodes).</summary>
    Drop,
}

/// <summary>Whether the source of a translated connection is rewritten to the node's address.</summary>
public enum Masquerading : byte
{
    /// <summary>Never (except hairpin connections, which always are).</summary>
    Never,

    /// <summary>If the source is not a pod according to the local-traffic detector; never without a detector.</summary>
    OffCluster,

    /// <summary>Always.</summary>
    Always,
}

/// <summary>What one kind of client gets at a frontend.</summary>
/// <param name="Action">Where the packet goes.</param>
/// <param name="Masquerade">Whether its source is rewritten; meaningless for Reject and Drop.</param>
public readonly record struct ClientPolicy(FrontendAction Action, Masquerading Masquerade);

/// <summary>
/// What clients connect to on this node, and what they get. Sources are classified in this order: a pod of the cluster (by the
/// local-traffic detector of that family, if there is one), the node itself (any of its local addresses), anybody else.
/// </summary>
/// <param name="Kind">Where the address comes from.</param>
/// <param name="Address">The address; the default value for <see cref="FrontendKind.NodePort"/>, which means every node address in use for
/// NodePorts.</param>
/// <param name="Port">The port, 1 to 65535.</param>
/// <param name="Pod">What a pod of the cluster gets.</param>
/// <param name="Node">What the node's own processes get (source address local to the node).</param>
/// <param name="Outside">What anybody else gets.</param>
/// <param name="IsSourceRestricted">True when only <see cref="PortPlan.SourceRanges"/> may use it: all other sources are dropped
/// first.</param>
public readonly record struct Frontend(
    FrontendKind Kind,
    InetAddress Address,
    ushort Port,
    ClientPolicy Pod,
    ClientPolicy Node,
    ClientPolicy Outside,
    bool IsSourceRestricted);
