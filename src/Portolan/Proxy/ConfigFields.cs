using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>What becomes of each field of KubeProxyConfiguration here: the page docs/configuration.md is made from this.</summary>
internal static class ConfigFields
{
    // A section stands for all below it.
    private static readonly HashSet<string> s_honoured = new(StringComparer.Ordinal)
    {
        "apiVersion", "kind", "bindAddress", "bindAddressHardFail", "clientConnection.burst", "clientConnection.kubeconfig",
        "clientConnection.qps", "clusterCIDR", "conntrack", "detectLocal", "detectLocalMode", "healthzBindAddress", "hostnameOverride",
        "iptables", "ipvs", "logging.format", "logging.verbosity", "metricsBindAddress", "mode", "nftables", "nodePortAddresses",
        "oomScoreAdj",
    };

    private static readonly (string Section, string Why)[] s_withoutEffect =
    [
        ("clientConnection.contentType", "JSON is always used"),
        ("clientConnection.acceptContentTypes", "JSON is always used"),
        ("configSyncPeriod", "watches need no refresh"),
        ("enableProfiling", "there are no profiling pages"),
        ("featureGates", "there are no feature gates"),
        ("logging", "each line goes to standard error at once, verbosity is one for all parts"),
        ("portRange", "as in kube-proxy, since the userspace mode went"),
        ("showHiddenMetricsForVersion", "no metric is hidden"),
        ("windowsRunAsService", "Linux only"),
        ("winkernel", "Linux only"),
    ];

    private static readonly Dictionary<string, string> s_notes = new(StringComparer.Ordinal)
    {
        ["mode"] = "`nftables`, `iptables` or `ipvs`; empty: nftables where this kernel can, else iptables",
        ["healthzBindAddress"] = "without --config, and under another name than kube-proxy, 127.0.0.1:10256",
        ["bindAddressHardFail"] = "honoured",
        ["conntrack.maxPerCore"] = "honoured; the limit is raised, never lowered",
        ["iptables.minSyncPeriod"] = "0: a sync costs what changed, so there is nothing to save up (kube-proxy: 1s)",
        ["ipvs.excludeCIDRs"] = "honoured; servers that no service wants and Portolan did not add are left alone in any case",
        ["ipvs.minSyncPeriod"] = "0: a sync costs what changed, so there is nothing to save up (kube-proxy: 1s)",
        ["ipvs.scheduler"] = "honoured; empty: rr. A service names its own with annotation `portolan.dev/ipvs-scheduler`",
        ["nftables.minSyncPeriod"] = "0: a sync costs what changed, so there is nothing to save up (kube-proxy: 1s)",
        ["nodePortAddresses"] = "empty: `primary` in mode nftables, all addresses in modes iptables and ipvs, as in kube-proxy",
        ["oomScoreAdj"] = "honoured where the process may (CAP_SYS_RESOURCE)",
    };

    /// <summary>One warning for each field that is given a value and has no effect.</summary>
    public static IEnumerable<string> Warnings(KubeProxyConfig config) => config.FieldsSet.Count == 0 ? []
        : config.Unhonoured(s_honoured);

    /// <summary>The table of fields and the table of flags, in Markdown.</summary>
    public static string Page()
    {
        Dictionary<string, string> flags = ProxyFlags.All
            .SelectMany(static flag => flag.Fields.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(field => (field, flag.Name)))
            .GroupBy(static pair => pair.field, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => string.Join(", ", group.Select(static pair => $"`{pair.Name}`")),
                StringComparer.Ordinal);
        IEnumerable<string> fields = KubeProxyConfigWriter.Values(new KubeProxyConfig())
            .OrderBy(static pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"| `{pair.Key}` | {flags.GetValueOrDefault(pair.Key, "")} | `{pair.Value}` | {StateOf(pair.Key)} |");
        IEnumerable<string> others = ProxyFlags.All.Where(static flag => flag.Fields.Length == 0)
            .OrderBy(static flag => flag.Name, StringComparer.Ordinal)
            .Select(static flag =>
                $"| {string.Join(", ", flag.Aliases.Prepend(flag.Name).Select(static name => $"`{name}`"))} | {flag.Help} |");
        return string.Join('\n',
        [
            "| field | flag | default | state |", "|---|---|---|---|", .. fields, "",
            "| flag without a field | |", "|---|---|", .. others, "",
        ]);
    }

    private static string StateOf(string field)
    {
        if (s_notes.TryGetValue(field, out string? note))
            return note;
        if (KubeProxyConfig.IsCovered(s_honoured, field))
            return "honoured";
        string why = s_withoutEffect.First(entry => field == entry.Section
            || field.StartsWith(entry.Section + ".", StringComparison.Ordinal)).Why;
        return $"no effect, and a warning when set: {why}";
    }
}
