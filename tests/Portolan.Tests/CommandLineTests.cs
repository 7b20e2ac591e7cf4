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
        "proxy-mode", "show-hidden-metrics-for-version", "v", "vmodule", "config", "manifests", "master",
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

            Assert.Equal(1, outcome.Status);
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
    public void What_kube_proxy_takes_is_taken(params string[] flags)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", .. flags, "--manifests", "/nonexistent"]);

        // The only complaint is about the folder.
        Assert.Equal(1, outcome.Status);
        Assert.Contains("/nonexistent", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(flags[0].TrimStart('-').Split('=')[0] + ":", outcome.Errors, StringComparison.Ordinal);
    }

    private static void AssertNoStackTrace(Outcome outcome, string form)
    {
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        Assert.False(outcome.Errors.Contains("Unhandled", StringComparison.Ordinal), form + ": " + outcome.Errors);
        Assert.False(outcome.Errors.Contains("defect in portolan", StringComparison.Ordinal), form + ": " + outcome.Errors);
    }
}
