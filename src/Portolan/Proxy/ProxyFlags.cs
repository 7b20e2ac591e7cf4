using System.CommandLine;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>
/// kube-proxy's flags. Each one is a field of KubeProxyConfiguration on the command line: it is validated like the file's and overrides
/// it (kube-proxy ignores most flags when there is a file).
/// </summary>
internal sealed class ProxyFlags
{
    private static readonly ProxyFlag[] s_all =
    [
        new("--bind-address", "bindAddress", ConfigFlagForm.Text, "The node's primary address, instead of the Node object's."),
        new("--bind-address-hard-fail", "bindAddressHardFail", ConfigFlagForm.Boolean, "Exit if listening on a port fails."),
        new("--cluster-cidr", "clusterCIDR", ConfigFlagForm.Text, "Range of pod addresses, or one of each family separated by a comma."),
        new("--config-sync-period", "configSyncPeriod", ConfigFlagForm.Plain, "Accepted; watches need no refresh."),
        new("--conntrack-max-per-core", "conntrack.maxPerCore", ConfigFlagForm.Integer,
            "Connections to track per core, 0 to leave the limit unchanged."),
        new("--conntrack-min", "conntrack.min", ConfigFlagForm.Integer, "Least number of connections to track."),
        new("--conntrack-tcp-be-liberal", "conntrack.tcpBeLiberal", ConfigFlagForm.Boolean,
            "Do not treat packets outside the window as invalid."),
        new("--conntrack-tcp-timeout-close-wait", "conntrack.tcpCloseWaitTimeout", ConfigFlagForm.Plain,
            "Timeout of connections in CLOSE_WAIT."),
        new("--conntrack-tcp-timeout-established", "conntrack.tcpEstablishedTimeout", ConfigFlagForm.Plain,
            "Timeout of idle connections."),
        new("--conntrack-udp-timeout", "conntrack.udpTimeout", ConfigFlagForm.Plain, "Timeout of UDP flows without a reply."),
        new("--conntrack-udp-timeout-stream", "conntrack.udpStreamTimeout", ConfigFlagForm.Plain, "Timeout of UDP flows with replies."),
        new("--detect-local-mode", "detectLocalMode", ConfigFlagForm.Text,
            "ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix."),
        new("--feature-gates", "featureGates", ConfigFlagForm.Switches, "Accepted; Portolan has no feature gates."),
        new("--healthz-bind-address", "healthzBindAddress", ConfigFlagForm.Text, "Where /healthz answers; 127.0.0.1:10256 unless given."),
        new("--hostname-override", "hostnameOverride", ConfigFlagForm.Text, "Name of this Node, instead of the host name."),
        new("--iptables-localhost-nodeports", "iptables.localhostNodePorts", ConfigFlagForm.Boolean,
            "NodePorts at 127.0.0.1 (mode iptables)."),
        new("--iptables-masquerade-bit", "iptables.masqueradeBit", ConfigFlagForm.Integer,
            "Bit of the packet mark, 0 to 31 (mode iptables)."),
        new("--iptables-min-sync-period", "iptables.minSyncPeriod", ConfigFlagForm.Plain,
            "Minimum time between two syncs (mode iptables)."),
        new("--iptables-sync-period", "iptables.syncPeriod", ConfigFlagForm.Plain, "Time between comparisons (mode iptables)."),
        new("--ipvs-exclude-cidrs", "ipvs.excludeCIDRs", ConfigFlagForm.List, "Accepted; there is no mode ipvs."),
        new("--ipvs-min-sync-period", "ipvs.minSyncPeriod", ConfigFlagForm.Plain, "Accepted; there is no mode ipvs."),
        new("--ipvs-scheduler", "ipvs.scheduler", ConfigFlagForm.Text, "Accepted; there is no mode ipvs."),
        new("--ipvs-strict-arp", "ipvs.strictARP", ConfigFlagForm.Boolean, "Accepted; there is no mode ipvs."),
        new("--ipvs-sync-period", "ipvs.syncPeriod", ConfigFlagForm.Plain, "Accepted; there is no mode ipvs."),
        new("--ipvs-tcp-timeout", "ipvs.tcpTimeout", ConfigFlagForm.Plain, "Accepted; there is no mode ipvs."),
        new("--ipvs-tcpfin-timeout", "ipvs.tcpFinTimeout", ConfigFlagForm.Plain, "Accepted; there is no mode ipvs."),
        new("--ipvs-udp-timeout", "ipvs.udpTimeout", ConfigFlagForm.Plain, "Accepted; there is no mode ipvs."),
        new("--kube-api-burst", "clientConnection.burst", ConfigFlagForm.Integer, "Accepted; watching makes few requests."),
        new("--kube-api-content-type", "clientConnection.contentType", ConfigFlagForm.Text, "Accepted; JSON is always used."),
        new("--kube-api-qps", "clientConnection.qps", ConfigFlagForm.Plain, "Accepted; watching makes few requests."),
        new("--kubeconfig", "clientConnection.kubeconfig", ConfigFlagForm.Text,
            "How the API server is reached; the pod's service account unless given."),
        new("--logging-format", "logging.format", ConfigFlagForm.Text, "text or json.", "--log-format"),
        new("--masquerade-all", "iptables.masqueradeAll|nftables.masqueradeAll", ConfigFlagForm.Boolean,
            "Masquerade everything sent to cluster IPs."),
        new("--metrics-bind-address", "metricsBindAddress", ConfigFlagForm.Text, "Where /metrics answers; 127.0.0.1:10249 unless given."),
        new("--nodeport-addresses", "nodePortAddresses", ConfigFlagForm.List, "Ranges of node addresses that take NodePorts, or primary."),
        new("--oom-score-adj", "oomScoreAdj", ConfigFlagForm.Integer,
            "OOM score adjustment of this process, -1000 (never killed) to 1000."),
        new("--pod-bridge-interface", "detectLocal.bridgeInterface", ConfigFlagForm.Text,
            "Bridge that packets from pods arrive on (BridgeInterface)."),
        new("--pod-interface-name-prefix", "detectLocal.interfaceNamePrefix", ConfigFlagForm.Text,
            "Prefix of pods' interfaces (InterfaceNamePrefix)."),
        new("--profiling", "enableProfiling", ConfigFlagForm.Boolean, "Accepted; there are no profiling pages."),
        new("--proxy-mode", "mode", ConfigFlagForm.Text, "nftables or iptables; unset: nftables if this kernel supports it."),
        new("--show-hidden-metrics-for-version", "showHiddenMetricsForVersion", ConfigFlagForm.Text, "Accepted; no metric is hidden."),
        new("--v", "logging.verbosity", ConfigFlagForm.Integer, "Log verbosity: 2 shows each change.", "-v"),
        new("--vmodule", "logging.vmodule", ConfigFlagForm.Text, "Accepted; --v applies to everything."),
    ];

    private readonly (ProxyFlag Flag, Option<string> Option)[] _options =
        [.. s_all.Select(static flag => (flag, flag.ToOption()))];

    public void AddTo(Command command)
    {
        foreach ((_, Option<string> option) in _options)
            command.Options.Add(option);
    }

    /// <summary>Arguments in the form that <see cref="PflagArguments"/> reads them, each flag once.</summary>
    public static string[] Normalize(IReadOnlyList<string> args) => PflagArguments.Normalize(
        args,
        s_all.SelectMany(static flag => flag.Aliases.Prepend(flag.Name).Select(name => new PflagFlag(
            name.TrimStart('-'),
            IsSwitch: flag.Form == ConfigFlagForm.Boolean,
            IsList: flag.Form is ConfigFlagForm.List or ConfigFlagForm.Switches,
            // The range of pods is the one text that kube-proxy does not take empty.
            TakesEmpty: flag.Name == "--cluster-cidr"))));

    /// <summary>The flags that were given, as fields.</summary>
    public IReadOnlyList<ConfigFlag> From(ParseResult parsed)
    {
        List<ConfigFlag> given = [];
        foreach ((ProxyFlag flag, Option<string> option) in _options)
        {
            if (parsed.GetResult(option) is not { Implicit: false } result)
                continue;
            string value = result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;
            given.AddRange(flag.Fields.Split('|').Select(field => new ConfigFlag(flag.Name, field, flag.Form, value)));
        }
        return given;
    }

    private sealed record ProxyFlag(string Name, string Fields, ConfigFlagForm Form, string Help, params string[] Aliases)
    {
        // One value each: PflagArguments has joined lists and settled repeated flags before the parser sees them.
        public Option<string> ToOption() => new(Name, Aliases) { Description = Help, Arity = ArgumentArity.ExactlyOne };
    }
}
