using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Sources.Objects;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Sources.Configuration;

/// <summary>
/// Reads KubeProxyConfiguration as kube-proxy v1.36 does: values of a wrong type or out of range are errors with line and field; unknown
/// fields of v1alpha1, and fields that come twice, are passed over with a warning that says where, and what may have been meant.
/// </summary>
internal static class KubeProxyConfigReader
{
    private const int LargestFile = 1 << 20;
    private const string ApiVersion = "kubeproxy.config.k8s.io/v1alpha1";
    private const string Kind = "KubeProxyConfiguration";
    // Of v1.36.
    private const string PreviousMinor = "1.35";
    private const int HealthzPort = 10256;
    private const int MetricsPort = 10249;

    /// <param name="text">The file, or null when there is only a command line.</param>
    /// <param name="fileName">Its name, for errors.</param>
    /// <param name="flags">Fields given on the command line.</param>
    public static KubeProxyConfig Read(TextReader? text, string fileName, IReadOnlyList<ConfigFlag>? flags = null)
    {
        var notes = new ConfigNotes(fileName);
        YamlMappingNode root = text is null ? EmptyRoot() : ReadYaml(text, fileName, notes);
        foreach (ConfigFlag flag in flags ?? [])
        {
            flag.AddTo(root);
            notes.FlagOfField[flag.Field] = flag.Flag;
        }
        KubeProxyConfig config = ReadRoot(new ConfigMapping(root, "", notes), notes);
        if (notes.Errors.Count > 0)
            throw new SourceException(string.Join('\n', notes.Errors));
        foreach ((string field, long line) in notes.Unknown)
        {
            notes.AddWarning(line, field,
                "is not a field of KubeProxyConfiguration, so it has no effect" + NearestName.Question(field, notes.Fields));
        }
        return config with
        {
            FieldsSet = [.. notes.FieldsSet],
            Fields = [.. notes.Fields],
            Warnings = [.. notes.Warnings],
            Unread = notes.Opaque.ToImmutableDictionary(StringComparer.Ordinal),
        };
    }

    private static YamlMappingNode EmptyRoot() => new(
        new YamlScalarNode("apiVersion"), new YamlScalarNode(ApiVersion), new YamlScalarNode("kind"), new YamlScalarNode(Kind));

    private static YamlMappingNode ReadYaml(TextReader text, string fileName, ConfigNotes notes)
    {
        try
        {
            string content = text.ReadToEnd();
            if (content.Length > LargestFile)
                throw new SourceException($"{fileName} is larger than 1 MiB; that is not a configuration.");
            return LenientYaml.Read(new StringReader(content), notes)
                ?? throw new SourceException($"{fileName} must hold a document, a {Kind} of {ApiVersion}.");
        }
        catch (YamlException broken)
        {
            throw new SourceException($"{fileName}, line {broken.Start.Line}, column {broken.Start.Column}: {broken.Message}", broken);
        }
    }

    private static KubeProxyConfig ReadRoot(ConfigMapping root, ConfigNotes notes)
    {
        if (root.Text("apiVersion") != ApiVersion)
            root.Fail("apiVersion", $"must be {ApiVersion}");
        if (root.Text("kind") != Kind)
            root.Fail("kind", $"must be {Kind}");
        InetAddress bindAddress = ReadBindAddress(root);
        bool isIPv6 = bindAddress.Family == IpFamily.IPv6;
        KubeProxyConfig config = ReadModes(root, new KubeProxyConfig
        {
            HostnameOverride = root.Text("hostnameOverride"),
            BindAddress = bindAddress,
            HealthzBindAddress = ReadEndpoint(root, "healthzBindAddress", isIPv6 ? "::" : "0.0.0.0", HealthzPort, notes),
            MetricsBindAddress = ReadEndpoint(root, "metricsBindAddress", isIPv6 ? "::1" : "127.0.0.1", MetricsPort, notes),
            BindAddressHardFail = root.Boolean("bindAddressHardFail") ?? false,
            EnableProfiling = root.Boolean("enableProfiling") ?? false,
            ShowHiddenMetricsForVersion = ReadHiddenMetrics(root),
            ClientConnection = ReadClientConnection(root.Mapping("clientConnection")),
            NodePortAddresses = ReadNodePortAddresses(root),
            Conntrack = ReadConntrack(root.Mapping("conntrack")),
            OomScoreAdj = root.Integer("oomScoreAdj", -1000, 1000) ?? -999,
            ConfigSyncPeriod = ReadConfigSyncPeriod(root, isFlag: notes.FlagOfField.ContainsKey("configSyncPeriod")),
            FeatureGates = root.BooleanMap("featureGates"),
        });
        config = ReadDetection(root, ReadLogging(root.Mapping("logging"), config));
        config = config with { PortRange = ReadPortRange(root) };
        ReadWinkernel(root.Mapping("winkernel"));
        root.Opaque("windowsRunAsService");
        root.Finish();
        return config;
    }

    private static KubeProxyConfig ReadModes(ConfigMapping root, KubeProxyConfig config)
    {
        ConfigMapping iptables = root.Mapping("iptables");
        ConfigMapping nftables = root.Mapping("nftables");
        ConfigMapping ipvs = root.Mapping("ipvs");
        string mode = root.Text("mode");
        if (mode is not ("" or "nftables" or "iptables" or "ipvs"))
            root.Fail("mode", "must be nftables, iptables, ipvs, or empty for what this node can do");
        config = config with
        {
            Mode = mode switch { "iptables" => ProxyMode.IpTables, "ipvs" => ProxyMode.Ipvs, _ => ProxyMode.NfTables },
            IpTables = ReadMode(iptables),
            LocalhostNodePorts = iptables.Boolean("localhostNodePorts") ?? true,
            NfTables = ReadMode(nftables),
            IpvsPeriods = ReadPeriods(ipvs, KubeProxyConfig.ModeDefaults),
            Ipvs = new IpvsConfig(
                ipvs.Text("scheduler"),
                ipvs.Prefixes("excludeCIDRs"),
                ipvs.Boolean("strictARP") ?? false,
                ipvs.Duration("tcpTimeout") ?? TimeSpan.Zero,
                ipvs.Duration("tcpFinTimeout") ?? TimeSpan.Zero,
                ipvs.Duration("udpTimeout") ?? TimeSpan.Zero),
        };
        iptables.Finish();
        nftables.Finish();
        ipvs.Finish();
        return config;
    }

    private static ModeConfig ReadMode(ConfigMapping mode) => ReadPeriods(mode, KubeProxyConfig.ModeDefaults with
    {
        MasqueradeBit = mode.Integer("masqueradeBit", 0, 31) ?? KubeProxyConfig.ModeDefaults.MasqueradeBit,
        MasqueradeAll = mode.Boolean("masqueradeAll") ?? false,
    });

    private static ModeConfig ReadPeriods(ConfigMapping mode, ModeConfig defaults)
    {
        ModeConfig periods = defaults with
        {
            SyncPeriod = OrDefault(mode.Duration("syncPeriod"), defaults.SyncPeriod),
            MinSyncPeriod = mode.Duration("minSyncPeriod") ?? defaults.MinSyncPeriod,
        };
        if (periods.MinSyncPeriod > periods.SyncPeriod)
            mode.Fail("syncPeriod", "must not be shorter than minSyncPeriod");
        return periods;
    }

    private static KubeProxyConfig ReadDetection(ConfigMapping root, KubeProxyConfig config)
    {
        ConfigMapping detectLocal = root.Mapping("detectLocal");
        string bridge = detectLocal.Text("bridgeInterface");
        string prefix = detectLocal.Text("interfaceNamePrefix");
        detectLocal.Finish();
        DetectLocalMode mode = DetectLocalMode.ClusterCidr;
        switch (root.Text("detectLocalMode"))
        {
            case "" or "ClusterCIDR":
                break;
            case "NodeCIDR":
                mode = DetectLocalMode.NodeCidr;
                break;
            case "BridgeInterface":
                mode = DetectLocalMode.BridgeInterface;
                CheckInterface(detectLocal, "bridgeInterface", bridge);
                break;
            case "InterfaceNamePrefix":
                mode = DetectLocalMode.InterfaceNamePrefix;
                CheckInterface(detectLocal, "interfaceNamePrefix", prefix);
                break;
            default:
                root.Fail("detectLocalMode", "must be ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix");
                break;
        }
        return config with
        {
            DetectLocalMode = mode,
            BridgeInterface = bridge,
            InterfaceNamePrefix = prefix,
            ClusterCidrs = ReadClusterCidr(root, isUsed: mode == DetectLocalMode.ClusterCidr),
        };
    }

    // Zero means the default in a file, and is refused on the command line, as in kube-proxy.
    private static TimeSpan ReadConfigSyncPeriod(ConfigMapping root, bool isFlag)
    {
        TimeSpan? period = root.Duration("configSyncPeriod");
        if (isFlag && period == TimeSpan.Zero)
            root.Fail("configSyncPeriod", "must be longer than zero");
        return OrDefault(period, TimeSpan.FromMinutes(15));
    }

    // The flag may name the previous minor version alone (component-base: ValidateShowHiddenMetricsVersion).
    private static string ReadHiddenMetrics(ConfigMapping root)
    {
        string version = root.Text("showHiddenMetricsForVersion");
        if (version is not ("" or PreviousMinor))
            root.Fail("showHiddenMetricsForVersion", $"must be omitted or {PreviousMinor}, the minor version before the present one");
        return version;
    }

    // linux/if.h: IFNAMSIZ is 16 with the terminating zero. No interface can have a name the kernel refuses.
    private static void CheckInterface(ConfigMapping detectLocal, string field, string name)
    {
        if (name.Length is 0 or > 15 || name.Any(c => c is '/' or ':' || char.IsWhiteSpace(c) || char.IsControl(c)))
            detectLocal.Fail(field, "must be an interface name of 1 to 15 characters, without white space, '/' and ':'");
    }

    // kube-proxy looks at the ranges only where they are used.
    private static ImmutableArray<InetPrefix> ReadClusterCidr(ConfigMapping root, bool isUsed)
    {
        string text = root.Text("clusterCIDR");
        if (text.Length == 0)
            return [];
        var cidrs = ImmutableArray.CreateBuilder<InetPrefix>();
        foreach (string part in text.Split(','))
        {
            if (!InetPrefix.TryParse(part, out InetPrefix cidr))
                Complain($"'{Text.Printable(part)}' is not an address range in CIDR notation");
            else if (cidrs.Any(other => other.Family == cidr.Family))
                Complain("must be one range, or one of each family: 10.244.0.0/16,fd00:244::/48");
            else
                cidrs.Add(cidr);
        }
        return cidrs.DrainToImmutable();

        void Complain(string message)
        {
            if (isUsed)
                root.Fail("clusterCIDR", message);
            else
                root.Warn("clusterCIDR", $"{message}; it is not used with this detectLocalMode");
        }
    }

    private static InetAddress ReadBindAddress(ConfigMapping root)
    {
        string text = root.Text("bindAddress");
        if (text.Length == 0)
            return InetAddress.Unspecified(IpFamily.IPv4);
        if (!InetAddress.TryParse(text, out InetAddress address))
        {
            root.Fail("bindAddress", $"'{Text.Printable(text)}' is not an IP address");
            return InetAddress.Unspecified(IpFamily.IPv4);
        }
        return address;
    }

    /// <summary>"address:port", or an address alone, to which the default port belongs (kube-proxy: AppendPortIfNeeded).</summary>
    private static InetEndpoint ReadEndpoint(
        ConfigMapping root, string field, string defaultAddress, ushort defaultPort, ConfigNotes notes)
    {
        // Only the deprecated flags --healthz-port and --metrics-port can turn a page off.
        bool takesZero = notes.FlagOfField.GetValueOrDefault(field)?.EndsWith("-port", StringComparison.Ordinal) == true;
        var defaultEndpoint = new InetEndpoint(InetAddress.Parse(defaultAddress), defaultPort);
        string text = root.Text(field);
        if (text.Length == 0)
            return defaultEndpoint;
        if (InetAddress.TryParse(text, out InetAddress alone))
            return new InetEndpoint(alone, defaultPort);
        if (InetEndpoint.TryParse(text, out InetEndpoint endpoint) && (endpoint.Port > 0 || takesZero))
            return endpoint;
        root.Fail(field, $"'{Text.Printable(text)}' is not address:port (IPv6: [address]:port)");
        return defaultEndpoint;
    }

    private static ClientConnectionConfig ReadClientConnection(ConfigMapping connection)
    {
        double qps = connection.Number("qps") ?? 0;
        int burst = connection.Integer("burst", 0, int.MaxValue) ?? 0;
        string contentType = connection.Text("contentType");
        var read = new ClientConnectionConfig(
            connection.Text("kubeconfig"),
            qps == 0 ? 5 : qps,
            burst == 0 ? 10 : burst,
            contentType.Length == 0 ? KubeProxyConfig.DefaultContentType : contentType,
            connection.Text("acceptContentTypes"));
        connection.Finish();
        return read;
    }

    private static NodePortAddressesConfig ReadNodePortAddresses(ConfigMapping root)
    {
        ImmutableArray<string> texts = root.TextList("nodePortAddresses");
        return texts is ["primary"]
            ? new NodePortAddressesConfig(IsPrimary: true, [])
            : new NodePortAddressesConfig(IsPrimary: false, root.Prefixes("nodePortAddresses"));
    }

    private static ConntrackConfig ReadConntrack(ConfigMapping conntrack)
    {
        ConntrackConfig defaults = new KubeProxyConfig().Conntrack;
        var read = new ConntrackConfig(
            conntrack.Integer("maxPerCore", 0, int.MaxValue) ?? defaults.MaxPerCore,
            conntrack.Integer("min", 0, int.MaxValue) ?? defaults.Min,
            conntrack.Duration("tcpEstablishedTimeout") ?? defaults.TcpEstablishedTimeout,
            conntrack.Duration("tcpCloseWaitTimeout") ?? defaults.TcpCloseWaitTimeout,
            conntrack.Boolean("tcpBeLiberal") ?? false,
            conntrack.Duration("udpTimeout") ?? TimeSpan.Zero,
            conntrack.Duration("udpStreamTimeout") ?? TimeSpan.Zero);
        conntrack.Finish();
        return read;
    }

    // component-base logs/api/v1 LoggingConfiguration.
    private static KubeProxyConfig ReadLogging(ConfigMapping logging, KubeProxyConfig config)
    {
        string format = logging.Text("format");
        if (format is not ("" or "text" or "json"))
            logging.Fail("format", "must be text or json");
        config = config with
        {
            LogFormat = format == "json" ? "json" : "text",
            LogVerbosity = logging.Integer("verbosity", 0, int.MaxValue) ?? 0,
        };
        logging.Opaque("flushFrequency");
        logging.Opaque("vmodule");
        ConfigMapping options = logging.Mapping("options");
        foreach (string kind in (ReadOnlySpan<string>)["json", "text"])
        {
            ConfigMapping option = options.Mapping(kind);
            option.Opaque("splitStream");
            option.Opaque("infoBufferSize");
            option.Finish();
        }
        options.Finish();
        logging.Finish();
        return config;
    }

    // Once for the userspace proxy; kube-proxy still checks its form and uses it no more.
    private static string ReadPortRange(ConfigMapping root)
    {
        string range = root.Text("portRange");
        if (range.Length > 0 && !range.All(c => char.IsAsciiDigit(c) || c is '-' or '+'))
            root.Fail("portRange", "must be a port range such as 300-2000");
        return range;
    }

    private static void ReadWinkernel(ConfigMapping winkernel)
    {
        foreach (string field in (ReadOnlySpan<string>)["networkName", "sourceVip", "enableDSR", "rootHnsEndpointName",
            "forwardHealthCheckVip"])
            winkernel.Opaque(field);
        winkernel.Finish();
    }

    // kube-proxy's defaulting takes zero for unset.
    private static TimeSpan OrDefault(TimeSpan? value, TimeSpan whenUnset) => value is { } set && set > TimeSpan.Zero ? set : whenUnset;
}
