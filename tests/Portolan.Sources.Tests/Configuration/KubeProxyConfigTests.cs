using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Plans;
using Portolan.Sources.Configuration;

namespace Portolan.Sources.Tests.Configuration;

public class KubeProxyConfigTests
{
    private const string Head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

    [Fact]
    public void An_empty_configuration_has_kube_proxys_defaults()
    {
        KubeProxyConfig config = Read("");
        Assert.Equal(ProxyMode.NfTables, config.Mode);
        Assert.Equal("0.0.0.0:10256", config.HealthzBindAddress.ToString());
        Assert.Equal("127.0.0.1:10249", config.MetricsBindAddress.ToString());
        Assert.Equal(14, config.NfTables.MasqueradeBit);
        Assert.Equal(TimeSpan.FromSeconds(30), config.NfTables.SyncPeriod);
        Assert.Equal(TimeSpan.Zero, config.NfTables.MinSyncPeriod);
        Assert.True(config.LocalhostNodePorts);
        Assert.Equal(-999, config.OomScoreAdj);
        Assert.Equal(TimeSpan.FromMinutes(15), config.ConfigSyncPeriod);
        Assert.Equal(32768, config.Conntrack.MaxPerCore);
        Assert.Equal(TimeSpan.FromHours(24), config.Conntrack.TcpEstablishedTimeout);
        Assert.Equal(5, config.ClientConnection.Qps);
        Assert.Empty(config.FieldsSet.Except(["apiVersion", "kind"]));
    }

    [Fact]
    public void An_IPv6_bind_address_moves_the_default_ports_to_IPv6()
    {
        KubeProxyConfig config = Read("bindAddress: \"::\"");
        Assert.Equal("[::]:10256", config.HealthzBindAddress.ToString());
        Assert.Equal("[::1]:10249", config.MetricsBindAddress.ToString());
    }

    [Theory]
    [InlineData("healthzBindAddress: 192.0.2.1", "192.0.2.1:10256")]
    [InlineData("healthzBindAddress: 192.0.2.1:80", "192.0.2.1:80")]
    [InlineData("healthzBindAddress: \"fd00::1\"", "[fd00::1]:10256")]
    [InlineData("healthzBindAddress: \"[fd00::1]:80\"", "[fd00::1]:80")]
    public void An_address_without_a_port_gets_the_default_port(string line, string expected) =>
        Assert.Equal(expected, Read(line).HealthzBindAddress.ToString());

    [Fact]
    public void Every_field_of_v1_36_is_known()
    {
        KubeProxyConfig config = Read(
            """
            featureGates: {SomeGate: true}
            clientConnection: {kubeconfig: /etc/kc, acceptContentTypes: "", contentType: application/json, qps: 7.5, burst: 20}
            logging:
              format: json
              flushFrequency: 5s
              verbosity: 3
              vmodule: [{filePattern: a, verbosity: 1}]
              options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}
            hostnameOverride: Node-A
            bindAddress: 0.0.0.0
            healthzBindAddress: 0.0.0.0:10256
            metricsBindAddress: 127.0.0.1:10249
            bindAddressHardFail: true
            enableProfiling: true
            showHiddenMetricsForVersion: "1.35"
            mode: ipvs
            iptables: {masqueradeBit: 0, masqueradeAll: true, localhostNodePorts: false, syncPeriod: 1m30s, minSyncPeriod: 2s}
            ipvs: {syncPeriod: 30s, minSyncPeriod: 0s, scheduler: lc, excludeCIDRs: [10.0.0.0/8], strictARP: true, tcpTimeout: 1h, tcpFinTimeout: 0s, udpTimeout: 5m}
            nftables: {masqueradeBit: 31, masqueradeAll: false, syncPeriod: 1m, minSyncPeriod: 250ms}
            winkernel: {networkName: "", sourceVip: "", enableDSR: false, rootHnsEndpointName: "", forwardHealthCheckVip: false}
            detectLocalMode: ClusterCIDR
            detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
            clusterCIDR: 10.244.0.0/16,fd00:244::/48
            nodePortAddresses: [192.168.0.0/16, "::/0"]
            oomScoreAdj: -998
            conntrack: {maxPerCore: 0, min: 1, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 1h0m0s, tcpBeLiberal: true, udpTimeout: 30s, udpStreamTimeout: 3m}
            configSyncPeriod: 15m0s
            portRange: ""
            windowsRunAsService: false
            """);
        Assert.Equal(ProxyMode.Ipvs, config.Mode);
        Assert.Equal("node-a", config.NodeName("other"));
        Assert.Equal(0, config.IpTables.MasqueradeBit);
        Assert.Equal(TimeSpan.FromSeconds(90), config.IpTables.SyncPeriod);
        Assert.False(config.LocalhostNodePorts);
        Assert.Equal(TimeSpan.FromMilliseconds(250), config.NfTables.MinSyncPeriod);
        Assert.Equal("lc", config.Ipvs.Scheduler);
        Assert.Equal([InetPrefix.Parse("10.0.0.0/8")], config.Ipvs.ExcludeCidrs);
        Assert.Equal((config.IpTables.MasqueradeBit, config.IpTables.MasqueradeAll),
            (config.ModeInUse.MasqueradeBit, config.ModeInUse.MasqueradeAll));
        Assert.Equal(2, config.ClusterCidrs.Length);
        Assert.Equal(2, config.NodePortAddresses.Ranges.Length);
        Assert.Equal(TimeSpan.Zero, config.Conntrack.TcpEstablishedTimeout);
        Assert.True(config.FeatureGates["SomeGate"]);
        Assert.Equal(3, config.LogVerbosity);
        Assert.DoesNotContain(config.FieldsSet, field => field.StartsWith("winkernel", StringComparison.Ordinal));
    }

    [Fact]
    public void The_file_kubeadm_writes_is_accepted_without_a_word_about_its_empty_fields()
    {
        KubeProxyConfig config = Read(
            """
            bindAddress: 0.0.0.0
            bindAddressHardFail: false
            clientConnection:
              acceptContentTypes: ""
              burst: 0
              contentType: ""
              kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
              qps: 0
            clusterCIDR: 10.244.0.0/16
            configSyncPeriod: 0s
            conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
            detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
            detectLocalMode: ""
            enableProfiling: false
            healthzBindAddress: ""
            hostnameOverride: ""
            iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
            ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
            logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
            metricsBindAddress: ""
            mode: ""
            nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
            nodePortAddresses: null
            oomScoreAdj: null
            portRange: ""
            showHiddenMetricsForVersion: ""
            winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
            """);
        Assert.Equal(
            ["apiVersion", "bindAddress", "clientConnection.kubeconfig", "clusterCIDR", "kind"], config.FieldsSet);
        Assert.Equal(10, config.ClientConnection.Burst);
        Assert.Equal("/var/lib/kube-proxy/kubeconfig.conf", config.ClientConnection.Kubeconfig);
    }

    [Theory]
    [InlineData("clusterCIDR: \"10.0.0.0/8, fd00::/48\"", "clusterCIDR: ' fd00::/48' is not an address range")]
    [InlineData("showHiddenMetricsForVersion: \"1.16\"", "showHiddenMetricsForVersion: must be omitted or 1.35")]
    [InlineData("iptables:\n  masqueradeBit: 32", "line 4, iptables.masqueradeBit: takes a whole number from 0 to 31")]
    [InlineData("iptables: {masqueradeBit: \"14\"}", "takes a whole number")]
    [InlineData("iptables: {syncPeriod: 30}", "line 3, iptables.syncPeriod: takes a duration")]
    [InlineData("iptables: {syncPeriod: -1s}", "takes a duration")]
    [InlineData("nftables: {syncPeriod: 1s, minSyncPeriod: 2s}", "nftables.syncPeriod: must not be shorter than minSyncPeriod")]
    [InlineData("iptables: [1]", "line 3, iptables: takes fields of its own")]
    [InlineData("mode: userspace", "line 3, mode: must be nftables, iptables, ipvs")]
    [InlineData("bindAddress: localhost", "bindAddress: 'localhost' is not an IP address")]
    [InlineData("healthzBindAddress: 0.0.0.0:0", "healthzBindAddress")]
    [InlineData("healthzBindAddress: 0.0.0.0:70000", "healthzBindAddress")]
    [InlineData("metricsBindAddress: \":10249\"", "metricsBindAddress")]
    [InlineData("clusterCIDR: 10.0.0.0", "clusterCIDR: '10.0.0.0' is not an address range")]
    [InlineData("clusterCIDR: 10.0.0.0/8,10.1.0.0/16", "clusterCIDR: must be one range, or one of each family")]
    [InlineData("nodePortAddresses: [primary, 10.0.0.0/8]", "nodePortAddresses: 'primary' is not an address range")]
    [InlineData("nodePortAddresses: 10.0.0.0/8", "nodePortAddresses: takes a list of texts")]
    [InlineData("detectLocalMode: clusterCIDR", "detectLocalMode: must be ClusterCIDR")]
    [InlineData("detectLocalMode: BridgeInterface", "detectLocal.bridgeInterface: must be an interface name")]
    [InlineData("detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: \"a b\"}", "detectLocal.interfaceNamePrefix")]
    [InlineData("oomScoreAdj: -1001", "oomScoreAdj: takes a whole number from -1000 to 1000")]
    [InlineData("enableProfiling: \"true\"", "enableProfiling: takes true or false")]
    [InlineData("hostnameOverride: 12", "hostnameOverride: takes text")]
    [InlineData("featureGates: {A: 1}", "featureGates.A: takes true or false")]
    [InlineData("conntrack: {maxPerCore: -1}", "conntrack.maxPerCore")]
    [InlineData("portRange: many", "portRange")]
    [InlineData("mode: [", "line ")]
    public void A_wrong_field_is_an_error_with_line_and_field(string yaml, string expected)
    {
        SourceException error = Assert.Throws<SourceException>(() => Read(yaml));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("kube-proxy.yaml", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_errors_of_a_file_are_told_at_once()
    {
        SourceException error = Assert.Throws<SourceException>(() => Read("mode: 1\nportRange: many\noomScoreAdj: x"));
        Assert.Equal(3, error.Message.Split('\n').Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("apiVersion: kubeproxy.config.k8s.io/v1alpha2\nkind: KubeProxyConfiguration")]
    [InlineData("apiVersion: v1\nkind: Service")]
    [InlineData("- 1")]
    public void What_is_no_KubeProxyConfiguration_is_refused(string yaml) =>
        Assert.Throws<SourceException>(() => KubeProxyConfigReader.Read(new StringReader(yaml), "kube-proxy.yaml"));

    [Theory]
    [InlineData("iptables: {masqueradeBitt: 14}", "line 3, iptables.masqueradeBitt: is not a field", "mean iptables.masqueradeBit?")]
    [InlineData("Mode: iptables", "line 3, Mode: is not a field", "did you mean mode?")]
    [InlineData("udpIdleTimeout: 250ms\nresourceContainer: /kube-proxy", "line 3, udpIdleTimeout: is not a field",
        "mean conntrack.udpTimeout?")]
    [InlineData("conntrack: {max: null}", "line 3, conntrack.max: is not a field", "did you mean")]
    [InlineData("nodeIPOverride: [10.0.0.1]", "line 3, nodeIPOverride: is not a field", "so it has no effect")]
    [InlineData("mode: nftables\niptables:\n  masqueradeBit: 1\n  masqueradeBit: 2", "line 6, masqueradeBit: comes twice",
        "value of this line holds")]
    [InlineData("mode: nftables\n---\n" + Head + "mode: iptables", "document 2: is not read", "line 5")]
    [InlineData("detectLocalMode: NodeCIDR\nclusterCIDR: bogus", "line 4, clusterCIDR: 'bogus'", "not used with this detectLocalMode")]
    public void What_kube_proxy_forgives_is_passed_over_with_a_warning_that_says_where(string yaml, params string[] expected)
    {
        string warning = Read(yaml).Warnings[0];
        Assert.StartsWith("kube-proxy.yaml, line ", warning, StringComparison.Ordinal);
        Assert.All(expected, part => Assert.Contains(part, warning, StringComparison.Ordinal));
    }

    [Fact]
    public void Of_a_field_that_comes_twice_the_last_value_holds()
    {
        KubeProxyConfig config = Read("mode: nftables\niptables: {masqueradeBit: 3}\nmode: iptables\niptables: {masqueradeBit: 4}");
        Assert.Equal((ProxyMode.IpTables, 4), (config.Mode, config.IpTables.MasqueradeBit));
        Assert.Equal(2, config.Warnings.Length);
    }

    [Theory]
    [InlineData("---\n" + Head + "mode: iptables\n---\n")]
    [InlineData("---\n---\n" + Head + "mode: iptables\n")]
    [InlineData(Head + "mode: iptables\r\n---\r\n# nothing\r\n")]
    [InlineData("{\"apiVersion\": \"kubeproxy.config.k8s.io/v1alpha1\", \"kind\": \"KubeProxyConfiguration\", \"mode\": \"iptables\"}")]
    public void Empty_documents_are_skipped(string yaml)
    {
        KubeProxyConfig config = KubeProxyConfigReader.Read(new StringReader(yaml), "kube-proxy.yaml");
        Assert.Equal(ProxyMode.IpTables, config.Mode);
        Assert.Empty(config.Warnings);
    }

    [Fact]
    public void A_configuration_that_is_written_reads_back_as_the_same_and_says_every_field()
    {
        KubeProxyConfig config = Read("""
            mode: iptables
            clusterCIDR: 10.244.0.0/16,fd00:244::/48
            bindAddress: "::"
            featureGates: {B: false, A: true}
            nodePortAddresses: [10.0.0.0/8]
            hostnameOverride: "with \"quotes\" and: colons"
            conntrack: {tcpEstablishedTimeout: 25h1m0.5s, udpTimeout: 250ms}
            logging: {verbosity: 4, vmodule: [{filePattern: "a*", verbosity: 1}]}
            """);

        string written = KubeProxyConfigWriter.Write(config);

        KubeProxyConfig again = KubeProxyConfigReader.Read(new StringReader(written), "written");
        Assert.Equal(written, KubeProxyConfigWriter.Write(again));
        Assert.Empty(again.Warnings);
        Assert.Equal("with \"quotes\" and: colons", again.HostnameOverride);
        Assert.Equal(config.Conntrack, again.Conntrack);
        Assert.Contains("tcpEstablishedTimeout: 25h1m0.5s", written.Replace("\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(config.Fields.Except(["apiVersion", "kind"]).Order(StringComparer.Ordinal),
            KubeProxyConfigWriter.Values(config).Select(static pair => pair.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_that_is_not_there_is_one_line()
    {
        SourceException error = Assert.Throws<SourceException>(() => KubeProxyConfig.Load("/nonexistent/kube-proxy.yaml"));
        Assert.Contains("/nonexistent/kube-proxy.yaml", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_without_effect_is_named_once_and_a_section_may_be_honoured_whole()
    {
        KubeProxyConfig config = Read("winkernel: {enableDSR: true}\nconntrack: {min: 5, maxPerCore: 7}\nmode: nftables");
        Assert.Equal(
            ["winkernel.enableDSR is accepted, but has no effect in Portolan"],
            config.Unhonoured(new HashSet<string> { "apiVersion", "kind", "mode", "conntrack" }));
    }

    [Fact]
    public void A_cluster_CIDR_of_one_family_leaves_the_other_without_a_detector()
    {
        ProxyPolicy policy = Read("clusterCIDR: 10.244.0.0/16").PolicyFor("node-a");
        Assert.Equal(LocalDetection.Cidrs, policy.DetectorIPv4.Mode);
        Assert.Equal("10.244.0.0/16", policy.DetectorIPv4.Cidrs.Single().ToString());
        Assert.Equal(LocalDetector.None, policy.DetectorIPv6);
        Assert.False(policy.DetectByNodeCidr);
    }

    [Fact]
    public void Each_mode_of_detection_reaches_the_policy()
    {
        Assert.True(Read("detectLocalMode: NodeCIDR\nclusterCIDR: 10.0.0.0/8").PolicyFor("n").DetectByNodeCidr);
        Assert.Equal(LocalDetector.None, Read("detectLocalMode: NodeCIDR\nclusterCIDR: 10.0.0.0/8").PolicyFor("n").DetectorIPv4);
        ProxyPolicy bridge = Read("detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}").PolicyFor("n");
        Assert.Equal((LocalDetection.Interface, "cni0"), (bridge.DetectorIPv6.Mode, bridge.DetectorIPv6.Interface));
        ProxyPolicy prefix = Read("detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: veth}").PolicyFor("n");
        Assert.Equal((LocalDetection.InterfacePrefix, "veth"), (prefix.DetectorIPv4.Mode, prefix.DetectorIPv4.Interface));
        Assert.Equal(LocalDetector.None, Read("").PolicyFor("n").DetectorIPv4);
    }

    [Theory]
    [InlineData("mode: nftables\nnftables: {masqueradeAll: true}", true, false)]
    [InlineData("mode: nftables\niptables: {masqueradeAll: true}", false, false)]
    [InlineData("mode: iptables\niptables: {masqueradeAll: true}", true, true)]
    [InlineData("mode: iptables\niptables: {localhostNodePorts: false}", false, false)]
    public void Settings_of_the_mode_in_use_count(string yaml, bool masqueradeAll, bool localhostNodePorts)
    {
        ProxyPolicy policy = Read(yaml).PolicyFor("n");
        Assert.Equal((masqueradeAll, localhostNodePorts), (policy.MasqueradeAll, policy.NodePorts.WithLoopback));
    }

    [Theory]
    [InlineData("", " Node-A.Example ", "node-a.example")]
    [InlineData("hostnameOverride: \" Other \"", "node-a", "other")]
    public void The_node_name_is_trimmed_and_in_lower_case(string yaml, string machine, string expected) =>
        Assert.Equal(expected, Read(yaml).NodeName(machine));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("1m30s", 90_000)]
    [InlineData("250ms", 250)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("1h0m0.5s", 3_600_500)]
    [InlineData("-2s", -2000)]
    public void Go_durations_are_read(string text, double milliseconds)
    {
        Assert.True(GoDuration.TryParse(text, out TimeSpan duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("s")]
    [InlineData("1 s")]
    [InlineData("1d")]
    [InlineData("1s1")]
    [InlineData(".s")]
    [InlineData("9999999h")]
    public void What_Go_refuses_is_no_duration(string text) => Assert.False(GoDuration.TryParse(text, out _));

    private static KubeProxyConfig Read(string yaml) => KubeProxyConfigReader.Read(new StringReader(Head + yaml), "kube-proxy.yaml");
}
