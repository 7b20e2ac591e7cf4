using Portolan.DataPlanes.IpTables;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>What the proxy was asked to do.</summary>
/// <param name="Config">The configuration: defaults, file and flags.</param>
/// <param name="Manifests">Folder to read Services from in place of an API server, or null.</param>
internal sealed record ProxySettings(KubeProxyConfig Config, string? Manifests)
{
    /// <summary>Address of the API server in place of the kubeconfig's, or null.</summary>
    public string? Master { get; init; }

    /// <summary>Count new connections for each frontend (mode nftables).</summary>
    public bool WithCounters { get; init; }

    /// <summary>Which chains mode iptables writes.</summary>
    public IpTablesLayout Layout { get; init; }

    /// <summary>How mode iptables finds a packet's service.</summary>
    public IpTablesDispatch Dispatch { get; init; }

    /// <summary>Which of the kernel's interfaces mode iptables uses.</summary>
    public IpTablesBackend Backend { get; init; }
}
