using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>What is looked at before a start: this process's rights, the kernel, who else is here, and what would change.</summary>
internal static class PreflightChecks
{
    // What else writes rules, by the program that does, and what it does to a service proxy.
    private static readonly (string Tool, string Text)[] s_neighbours =
    [
        ("firewalld", "firewalld runs: its reload leaves our tables alone, but its own rules may reject what services accept"),
        ("ufw", "ufw runs: NodePorts need a rule of its own there"),
        ("cilium-agent", "Cilium runs: with kubeProxyReplacement it serves the Services itself, and no other proxy may"),
        ("calico-node", "Calico runs: with its eBPF data plane it serves the Services itself, and no other proxy may"),
        ("kube-router", "kube-router runs: with --run-service-proxy it serves the Services itself, and no other proxy may"),
        ("k3s", "k3s runs: it has a kube-proxy inside; start it with --disable-kube-proxy"),
        ("k3s-server", "k3s runs: it has a kube-proxy inside; start it with --disable-kube-proxy"),
        ("k3s-agent", "k3s runs: it has a kube-proxy inside; start it with --disable-kube-proxy"),
    ];

    /// <summary>All checks, in the order in which an operator wants to read them.</summary>
    public static IEnumerable<PreflightCheck> All(KubeProxyConfig config) =>
        [Rights(), Mode(config), .. Libraries(), .. OthersHere(), .. Rules(), .. Ports(config), .. Conntrack(config), Node(config)];

    private static PreflightCheck Rights() => KernelSupport.WhatIsMissing() is { } missing
        ? new(PreflightResult.Bad, "capabilities", missing)
        : new(PreflightResult.Fine, "capabilities", "CAP_NET_ADMIN is there");

    private static PreflightCheck Mode(KubeProxyConfig config)
    {
        ModeChoice choice = ModeChoice.Of(config, static config => new DataPlaneOptions
        {
            MasqueradeBit = config.ModeInUse.MasqueradeBit,
            WithIPv6 = Socket.OSSupportsIPv6,
        });
        string kernel = $"kernel {Environment.OSVersion.Version.ToString(3)}";
        return choice.Provider is null
            ? new(PreflightResult.Bad, "mode", $"{choice.Reason} ({kernel})")
            : new(PreflightResult.Fine, "mode", $"{choice.Reason} ({kernel})");
    }

    private static IEnumerable<PreflightCheck> Libraries()
    {
        if (TlsLibrary.WhatIsMissing() is { } missing)
            yield return new(PreflightResult.Bad, "libraries", missing);
    }

    private static IEnumerable<PreflightCheck> OthersHere()
    {
        using (ProxyLock.Holder? holder = ProxyLock.FindHolder())
        {
            if (holder is not null)
            {
                yield return new(PreflightResult.Note, "other proxies",
                    $"another Portolan works in this network namespace ({holder}): a second one waits until it ends");
            }
        }
        foreach (string program in Programs().Distinct().Order(StringComparer.Ordinal))
        {
            if (program == "kube-proxy")
            {
                yield return new(PreflightResult.Note, "other proxies",
                    "a program named kube-proxy runs: end it before Portolan starts, or both serve the same Services");
            }
            foreach ((string name, string text) in s_neighbours)
            {
                if (program == name)
                    yield return new(PreflightResult.Note, "neighbours", text);
            }
        }
        if (NetworkInterface.GetAllNetworkInterfaces().Any(static link => link.Name == "kube-ipvs0"))
        {
            yield return new(PreflightResult.Note, "other proxies",
                "interface kube-ipvs0 is here: a kube-proxy in mode ipvs runs or ran. Portolan removes it, and the virtual " +
                "servers at its " +
                "addresses, once its own rules are in force");
        }
    }

    private static IEnumerable<PreflightCheck> Rules()
    {
        string[] found = [.. Registry.Providers.SelectMany(static provider => Find(provider))];
        yield return found.Length == 0
            ? new(PreflightResult.Fine, "rules", "no service proxy's rules are in this network namespace")
            : new(PreflightResult.Note, "rules", $"{string.Join(", ", found)}: stay in force until Portolan's rules are, then they are " +
                "removed");
    }

    private static IReadOnlyList<string> Find(IDataPlaneProvider provider)
    {
        try
        {
            return provider.Find();
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or Netlink.Core.NetlinkException)
        {
            return [$"rules of mode {provider.Mode} cannot be read ({failure.Message})"];
        }
    }

    private static IEnumerable<PreflightCheck> Ports(KubeProxyConfig config)
    {
        (string Field, IPEndPoint Address)[] pages =
        [
            ("healthzBindAddress", new(config.HealthzBindAddress.Address.ToIPAddress(), config.HealthzBindAddress.Port)),
            ("metricsBindAddress", new(config.MetricsBindAddress.Address.ToIPAddress(), config.MetricsBindAddress.Port)),
        ];
        foreach ((string field, IPEndPoint address) in pages)
        {
            yield return WhyNotFree(address) is { } reason
                ? new(PreflightResult.Note, field, $"{address} cannot be listened on now ({reason}); a kube-proxy that still runs is the " +
                    "usual cause. Portolan retries every 5 s")
                : new(PreflightResult.Fine, field, $"{address} is free");
        }
    }

    private static string? WhyNotFree(IPEndPoint address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(address);
            socket.Listen();
            return null;
        }
        catch (SocketException taken)
        {
            return taken.Message;
        }
    }

    private static IEnumerable<PreflightCheck> Conntrack(KubeProxyConfig config)
    {
        int wanted = ConntrackSettings.MaxFor(config.Conntrack.MaxPerCore, config.Conntrack.Min, NodeSettings.CountCpus());
        if (wanted == 0)
            yield break;
        const string path = "/proc/sys/net/netfilter/nf_conntrack_max";
        string text;
        try
        {
            text = File.ReadAllText(path).Trim();
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            text = "";
        }
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int present))
            yield return new(PreflightResult.Note, "conntrack", "nf_conntrack is not loaded yet; it is loaded with the first rule");
        else if (present >= wanted)
            yield return new(PreflightResult.Fine, "conntrack", $"nf_conntrack_max is {present}, and at least {wanted} is wanted");
        else
        {
            yield return new(PreflightResult.Note, "conntrack", $"nf_conntrack_max would be raised from {present} to {wanted}; where the " +
                "proxy may not write sysctls, it warns and goes on");
        }
    }

    private static PreflightCheck Node(KubeProxyConfig config) => new(PreflightResult.Fine, "node",
        $"this is Node {config.NodeName(File.ReadAllText("/proc/sys/kernel/hostname"))}, by "
        + (config.HostnameOverride.Length > 0 ? "hostnameOverride" : "the machine's host name"));

    // Only what this process may see: without the host's process namespace there is little.
    private static IEnumerable<string> Programs()
    {
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                || id == Environment.ProcessId)
                continue;
            string? name = null;
            try
            {
                name = File.ReadAllText(Path.Combine(process, "comm")).Trim();
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile, or is none of ours.
            }
            if (name is not null)
                yield return name;
        }
    }
}
