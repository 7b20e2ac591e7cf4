namespace Portolan.Tests;

/// <summary>Arguments as people and distributions give them: every one is taken or named, and none ends in a stack trace.</summary>
public sealed class CommandLineTests
{
    private static readonly string[] s_proxyFlags =
    [
        "bind-address", "bind-address-hard-fail", "cluster-cidr", "config-sync-period", "conntrack-max-per-core", "conntrack-min",
        "conntrack-tcp-be-liberal", "conntrack-tcp-timeout-close-wait", "conntrack-tcp-timeout-established", "conntrack-udp-timeout",
        "conntrack-udp-timeout-stream", "detect-local-mode", "feature-gates", "healthz-bind-address", "hostname-override",
        "iptables-localhost-nodeports", "iptables-masquerade-bit", "iptables-min-sync-period", "iptables-sync-period", "ipvs-exclude-cidrs",
        "ipvs-min-sync-period", "ipvs-scheduler", "ipvs-strict-arp", "ipvs-sync-period", "ipvs-tcp-timeout", "ipvs-tcpfin-timeout",
        "ipvs-udp-timeout", "kube-api-burst", "kube-api-content-type", "kube-api-qps", "kubeconfig", "logging-format", "masquerade-all",
        "metrics-bind-address", "nodeport-addresses", "oom-score-adj", "pod-bridge-interface", "pod-interface-name-prefix", "profiling",
        "proxy-mode", "show-hidden-metrics-for-version", "v", "vmodule", "config", "manifests", "master", "cleanup-iptables",
        "log-flush-frequency", "log-json-info-buffer-size",
        "log-json-split-stream", "log-text-info-buffer-size", "log-text-split-stream", "machine-id-file", "boot-id-file", "healthz-port",
        "metrics-port",
    ];

    private static readonly string[] s_chartFlags =
    [
        "trace --src", "trace --dst", "trace --proto", "trace --dport", "trace --sport", "trace --in", "trace --out", "trace --state",
            "trace --mark",
        "trace --pod-cidr", "trace --affinity", "trace --tcp-flags", "trace --icmp-type", "trace --uid", "trace --gid", "trace --rules",
        "trace --local-address", "services --rules", "services --local-address", "explain --port", "explain --from", "explain --rules",
        "rules --table", "rules --start", "rules --rules", "check --rules", "check --manifests", "check --node", "check --pod-cidr",
        "check --kubeconfig", "graph --format", "graph --rules", "graph --output", "watch --dst", "watch --rate",
    ];

    public static TheoryData<string> ProxyFlags => [.. s_proxyFlags];

    public static TheoryData<string> ChartFlags => [.. s_chartFlags];

    // Without a folder of manifests that exists the proxy ends before it touches the machine, with status 1 and one line, whatever the
    // flag.
    [Theory]
    [MemberData(nameof(ProxyFlags))]
    public void No_value_of_a_flag_of_the_proxy_ends_in_a_stack_trace(string flag)
    {
        using var run = new PortolanRun();
        string[][] forms =
        [
            [$"--{flag}=a,b"], [$"--{flag}="], [$"--{flag}", "1"], [$"--{flag}=1", $"--{flag}=2"], [$"--{flag}"],
                [$"--{flag.Replace('-', '_')}=x"],
        ];
        foreach (string[] form in forms)
        {
            Outcome outcome = run.Run(["proxy", .. form, "--manifests", "/nonexistent"]);

            // Cleaning up needs no cluster.
            Assert.InRange(outcome.Status, flag == "cleanup-iptables" ? 0 : 1, 1);
            AssertNoStackTrace(outcome, string.Join(' ', form));
        }
    }

    [Theory]
    [MemberData(nameof(ChartFlags))]
    public void No_value_of_a_flag_of_the_chart_ends_in_a_stack_trace(string flag)
    {
        using var run = new PortolanRun();
        string[] words = flag.Split(' ');
        string[][] forms = [[$"{words[1]}=\u202e,"], [$"{words[1]}="], [words[1]], [$"{words[1]}=1", $"{words[1]}=2"]];
        foreach (string[] form in forms)
        {
            Outcome outcome = run.Run([words[0], .. form]);

            Assert.InRange(outcome.Status, 0, 3);
            AssertNoStackTrace(outcome, string.Join(' ', form));
        }
    }

    [Theory]
    [InlineData("--masquerade-all=TRUE")]
    [InlineData("--masquerade_all=t")]
    [InlineData("--conntrack-max-per-core=0x0")]
    [InlineData("-v99")]
    [InlineData("-v", "2")]
    [InlineData("--v=2", "--v=4")]
    [InlineData("--nodeport-addresses=10.0.0.0/8", "--nodeport-addresses=192.168.0.0/16")]
    [InlineData("--nodeport-addresses=10.0.0.0/8,192.168.0.0/16")]
    [InlineData("--pod-interface-name-prefix=")]
    [InlineData("--feature-gates=RotateKubeletServerCertificate=true,ExecProbeTimeout=false")]
    [InlineData("--log-flush-frequency=10s")]
    [InlineData("--log-text-split-stream")]
    [InlineData("--log_json_info_buffer_size=1Mi")]
    [InlineData("--machine-id-file=/etc/machine-id", "--boot-id-file=/proc/sys/kernel/random/boot_id")]
    [InlineData("--healthz-port=10256", "--metrics-port=10249")]
    [InlineData("--cleanup=f")]
    [InlineData("--init-only=false", "--version=false")]
    public void What_kube_proxy_takes_is_taken(params string[] flags)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", .. flags, "--manifests", "/nonexistent"]);

        // The only complaint is about the folder.
        Assert.Equal(1, outcome.Status);
        Assert.Contains("/nonexistent", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(flags[0].TrimStart('-').Split('=')[0] + ":", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Portolan ", "--version")]
    [InlineData("version.Info{", "--version=raw")]
    [InlineData("Portolan ", "--version", "--config=/nonexistent")]
    public void The_version_is_printed_and_nothing_else_is_done(string expected, params string[] flags)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", .. flags]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        Assert.StartsWith(expected, outcome.Output, StringComparison.Ordinal);
        Assert.Contains("kube-proxy", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_can_be_written_from_flags_and_is_read_again_without_a_word()
    {
        using var run = new PortolanRun();
        string file = Path.Combine(run.Folder, "written.yaml");

        Outcome outcome = run.Run(["proxy", "--cluster-cidr=10.244.0.0/16", "--iptables-masquerade-bit=0xf", "--proxy_mode=iptables",
            "--write-config-to", file]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        string written = File.ReadAllText(file);
        Assert.Contains("clusterCIDR: \"10.244.0.0/16\"", written, StringComparison.Ordinal);
        Assert.Contains("  masqueradeBit: 15\n", written, StringComparison.Ordinal);
        Assert.Contains("\nmode: iptables\n", written, StringComparison.Ordinal);
        Assert.Equal(1, run.Run(["proxy", "--write-config-to", "/nonexistent/file"]).Status);

        string again = Path.Combine(run.Folder, "again.yaml");
        Assert.Equal((0, ""), run.Run(["proxy", "--config", file, "--write-config-to", again]) is { } second
            ? (second.Status, second.Errors) : default);
        Assert.Equal(written, File.ReadAllText(again));
    }

    [Fact]
    public void Settings_of_the_machine_alone_can_be_made()
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", "--init-only", "--conntrack-max-per-core=0", "--conntrack-udp-timeout=77s",
            "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0"]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        Assert.Equal("77", run.Tools("cat", "/proc/sys/net/netfilter/nf_conntrack_udp_timeout").Trim());
    }

    [Theory]
    [InlineData("--config-sync-period=0", "--config-sync-period: must be longer than zero")]
    [InlineData("--show-hidden-metrics-for-version=1.16", "--show-hidden-metrics-for-version: must be omitted or 1.35")]
    [InlineData("--cleanup=perhaps", "--cleanup: takes true or false")]
    [InlineData("--healthz-port=70000", "--healthz-port: takes a port, 0 to 65535")]
    public void What_kube_proxy_refuses_is_refused(string flag, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", flag, "--manifests", run.Manifests]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, outcome.Errors, StringComparison.Ordinal);
    }

    private static void AssertNoStackTrace(Outcome outcome, string form)
    {
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        Assert.False(outcome.Errors.Contains("Unhandled", StringComparison.Ordinal), form + ": " + outcome.Errors);
        Assert.False(outcome.Errors.Contains("defect in portolan", StringComparison.Ordinal), form + ": " + outcome.Errors);
    }
}
