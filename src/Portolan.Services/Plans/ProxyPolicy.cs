using Portolan.Inet;
using Portolan.Services.Node;

namespace Portolan.Services.Plans;

/// <summary>The part of the configuration that decides what this node serves.</summary>
public sealed record ProxyPolicy
{
    /// <summary>This node's name: endpoints with this nodeName are local.</summary>
    public required string NodeName { get; init; }

    /// <summary>
    /// bindAddress if it is not a wildcard: counts as the node's address of its family instead of the Node object's. Otherwise the default
    /// value.
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

    /// <summary>Which of the node's addresses take NodePorts.</summary>
    public NodePortAddressPolicy NodePorts { get; init; } = new();
}
