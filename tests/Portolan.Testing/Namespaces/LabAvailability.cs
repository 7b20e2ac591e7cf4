using System.ComponentModel;

namespace Portolan.Testing.Namespaces;

/// <summary>Whether this process may make network namespaces and TUN devices, and if not, why.</summary>
public static class LabAvailability
{
    private static readonly Lazy<string?> s_namespaceReason = new(TryNamespace);
    private static readonly Lazy<string?> s_tunReason = new(TryTun);
    private static readonly Lazy<string?> s_ipvsReason = new(FindIpvs);

    /// <summary>Null when network namespaces can be made, or the reason why not.</summary>
    public static string? WhyNoNamespaces => s_namespaceReason.Value;

    /// <summary>Null when TUN devices can be made in network namespaces, or the reason why not.</summary>
    public static string? WhyNoTunDevices => s_namespaceReason.Value ?? s_tunReason.Value;

    /// <summary>Null when this machine's kernel has IPVS, or the reason why it has none. tests/vm has machines that do.</summary>
    public static string? WhyNoIpvs => s_ipvsReason.Value;

    // The module is loaded by whoever asks for it first.
    private static string? FindIpvs()
    {
        string modules = $"/lib/modules/{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}/kernel/net/netfilter/ipvs";
        return File.Exists("/proc/net/ip_vs") || Directory.Exists(modules) ? null : "this kernel has no IPVS";
    }

    private static string? TryNamespace()
    {
        if (Environment.GetEnvironmentVariable("PORTOLAN_TEST_RINGS") == "unit")
            return "real packets are left out of ./test.sh --fast";
        if (Tool.Find("ip") is null)
            return "the tool `ip` (package iproute2) is not installed";
        try
        {
            using var trial = new NetworkNamespace("trial");
            return null;
        }
        catch (Exception refusal) when (refusal is Win32Exception or InvalidOperationException)
        {
            return $"neither root nor an unprivileged user and network namespace can be had here ({refusal.Message})";
        }
    }

    private static string? TryTun()
    {
        try
        {
            using var trial = new NetworkNamespace("trial");
            trial.Run(static () => new TunDevice("trial0").Dispose());
            return null;
        }
        catch (Win32Exception refusal)
        {
            return $"TUN devices cannot be made here ({refusal.Message}); the lab puts its packets on the wire with them";
        }
    }
}
