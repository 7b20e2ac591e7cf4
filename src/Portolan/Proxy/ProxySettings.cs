using System.Net;
using Portolan.DataPlanes.Contract;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>What the proxy was asked to do.</summary>
/// <param name="Config">The configuration: defaults, file and flags.</param>
/// <param name="Provider">The kind of data plane that serves.</param>
/// <param name="PlaneOptions">What it is opened with.</param>
internal sealed record ProxySettings(KubeProxyConfig Config, IDataPlaneProvider Provider, DataPlaneOptions PlaneOptions)
{
    /// <summary>Folder to read Services from in place of an API server, or null.</summary>
    public string? Manifests { get; init; }

    /// <summary>The configuration file, or null.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>
    /// Started from kube-proxy's configuration or under its name: its defaults hold where they differ (/healthz on all addresses).
    /// </summary>
    public bool ActsAsKubeProxy { get; init; }

    /// <summary>What the configuration and the command line say that has no effect.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Why this mode was chosen, for the log.</summary>
    public required string ModeReason { get; init; }

    /// <summary>What was asked of this machine to choose the mode.</summary>
    public IReadOnlyList<ModeProbe> Probes { get; init; } = [];

    /// <summary>Address of the API server in place of the kubeconfig's, or null.</summary>
    public string? Master { get; init; }

    /// <summary>Where the console answers, and the token viewers must know, if any; null for no console.</summary>
    public (IPEndPoint Address, string? Token)? Console { get; init; }

    /// <summary>What happened lately, for the console; null without one.</summary>
    public Timeline? Timeline { get; init; }
}
