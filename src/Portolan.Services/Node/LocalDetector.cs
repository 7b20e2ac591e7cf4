using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Node;

/// <summary>How packets from pods are distinguished from others (KubeProxyConfiguration detectLocalMode).</summary>
public enum LocalDetection : byte
{
    /// <summary>No detection: no source counts as a pod, and OffCluster masquerading never happens.</summary>
    None,

    /// <summary>By source address: inside <see cref="LocalDetector.Cidrs"/> (modes ClusterCIDR and NodeCIDR).</summary>
    Cidrs,

    /// <summary>By input interface: exactly <see cref="LocalDetector.Interface"/> (mode BridgeInterface).</summary>
    Interface,

    /// <summary>
    /// By input interface: its name starts with <see cref="LocalDetector.Interface"/> (mode InterfaceNamePrefix).
    /// </summary>
    InterfacePrefix,
}

/// <summary>The local-traffic detector of one family.</summary>
/// <param name="Mode">How pods are detected.</param>
/// <param name="Cidrs">The ranges for <see cref="LocalDetection.Cidrs"/>.</param>
/// <param name="Interface">Interface name or name prefix, for the other modes.</param>
public sealed record LocalDetector(LocalDetection Mode, ImmutableArray<InetPrefix> Cidrs, string Interface)
{
    /// <summary>No detector.</summary>
    public static LocalDetector None { get; } = new(LocalDetection.None, [], "");

    /// <summary>Equality by content.</summary>
    public bool Equals(LocalDetector? other) => other is not null && Mode == other.Mode && Interface == other.Interface
        && Cidrs.AsSpan().SequenceEqual(other.Cidrs.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Mode, Cidrs.Length, Interface);
}
