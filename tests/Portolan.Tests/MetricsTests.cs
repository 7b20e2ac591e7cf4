using System.Globalization;
using System.Text.RegularExpressions;

namespace Portolan.Tests;

/// <summary>What is made for kube-proxy v1.36 (dashboards, alert rules) finds the same names, types, labels and buckets.</summary>
public sealed partial class MetricsTests
{
    private const string Sync = "0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 8.192 16.384 +Inf";

    // pkg/proxy/metrics/metrics.go of v1.36: name, type, labels; of histograms the buckets.
    private static readonly (string Name, string Type, string Labels, string Buckets)[] s_everyMode =
    [
        ("kubeproxy_conntrack_reconciler_deleted_entries_total", "counter", "ip_family", ""),
        ("kubeproxy_conntrack_reconciler_sync_duration_seconds", "histogram", "ip_family", Sync),
        ("kubeproxy_network_programming_duration_seconds", "histogram", "ip_family", ProgrammingBuckets()),
        ("kubeproxy_proxy_healthz_total", "counter", "code", ""),
        ("kubeproxy_proxy_livez_total", "counter", "code", ""),
        ("kubeproxy_sync_full_proxy_rules_duration_seconds", "histogram", "ip_family", Sync),
        ("kubeproxy_sync_partial_proxy_rules_duration_seconds", "histogram", "ip_family", Sync),
        ("kubeproxy_sync_proxy_rules_duration_seconds", "histogram", "ip_family", Sync),
        ("kubeproxy_sync_proxy_rules_endpoint_changes_pending", "gauge", "", ""),
        ("kubeproxy_sync_proxy_rules_endpoint_changes_total", "counter", "", ""),
        ("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", "gauge", "ip_family", ""),
        ("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "gauge", "ip_family", ""),
        ("kubeproxy_sync_proxy_rules_no_local_endpoints_total", "gauge", "ip_family traffic_policy", ""),
        ("kubeproxy_sync_proxy_rules_service_changes_pending", "gauge", "", ""),
        ("kubeproxy_sync_proxy_rules_service_changes_total", "counter", "", ""),
        ("kubernetes_build_info", "gauge",
            "build_date compiler git_commit git_tree_state git_version go_version major minor platform", ""),
        ("process_cpu_seconds_total", "counter", "", ""),
        ("process_max_fds", "gauge", "", ""),
        ("process_open_fds", "gauge", "", ""),
        ("process_resident_memory_bytes", "gauge", "", ""),
        ("process_start_time_seconds", "gauge", "", ""),
        ("process_virtual_memory_bytes", "gauge", "", ""),
    ];

    private static readonly (string Name, string Type, string Labels, string Buckets)[] s_nftables =
    [
        ("kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total", "counter", "ip_family", ""),
        ("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", "counter", "ip_family", ""),
    ];

    private static readonly (string Name, string Type, string Labels, string Buckets)[] s_iptables =
    [
        ("kubeproxy_iptables_ct_state_invalid_dropped_packets_total", "counter", "", ""),
        ("kubeproxy_iptables_localhost_nodeports_accepted_packets_total", "counter", "", ""),
        ("kubeproxy_sync_proxy_rules_iptables_last", "gauge", "ip_family table", ""),
        ("kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total", "counter", "ip_family", ""),
        ("kubeproxy_sync_proxy_rules_iptables_restore_failures_total", "counter", "ip_family", ""),
        ("kubeproxy_sync_proxy_rules_iptables_total", "gauge", "ip_family table", ""),
    ];

    public static TheoryData<string> Modes => ["nftables", "iptables"];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Every_metric_of_kube_proxy_is_there_with_its_type_labels_and_buckets(string mode)
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);

        string page = Page(run);

        Assert.All([.. s_everyMode, .. mode == "nftables" ? s_nftables : s_iptables], metric =>
        {
            Assert.Contains($"# TYPE {metric.Name} {metric.Type}\n", page, StringComparison.Ordinal);
            string series = metric.Type == "histogram" ? metric.Name + "_bucket" : metric.Name;
            (string Labels, string Bucket)[] samples = [.. Sample().Matches(page).Where(sample => sample.Groups["name"].Value == series)
                .Select(static sample => (
                    string.Join(' ', Label().Matches(sample.Groups["labels"].Value).Select(static label => label.Groups[1].Value)
                        .Where(static name => name != "le").Order(StringComparer.Ordinal)),
                    Label().Matches(sample.Groups["labels"].Value).FirstOrDefault(static label => label.Groups[1].Value == "le")?
                        .Groups[2].Value ?? ""))];
            Assert.NotEmpty(samples);
            Assert.All(samples, sample => Assert.Equal(metric.Labels, sample.Labels));
            if (metric.Buckets.Length > 0)
                Assert.Equal(metric.Buckets, string.Join(' ', samples.Select(static sample => sample.Bucket).Distinct()));
        });
    }

    [Fact]
    public async Task The_number_of_elements_of_each_set_is_what_the_kernel_has()
    {
        using var run = new PortolanRun();
        run.Manifest("node.yaml", Manifest.Node);
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);
        AssertSameAsKernel();
        // One endpoint more, a second service, and none at all.
        run.Manifest("good.yaml", Manifest.GoodService.Replace("addresses: [10.244.1.10]",
            "addresses: [10.244.1.10]}, {addresses: [10.244.1.11]", StringComparison.Ordinal));
        await run.UntilAsync(() => Elements("endpoints") == 2, "a second endpoint");
        AssertSameAsKernel();
        run.Manifest("good.yaml", Manifest.Node);
        await run.UntilAsync(() => Elements("frontends") == 0, "no service");
        AssertSameAsKernel();

        double Elements(string set) => Value(run, $"portolan_set_elements{{ip_family=\"IPv4\",set=\"{set}\"}}");

        void AssertSameAsKernel()
        {
            foreach (string set in (string[])["frontends", "endpoints"])
            {
                using var listing = System.Text.Json.JsonDocument.Parse(run.Tools("nft", "-j", "list", "map", "ip", "portolan", set));
                System.Text.Json.JsonElement map = listing.RootElement.GetProperty("nftables").EnumerateArray()
                    .First(static entry => entry.TryGetProperty("map", out _)).GetProperty("map");
                int held = map.TryGetProperty("elem", out System.Text.Json.JsonElement elements) ? elements.GetArrayLength() : 0;
                Assert.Equal(held, Elements(set));
            }
        }
    }

    [Fact]
    public async Task A_change_of_an_endpoint_is_timed_from_the_moment_its_pod_changed()
    {
        using var run = new PortolanRun();
        run.Manifest("node.yaml", Manifest.Node);
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);
        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);

        // A pod that became ready a second ago, by the clock of the endpoint slice controller.
        string trigger = DateTime.UtcNow.AddSeconds(-1).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        run.Manifest("good.yaml", Manifest.GoodService.Replace("10.244.1.10", "10.244.1.77", StringComparison.Ordinal)
            .Replace("kind: EndpointSlice\nmetadata: {", $"kind: EndpointSlice\nmetadata: {{annotations: {{" +
            $"endpoints.kubernetes.io/last-change-trigger-time: \"{trigger}\"}}, ", StringComparison.Ordinal));
        await run.UntilAsync(() => Value(run, "kubeproxy_network_programming_duration_seconds_count{ip_family=\"IPv4\"}") == 1,
            "the change to be timed");

        Assert.InRange(Value(run, "kubeproxy_network_programming_duration_seconds_sum{ip_family=\"IPv4\"}"), 1, 60);
        Assert.True(Value(run, "kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family=\"IPv6\"}") >= 1);
        Assert.Equal(1, Value(run, "kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"}"));
        Assert.Equal(0, Value(run, "kubeproxy_sync_proxy_rules_endpoint_changes_pending"));
    }

    [Fact]
    public async Task The_last_queued_change_stays_when_it_is_in_force_and_lies_behind_the_last_sync_while_one_is_stuck()
    {
        using var run = new PortolanRun();
        string tools = Directory.CreateDirectory(Path.Combine(run.Folder, "bin")).FullName;
        foreach (string tool in (string[])["iptables-nft", "ip6tables-nft"])
        {
            foreach (string suffix in (string[])["", "-save", "-restore"])
                File.CreateSymbolicLink(Path.Combine(tools, tool + suffix), Portolan.Testing.Namespaces.Tool.Find(tool + suffix)!);
        }
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(["env", $"PATH={tools}"], run.Configuration("mode: iptables\niptables: {syncPeriod: 100ms, minSyncPeriod: 1ms}"));
        await run.UntilSyncedAsync(1);
        double queued = Value(run, Queued), applied = Value(run, Applied);
        Assert.True(queued > 0 && applied >= queued, $"queued {queued}, applied {applied}");

        Directory.Move(tools, tools + ".away");
        run.Manifest("good.yaml", Manifest.GoodService.Replace("10.244.1.10", "10.244.1.77", StringComparison.Ordinal));

        // The alert rule that kube-proxy's users have: queued - applied > N.
        await run.UntilAsync(() => Value(run, Queued) > Value(run, Applied), "a queued change behind the last sync");
        Assert.True(Value(run, "kubeproxy_sync_proxy_rules_endpoint_changes_pending") > 0);
    }

    [Fact]
    public async Task Rules_of_iptables_are_counted_as_they_are()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration("mode: iptables"));
        await run.UntilSyncedAsync(1);
        AssertCounted("IPv4", "iptables-nft-save");
        AssertCounted("IPv6", "ip6tables-nft-save");
        Assert.Equal(Value(run, "kubeproxy_sync_proxy_rules_iptables_total{ip_family=\"IPv4\",table=\"nat\"}"),
            Value(run, "kubeproxy_sync_proxy_rules_iptables_last{ip_family=\"IPv4\",table=\"nat\"}"));

        run.Manifest("more.yaml", Manifest.GoodService.Replace("good", "more", StringComparison.Ordinal)
            .Replace("172.30.0.", "172.30.1.", StringComparison.Ordinal));
        await run.UntilSyncedAsync(2);
        AssertCounted("IPv4", "iptables-nft-save");

        void AssertCounted(string family, string save)
        {
            foreach (string table in (string[])["nat", "filter"])
            {
                int rules = run.Tools(save, "-t", table).Split('\n').Count(static line => line.StartsWith("-A ", StringComparison.Ordinal));
                Assert.Equal(rules, Value(run, $"kubeproxy_sync_proxy_rules_iptables_total{{ip_family=\"{family}\",table=\"{table}\"}}"));
            }
        }
    }

    [Fact]
    public async Task A_flush_counts_as_a_repair()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);
        Assert.Equal(0, Value(run, "portolan_repairs_total{cause=\"notice\"}"));

        run.Tools("nft", "flush", "ruleset");

        await run.UntilAsync(() => Value(run, "portolan_repairs_total{cause=\"notice\"}") >= 1, "a repair");
        Assert.Equal(1, Value(run, "portolan_mode_info{mode=\"nftables\",reason=\"mode nftables: none is configured, and this kernel " +
            "supports it\"}"));
    }

    private const string Queued = "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family=\"IPv4\"}";

    private const string Applied = "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv4\"}";

    private static string ProgrammingBuckets() => string.Join(' ', ((double[])[0, 0.25, 0.5]).Concat(Enumerable.Range(1, 59)
        .Select(static seconds => (double)seconds)).Concat(Enumerable.Range(0, 12).Select(static step => 60.0 + (step * 5)))
        .Concat(Enumerable.Range(0, 7).Select(static step => 120.0 + (step * 30)))
        .Select(static bound => bound.ToString(CultureInfo.InvariantCulture))) + " +Inf";

    private static string Page(PortolanRun run) => run.Tools("curl", "-s", "http://127.0.0.1:10249/metrics");

    private static double Value(PortolanRun run, string series)
    {
        string? line = Page(run).Split('\n')
            .FirstOrDefault(line => line.StartsWith(series + " ", StringComparison.Ordinal));
        return line is null ? double.NaN : double.Parse(line[(series.Length + 1)..], CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(?<name>[a-z_]+)(?:\{(?<labels>[^}]*)\})? \S+$", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex("([a-z_]+)=\"([^\"]*)\"")]
    private static partial Regex Label();
}
