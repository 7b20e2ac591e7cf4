using System.Text.Json;

namespace Portolan.Tests;

/// <summary>A proxy's life: start, work, end, clean up.</summary>
public sealed class ProxyTests
{
    private static readonly string[] s_modes = ["nftables", "iptables"];

    public static TheoryData<string> Modes => [.. s_modes];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Rules_stay_when_the_proxy_ends_and_cleanup_removes_them(string mode)
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);

        Assert.Equal(0, run.StopProxy());

        Assert.Contains("10.244.1.10", Ruleset(run), StringComparison.Ordinal);
        Outcome outcome = run.Run(["proxy", "--cleanup"]);
        Assert.Equal(0, outcome.Status);
        Assert.DoesNotContain("10.244.1.10", Ruleset(run), StringComparison.Ordinal);
        Assert.DoesNotContain("portolan", Ruleset(run), StringComparison.Ordinal);
        Assert.Contains("nothing to remove", run.Run(["proxy", "--cleanup"]).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nftables", "iptables", "table ip portolan", "KUBE-SERVICES")]
    [InlineData("iptables", "nftables", "KUBE-SERVICES", "table ip portolan")]
    public async Task A_start_in_another_mode_removes_the_rules_of_the_first(string first, string second, string gone, string there)
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration($"mode: {first}"));
        await run.UntilSyncedAsync(1);
        run.StopProxy();
        run.Tools("nft", "add table ip kube-proxy");

        run.StartProxy(run.Configuration($"mode: {second}"));

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => !Ruleset(run).Contains(gone, StringComparison.Ordinal), $"the end of {gone}");
        await run.UntilAsync(() => !Ruleset(run).Contains("table ip kube-proxy", StringComparison.Ordinal),
            "the end of kube-proxy's table");
        Assert.Contains(there, Ruleset(run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nftables", "ip portolan")]
    [InlineData("iptables", "ip nat")]
    public async Task A_table_that_somebody_switches_off_is_switched_on_again(string mode, string table)
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);

        run.Tools("nft", "add", "table", table[..2], table[3..], "{ flags dormant; }");

        await run.UntilAsync(() => !Ruleset(run).Contains("dormant", StringComparison.Ordinal), "the table to be switched on");
        Assert.Contains($"table {table[3..]}", run.Log.Replace("ip portolan", "portolan", StringComparison.Ordinal), StringComparison.Ordinal);

        // While no proxy runs it stays, and check says so; the next start finds it.
        run.StopProxy();
        run.Tools("nft", "add", "table", table[..2], table[3..], "{ flags dormant; }");
        Assert.Contains("dormant-table", run.Run(["check", "--json"]).Output, StringComparison.Ordinal);
        run.StartProxy(run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);
        Assert.DoesNotContain("dormant", Ruleset(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_FIFO_in_the_folder_is_said_and_stops_neither_the_proxy_nor_check()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);

        run.Tools("mkfifo", Path.Combine(run.Manifests, "pipe.yaml"));
        run.Manifest("more.yaml", Manifest.Service("more", "{clusterIPs: [172.30.0.81], ports: [{name: http, port: 80}]}"));

        await run.UntilSyncedAsync(2);
        await run.UntilAsync(() => run.Log.Contains("pipe.yaml, : is not a regular file", StringComparison.Ordinal), "a line about it");
        Outcome check = run.Run(["check", "--manifests", run.Manifests, "--node", "node-a"]);
        Assert.Contains("pipe.yaml", check.Output + check.Errors, StringComparison.Ordinal);
        Assert.Contains("not a regular file", check.Output + check.Errors, StringComparison.Ordinal);
        Outcome alone = run.Run(["check", "--manifests", Path.Combine(run.Manifests, "pipe.yaml"), "--node", "node-a"]);
        Assert.Equal(2, alone.Status);
        Assert.Contains("not a regular file", alone.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_with_an_unchanged_cluster_writes_nothing()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);
        run.StopProxy();

        run.StartProxy(run.Configuration());

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("; 0 objects written, 0 removed", StringComparison.Ordinal),
            "a first sync that writes nothing");
    }

    [Fact]
    public async Task A_flush_of_the_ruleset_is_repaired_and_logged()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);

        run.Tools("nft", "flush", "ruleset");

        await run.UntilAsync(() => Ruleset(run).Contains("10.244.1.10", StringComparison.Ordinal), "the repair");
        await run.UntilAsync(() => run.Log.Contains("reconciling now", StringComparison.Ordinal), "a line about it");
    }

    [Fact]
    public async Task A_field_that_is_not_honoured_is_told_once_and_nothing_else_is_logged_as_a_warning()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration("featureGates: {SomeGate: true}"), "--profiling");
        await run.UntilSyncedAsync(1);

        string[] warnings =
            [.. run.Log.Split('\n')
            .Where(line => line.Contains(" warning ", StringComparison.Ordinal) || line.Contains(" error ", StringComparison.Ordinal))];
        Assert.Equal(2, warnings.Length);
        Assert.Contains(warnings, line => line.Contains("enableProfiling is accepted", StringComparison.Ordinal));
        Assert.Contains(warnings, line => line.Contains("featureGates is accepted", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Logs_can_be_JSON_one_object_a_line()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration(), "--log-format", "json");
        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("are in force", StringComparison.Ordinal), "the first sync's line");

        foreach (string line in run.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            using JsonDocument entry = JsonDocument.Parse(line);
            Assert.True(entry.RootElement.TryGetProperty("Message", out _));
        }
    }

    private static string Ruleset(PortolanRun run) => run.Tools("nft", "list", "ruleset");
}
