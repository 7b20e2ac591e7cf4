using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Portolan.Sources.Configuration;

/// <summary>Writes a configuration with all its fields, defaults filled in, as kube-proxy --write-config-to does.</summary>
public static class KubeProxyConfigWriter
{
    // Defaults of kube-proxy for fields that it alone uses (component-base logs/api/v1, pkg/proxy/apis/config).
    private static readonly (string Field, string Value)[] s_unread =
    [
        ("logging.flushFrequency", "5s"),
        ("logging.options.json.infoBufferSize", "\"0\""),
        ("logging.options.json.splitStream", "false"),
        ("logging.options.text.infoBufferSize", "\"0\""),
        ("logging.options.text.splitStream", "false"),
        ("logging.vmodule", "[]"),
        ("winkernel.enableDSR", "false"),
        ("winkernel.forwardHealthCheckVip", "false"),
        ("winkernel.networkName", "\"\""),
        ("winkernel.rootHnsEndpointName", "\"\""),
        ("winkernel.sourceVip", "\"\""),
        ("windowsRunAsService", "false"),
    ];

    /// <summary>The file: keys sorted, two blanks of indentation.</summary>
    public static string Write(KubeProxyConfig config)
    {
        var text = new StringBuilder("apiVersion: kubeproxy.config.k8s.io/v1alpha1\n");
        string[] open = [];
        foreach ((string field, string value) in Values(config).Append(new("kind", "KubeProxyConfiguration"))
            .OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            string[] path = field.Split('.');
            int shared = 0;
            while (shared < Math.Min(open.Length, path.Length - 1) && open[shared] == path[shared])
                shared++;
            for (int depth = shared; depth < path.Length - 1; depth++)
                text.Append(' ', depth * 2).Append(path[depth]).Append(":\n");
            text.Append(' ', (path.Length - 1) * 2).Append(path[^1]).Append(": ").Append(value).Append('\n');
            open = path[..^1];
        }
        return text.ToString();
    }

    /// <summary>Each field by its path, with the value as YAML and JSON both write it.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Values(KubeProxyConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Known(config).Concat(s_unread.Select(unread =>
                (unread.Field, config.Unread.GetValueOrDefault(unread.Field, unread.Value))))
            .Select(static pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2));
    }

    private static IEnumerable<(string Field, string Value)> Known(KubeProxyConfig config) =>
    [
        ("bindAddress", Text(config.BindAddress.ToString())),
        ("bindAddressHardFail", Text(config.BindAddressHardFail)),
        ("clientConnection.acceptContentTypes", Text(config.ClientConnection.AcceptContentTypes)),
        ("clientConnection.burst", Text(config.ClientConnection.Burst)),
        ("clientConnection.contentType", Text(config.ClientConnection.ContentType)),
        ("clientConnection.kubeconfig", Text(config.ClientConnection.Kubeconfig)),
        ("clientConnection.qps", config.ClientConnection.Qps.ToString(CultureInfo.InvariantCulture)),
        ("clusterCIDR", Text(string.Join(',', config.ClusterCidrs))),
        ("configSyncPeriod", Text(config.ConfigSyncPeriod)),
        ("conntrack.maxPerCore", Text(config.Conntrack.MaxPerCore)),
        ("conntrack.min", Text(config.Conntrack.Min)),
        ("conntrack.tcpBeLiberal", Text(config.Conntrack.TcpBeLiberal)),
        ("conntrack.tcpCloseWaitTimeout", Text(config.Conntrack.TcpCloseWaitTimeout)),
        ("conntrack.tcpEstablishedTimeout", Text(config.Conntrack.TcpEstablishedTimeout)),
        ("conntrack.udpStreamTimeout", Text(config.Conntrack.UdpStreamTimeout)),
        ("conntrack.udpTimeout", Text(config.Conntrack.UdpTimeout)),
        ("detectLocal.bridgeInterface", Text(config.BridgeInterface)),
        ("detectLocal.interfaceNamePrefix", Text(config.InterfaceNamePrefix)),
        ("detectLocalMode", Text(config.DetectLocalModeName)),
        ("enableProfiling", Text(config.EnableProfiling)),
        ("featureGates", Map(config.FeatureGates)),
        ("healthzBindAddress", Text(config.HealthzBindAddress.ToString())),
        ("hostnameOverride", Text(config.HostnameOverride)),
        ("iptables.localhostNodePorts", Text(config.LocalhostNodePorts)),
        .. ModeValues("iptables", config.IpTables),
        ("ipvs.excludeCIDRs", List([.. config.Ipvs.ExcludeCidrs.Select(static range => range.ToString())])),
        ("ipvs.minSyncPeriod", Text(config.IpvsPeriods.MinSyncPeriod)),
        ("ipvs.scheduler", Text(config.Ipvs.Scheduler)),
        ("ipvs.strictARP", Text(config.Ipvs.StrictArp)),
        ("ipvs.syncPeriod", Text(config.IpvsPeriods.SyncPeriod)),
        ("ipvs.tcpFinTimeout", Text(config.Ipvs.TcpFinTimeout)),
        ("ipvs.tcpTimeout", Text(config.Ipvs.TcpTimeout)),
        ("ipvs.udpTimeout", Text(config.Ipvs.UdpTimeout)),
        ("logging.format", Text(config.LogFormat)),
        ("logging.verbosity", Text(config.LogVerbosity)),
        ("metricsBindAddress", Text(config.MetricsBindAddress.ToString())),
        ("mode", Text(config.IsModeGiven ? config.ModeName : "")),
        .. ModeValues("nftables", config.NfTables),
        ("nodePortAddresses", config.NodePortAddresses.IsPrimary ? "[\"primary\"]"
            : List([.. config.NodePortAddresses.Ranges.Select(static range => range.ToString())])),
        ("oomScoreAdj", Text(config.OomScoreAdj)),
        ("portRange", Text(config.PortRange)),
        ("showHiddenMetricsForVersion", Text(config.ShowHiddenMetricsForVersion)),
    ];

    private static IEnumerable<(string Field, string Value)> ModeValues(string section, ModeConfig mode) =>
    [
        ($"{section}.masqueradeAll", Text(mode.MasqueradeAll)),
        ($"{section}.masqueradeBit", Text(mode.MasqueradeBit)),
        ($"{section}.minSyncPeriod", Text(mode.MinSyncPeriod)),
        ($"{section}.syncPeriod", Text(mode.SyncPeriod)),
    ];

    private static string Text(string text) => YamlText.Scalar(text);

    private static string Text(bool value) => value ? "true" : "false";

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(TimeSpan duration) => GoDuration.Format(duration);

    private static string List(ImmutableArray<string> list) => $"[{string.Join(", ", list.Select(YamlText.Quoted))}]";

    private static string Map(ImmutableDictionary<string, bool> map) => $"{{{string.Join(", ", map
        .OrderBy(static pair => pair.Key, StringComparer.Ordinal)
        .Select(static pair => $"{YamlText.Quoted(pair.Key)}: {Text(pair.Value)}"))}}}";
}
