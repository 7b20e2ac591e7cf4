using System.CommandLine;
using Portolan.Sources;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>
/// kube-proxy's flags, all of them. Most stand for a field of KubeProxyConfiguration and are checked like one; beside a configuration file
/// these have no effect but for the node's name and what is logged, as in kube-proxy.
/// </summary>
internal sealed class ProxyFlags
{
    public const string Config = "--config";
    public const string Master = "--master";
    public const string Manifests = "--manifests";
    public const string Cleanup = "--cleanup";
    public const string Version = "--version";
    public const string InitOnly = "--init-only";
    public const string WriteConfigTo = "--write-config-to";
    public const string Console = "--console";
    public const string ConsoleTokenFile = "--console-token-file";
    private const string HealthzPort = "--healthz-port";
    private const string MetricsPort = "--metrics-port";

    private static readonly ProxyFlag[] s_all =
    [
        new(Config, "", ConfigFlagForm.Text, "A KubeProxyConfiguration file, as kube-proxy reads it."),
        new(Manifests, "", ConfigFlagForm.Text,
            "A folder of Services, EndpointSlices and Nodes as YAML or JSON, followed live in place of an API server."),
        new(Master, "", ConfigFlagForm.Text, "Address of the API server, in place of the kubeconfig's."),
        new(Cleanup, "", ConfigFlagForm.Boolean, "Remove all rules Portolan or kube-proxy ever wrote, in every mode, and end.",
            "--cleanup-iptables"),
        new(Version, "", ConfigFlagForm.Boolean, "Print the version and end; with =raw as a structure."),
        new(InitOnly, "", ConfigFlagForm.Boolean, "Make the settings of the machine that need root, and end."),
        new(WriteConfigTo, "", ConfigFlagForm.Text, "Write the configuration, defaults filled in, to this file, and end."),
        new(HealthzPort, "", ConfigFlagForm.Integer, "Port of healthzBindAddress, 0 for no such page; deprecated by kube-proxy."),
        new(MetricsPort, "", ConfigFlagForm.Integer, "Port of metricsBindAddress, 0 for no such page; deprecated by kube-proxy."),
        new(Console, "", ConfigFlagForm.Text, "Serve the console at this address:port, such as 127.0.0.1:8484; off unless given. " +
            "Anything but loopback asks viewers for a token, which is logged once."),
        new(ConsoleTokenFile, "", ConfigFlagForm.Text, "A file with the console's token, in place of one that is made and logged."),
        new("--boot-id-file", "", ConfigFlagForm.Text, "Accepted; nothing is read from there."),
        new("--machine-id-file", "", ConfigFlagForm.Text, "Accepted; nothing is read from there."),
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
        new("--healthz-bind-address", "healthzBindAddress", ConfigFlagForm.Text, "Where /healthz answers."),
        new("--hostname-override", "hostnameOverride", ConfigFlagForm.Text, "Name of this Node, instead of the host name."),
        new("--iptables-localhost-nodeports", "iptables.localhostNodePorts", ConfigFlagForm.Boolean,
            "NodePorts at 127.0.0.1 (mode iptables)."),
        new("--iptables-masquerade-bit", "iptables.masqueradeBit", ConfigFlagForm.Integer,
            "Bit of the packet mark, 0 to 31 (mode iptables)."),
        new("--iptables-min-sync-period", "iptables.minSyncPeriod", ConfigFlagForm.Plain,
            "Minimum time between two syncs (mode iptables)."),
        new("--iptables-sync-period", "iptables.syncPeriod", ConfigFlagForm.Plain, "Time between comparisons (mode iptables)."),
        new("--ipvs-exclude-cidrs", "ipvs.excludeCIDRs", ConfigFlagForm.List,
            "Ranges whose virtual servers are left alone unless a service has them (mode ipvs)."),
        new("--ipvs-min-sync-period", "ipvs.minSyncPeriod", ConfigFlagForm.Plain,
            "Minimum time between two syncs (mode ipvs)."),
        new("--ipvs-scheduler", "ipvs.scheduler", ConfigFlagForm.Text,
            "Scheduler of services that name none; rr unless given (mode ipvs)."),
        new("--ipvs-strict-arp", "ipvs.strictARP", ConfigFlagForm.Boolean,
            "Answer ARP only for addresses of the interface asked (mode ipvs)."),
        new("--ipvs-sync-period", "ipvs.syncPeriod", ConfigFlagForm.Plain,
            "Time between comparisons (mode ipvs)."),
        new("--ipvs-tcp-timeout", "ipvs.tcpTimeout", ConfigFlagForm.Plain,
            "Timeout of idle TCP connections, 0 to leave it unchanged (mode ipvs)."),
        new("--ipvs-tcpfin-timeout", "ipvs.tcpFinTimeout", ConfigFlagForm.Plain,
            "The same after a FIN."),
        new("--ipvs-udp-timeout", "ipvs.udpTimeout", ConfigFlagForm.Plain,
            "The same for UDP flows."),
        new("--kube-api-burst", "clientConnection.burst", ConfigFlagForm.Integer, "Requests to the API server at once."),
        new("--kube-api-content-type", "clientConnection.contentType", ConfigFlagForm.Text, "Accepted; JSON is always used."),
        new("--kube-api-qps", "clientConnection.qps", ConfigFlagForm.Plain, "Requests to the API server per second; below zero: no limit."),
        new("--kubeconfig", "clientConnection.kubeconfig", ConfigFlagForm.Text,
            "How the API server is reached; the pod's service account unless given."),
        new("--log-flush-frequency", "logging.flushFrequency", ConfigFlagForm.Plain, "Accepted; each line is written at once."),
        new("--log-json-info-buffer-size", "logging.options.json.infoBufferSize", ConfigFlagForm.Text,
            "Accepted; each line is written at once."),
        new("--log-json-split-stream", "logging.options.json.splitStream", ConfigFlagForm.Boolean,
            "Accepted; all lines go to standard error."),
        new("--log-text-info-buffer-size", "logging.options.text.infoBufferSize", ConfigFlagForm.Text,
            "Accepted; each line is written at once."),
        new("--log-text-split-stream", "logging.options.text.splitStream", ConfigFlagForm.Boolean,
            "Accepted; all lines go to standard error."),
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
        new("--proxy-mode", "mode", ConfigFlagForm.Text, "nftables, iptables or ipvs; what this node can do unless given."),
        new("--show-hidden-metrics-for-version", "showHiddenMetricsForVersion", ConfigFlagForm.Text, "Accepted; no metric is hidden."),
        new("--v", "logging.verbosity", ConfigFlagForm.Integer, "Log verbosity: 2 shows each change.", "-v"),
        new("--vmodule", "logging.vmodule", ConfigFlagForm.Text, "Accepted; --v applies to everything."),
    ];

    private readonly (ProxyFlag Flag, Option<string> Option)[] _options =
        [.. s_all.Select(static flag => (flag, flag.ToOption()))];

    /// <summary>All flags.</summary>
    public static IReadOnlyList<ProxyFlag> All => s_all;

    public void AddTo(Command command)
    {
        foreach ((_, Option<string> option) in _options)
            command.Options.Add(option);
    }

    /// <summary>Arguments in the form that <see cref="PflagArguments"/> reads them, each flag once.</summary>
    public static string[] Normalize(IReadOnlyList<string> args) =>
        PflagArguments.Normalize(args, s_all.SelectMany(static flag => flag.ToPflags()));

    /// <summary>The value a flag was given; null for none.</summary>
    public string? ValueOf(ParseResult parsed, string name)
    {
        Option<string> option = _options.First(known => known.Flag.Name == name).Option;
        return parsed.GetResult(option) is { Implicit: false, Tokens: [.., var token] } ? token.Value : null;
    }

    /// <summary>True when a switch is on.</summary>
    /// <exception cref="SourceException">Its value is none of Go's spellings of true and false.</exception>
    public bool IsOn(ParseResult parsed, string name) => ValueOf(parsed, name) is { } text && (ConfigFlag.ParseBoolean(text)
        ?? throw new SourceException($"{name}: takes true or false"));

    /// <summary>The flags that were given, as fields: beside a configuration file, those that hold there.</summary>
    /// <exception cref="SourceException">A port is none.</exception>
    public IReadOnlyList<ConfigFlag> From(ParseResult parsed)
    {
        bool hasFile = ValueOf(parsed, Config) is not null;
        List<ConfigFlag> given = [];
        foreach ((ProxyFlag flag, string value) in Given(parsed))
        {
            if (flag.Fields.Length > 0 && (!hasFile || flag.HoldsBesideFile))
                given.AddRange(flag.Fields.Split('|').Select(field => new ConfigFlag(flag.Name, field, flag.Form, value)));
        }
        if (!hasFile)
        {
            AddPort(parsed, HealthzPort, "healthzBindAddress", given);
            AddPort(parsed, MetricsPort, "metricsBindAddress", given);
        }
        return given;
    }

    /// <summary>Flags without effect because a configuration file is given, one warning each.</summary>
    public IEnumerable<string> Overridden(ParseResult parsed) => ValueOf(parsed, Config) is null ? [] : Given(parsed)
        .Where(static given => !given.Flag.HoldsBesideFile)
        .Select(static given => $"{given.Flag.Name} has no effect beside --config; set {given.Flag.Fields.Replace("|", " or ",
            StringComparison.Ordinal)} in the file");

    /// <summary>What is no flag at all, with the nearest that is one; null when there is nothing of the kind.</summary>
    public static string? Unknown(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens is not [var token, ..])
            return null;
        if (!token.StartsWith('-'))
            return $"unknown argument '{token}': the proxy takes flags alone";
        string name = token.Split('=')[0];
        return $"unknown flag: {name}"
            + NearestName.Question(name.Replace('_', '-'), parsed.CommandResult.Command.Options.Select(static option => option.Name));
    }

    private IEnumerable<(ProxyFlag Flag, string Value)> Given(ParseResult parsed) => _options
        .Select(known => (known.Flag, parsed.GetResult(known.Option) is { Implicit: false } result
            ? result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value : null))
        .Where(static given => given.Item2 is not null)
        .Select(static given => (given.Flag, given.Item2!));

    // An address of the newer flag that has a port of its own wins.
    private void AddPort(ParseResult parsed, string flag, string field, List<ConfigFlag> given)
    {
        if (ValueOf(parsed, flag) is not { } text)
            return;
        if (!ushort.TryParse(text, out ushort port))
            throw new SourceException($"{flag}: takes a port, 0 to 65535");
        int at = given.FindIndex(known => known.Field == field);
        string address = at < 0 ? field == "healthzBindAddress" ? "0.0.0.0" : "127.0.0.1" : given[at].Value;
        if (!Inet.InetAddress.TryParse(address, out Inet.InetAddress parsedAddress))
            return;
        if (at >= 0)
            given.RemoveAt(at);
        given.Add(new ConfigFlag(flag, field, ConfigFlagForm.Text, new Inet.InetEndpoint(parsedAddress, port).ToString()));
    }
}
