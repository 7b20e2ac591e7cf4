using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Plans;

/// <summary>How pods of the cluster are told from other sources (KubeProxyConfiguration detectLocalMode).</summary>
public enum LocalDetection : byte
{
    /// <summary>Not at all: no source counts as a pod, and OffCluster masquerading never happens.</summary>
    None,

    /// <summary>By source address: inside <see cref="LocalDetector.Cidrs"/> (modes ClusterCIDR and NodeCIDR).</summary>
    Cidrs,

    /// <summary>By the interface a packet comes from: exactly <see cref="LocalDetector.Interface"/> (mode BridgeInterface).</summary>
    Interface,

    /// <summary>By the interface a packet comes from: its name starts with <see cref="LocalDetector.Interface"/> (mode InterfaceNamePrefix).</summary>
    InterfacePrefix,
}

/// <summary>The local-traffic detector of one family.</summary>
/// <param name="Mode">How.</param>
/// <param name="Cidrs">The ranges for <see cref="LocalDetection.Cidrs"/>.</param>
/// <param name="Interface">Interface name or prefix of a name, for the other modes.</param>
public sealed record LocalDetector(LocalDetection Mode, ImmutableArray<InetPrefix> Cidrs, string Interface)
{
    /// <summary>No detector.</summary>
    public static LocalDetector None { get; } = new(LocalDetection.None, [], "");

    /// <summary>Equality by content.</summary>
    public bool Equals(LocalDetector? other) => other is not null && Mode == other.Mode && Interface == other.Interface
        && PortPlan.SameContent(Cidrs, other.Cidrs);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Mode, Cidrs.Length, Interface);
}

/// <summary>The part of the configuration that decides what this node serves.</summary>
public sealed record ProxyPolicy
{
    /// <summary>This node's name: endpoints with this nodeName are local.</summary>
    public required string NodeName { get; init; }

    /// <summary>
    /// bindAddress when it is not a wildcard: counts as the node's address of its family in place of the Node object's. Else the default value.
    /// </summary>
    public InetAddress BindAddress { get; init; }

    /// <summary>Masquerade all traffic to cluster IPs (masqueradeAll).</summary>
    public bool MasqueradeAll { get; init; }

    /// <summary>Detector mode per family is fixed by the configuration, except NodeCIDR, which follows the Node's podCIDRs.</summary>
    public LocalDetector DetectorIPv4 { get; init; } = LocalDetector.None;

    /// <inheritdoc cref="DetectorIPv4"/>
    public LocalDetector DetectorIPv6 { get; init; } = LocalDetector.None;

    /// <summary>True for detectLocalMode NodeCIDR: the detectors' ranges come from the Node object.</summary>
    public bool DetectByNodeCidr { get; init; }

    /// <summary>Frontends accepted on loopback addresses (iptables mode with localhostNodePorts).</summary>
    public bool LocalhostNodePorts { get; init; }
}
