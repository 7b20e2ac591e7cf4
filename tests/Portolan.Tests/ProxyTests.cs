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
