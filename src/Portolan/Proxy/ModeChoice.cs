using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>Which data plane serves, and why.</summary>
/// <param name="Config">The configuration, with the mode that serves.</param>
/// <param name="Provider">The plane's provider; null when none can serve.</param>
/// <param name="Reason">For the log and the status: why this mode, or why none. One line without a full stop.</param>
/// <param name="Probes">What this machine was asked.</param>
internal sealed record ModeChoice(KubeProxyConfig Config, IDataPlaneProvider? Provider, string Reason, params ModeProbe[] Probes)
{
    /// <summary>
    /// A configured mode is used, or the proxy does not start. Without one (kubeadm's configuration has an empty mode) the first mode that
    /// this machine supports is used.
    /// </summary>
    /// <param name="config">The configuration as read.</param>
    /// <param name="optionsOf">What a plane would be opened with.</param>
    internal static ModeChoice Of(KubeProxyConfig config, Func<KubeProxyConfig, DataPlaneOptions> optionsOf)
    {
        if (Registry.Find(config.ModeName) is not { } provider)
        {
            string served = string.Join(" or ", Registry.Providers.Select(static known => known.Mode));
            return new(config, null, $"mode: {config.ModeName} is not served by Portolan; use {served}");
        }
        string? missing = provider.Probe(optionsOf(config));
        var probe = new ModeProbe(provider.Mode, missing);
        if (missing is null)
            return new(config, provider, config.IsModeGiven ? $"mode {provider.Mode}, as configured"
                : $"mode {provider.Mode}: none is configured, and this kernel supports it", probe);
        if (config.IsModeGiven)
            return new(config, null, $"portolan proxy cannot run: {missing}");
        KubeProxyConfig other = config with { Mode = ProxyMode.IpTables };
        IDataPlaneProvider iptables = Registry.Find(other.ModeName)!;
        return iptables.Probe(optionsOf(other)) is { } missingToo
            ? new(config, null, $"portolan proxy cannot run: {missing}; {missingToo}")
            : new(other, iptables, $"mode {iptables.Mode}: none is configured, and {missing}", probe, new(iptables.Mode, null));
    }
}
