using System.Text.Json;
using Portolan.Testing.Proxies;

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
        Assert.Contains("switched off (flag dormant)", run.Log, StringComparison.Ordinal);

        // While no proxy runs it stays, and check says so; the next start finds it.
        run.StopProxy();
        run.Tools("nft", "add", "table", table[..2], table[3..], "{ flags dormant; }");
        Assert.Contains("dormant-table", run.Run(["check", "--json"]).Output, StringComparison.Ordinal);
        run.StartProxy(run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);
        Assert.DoesNotContain("dormant", Ruleset(run), StringComparison.Ordinal);
    }

    /// <summary>The runtime of a build that is not native makes sockets of its own there.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public async Task The_native_binary_leaves_no_file_behind_whatever_its_umask_allows(string mode)
    {
        Assert.SkipUnless(PortolanBinary.Command is [var program] && !File.Exists(program + ".dll"),
            "the program under test is not a native binary");
        using var run = new PortolanRun();
        string temporary = Directory.CreateDirectory(Path.Combine(run.Folder, "tmp")).FullName;
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(["env", $"TMPDIR={temporary}", $"HOME={temporary}", "sh", "-c", "umask 0; exec \"$@\"", "sh"],
            run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);
        run.Manifest("more.yaml", Manifest.Service("more", "{clusterIPs: [172.30.0.81], ports: [{name: http, port: 80}]}"));
        await run.UntilSyncedAsync(2);

        Assert.Empty(Directory.GetFileSystemEntries(temporary));
        Assert.Equal(0, run.StopProxy());
        Assert.Empty(Directory.GetFileSystemEntries(temporary));
        // The lock of the tools of iptables, in mode iptables: others may not hold it.
        foreach (string file in Directory.GetFiles(run.Folder, "xtables*"))
            Assert.Equal("600", run.Tools("stat", "-c", "%a", file).Trim());
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
    public void Cleanup_removes_what_kube_proxy_left_whatever_mode_the_file_has()
    {
        using var run = new PortolanRun();
        run.Tools("nft", "add table ip kube-proxy");
        run.Tools("nft", "add table ip6 kube-proxy");
        run.Tools("nft", "add table ip somebody-elses");
        run.Tools("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES");
        run.Tools("iptables-nft", "-t", "nat", "-A", "PREROUTING", "-j", "KUBE-SERVICES");
        run.Tools("iptables-nft", "-N", "KUBE-FIREWALL");
        run.Tools("iptables-nft", "-A", "OUTPUT", "-j", "KUBE-FIREWALL");

        Outcome outcome = run.Run(["proxy", "--cleanup", "--config", run.Configuration("mode: ipvs")]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        string left = Ruleset(run);
        Assert.DoesNotContain("kube-proxy", left, StringComparison.Ordinal);
        Assert.DoesNotContain("KUBE-", left, StringComparison.Ordinal);
        Assert.Contains("somebody-elses", left, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-A", "KUBE-FIREWALL", "-j", "DROP", "-d", "127.0.0.0/8")]
    [InlineData("-t", "mangle", "-N", "KUBE-KUBELET-CANARY")]
    public void Cleanup_leaves_the_kubelets_firewall_chain(params string[] kubelet)
    {
        using var run = new PortolanRun();
        run.Tools("iptables-nft", "-N", "KUBE-FIREWALL");
        run.Tools("iptables-nft", "-A", "OUTPUT", "-j", "KUBE-FIREWALL");
        run.Tools("iptables-nft", kubelet);
        run.Tools("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES");

        Assert.Equal(0, run.Run(["proxy", "--cleanup"]).Status);

        Assert.Contains("-A OUTPUT -j KUBE-FIREWALL", run.Tools("iptables-nft-save"), StringComparison.Ordinal);
        Assert.DoesNotContain("KUBE-SERVICES", run.Tools("iptables-nft-save"), StringComparison.Ordinal);
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
        run.StartProxy(run.Configuration("featureGates: {SomeGate: true}\nudpIdleTimeout: 250ms\nconfigSyncPeriod: 15m0s"),
            "--profiling");
        await run.UntilSyncedAsync(1);

        await run.UntilAsync(() => Warnings().Length >= 4, "four warnings");
        string[] warnings = Warnings();
        Assert.Equal(4, warnings.Length);
        Assert.Contains(warnings, line => line.Contains("no Node is named 'node-a', the name by hostnameOverride",
            StringComparison.Ordinal));
        Assert.Contains(warnings, line => line.Contains("line 7, udpIdleTimeout: is not a field", StringComparison.Ordinal)
            && line.Contains("did you mean conntrack.udpTimeout?", StringComparison.Ordinal));
        Assert.Contains(warnings, line => line.Contains("--profiling has no effect beside --config; set enableProfiling in the file",
            StringComparison.Ordinal));
        Assert.Contains(warnings, line => line.Contains("featureGates is accepted", StringComparison.Ordinal));

        string[] Warnings() => [.. run.Log.Split('\n').Where(static line => line.Contains(" warning ", StringComparison.Ordinal)
            || line.Contains(" error ", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task A_clusterCIDR_that_does_not_hold_the_nodes_pods_is_told()
    {
        using var run = new PortolanRun();
        run.Manifest("node.yaml", Manifest.Node + "\nspec: {podCIDRs: [10.99.1.0/24]}\n");
        run.StartProxy(run.Configuration());

        await run.UntilAsync(() => run.Log.Contains("clusterCIDR 10.244.0.0/16 does not hold 10.99.1.0/24", StringComparison.Ordinal),
            "a warning");
        Assert.DoesNotContain("no Node is named", run.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_written_in_place_ends_the_proxy_as_kube_proxys_and_one_put_there_is_told()
    {
        using var run = new PortolanRun();
        string file = run.Configuration();
        run.StartProxy(file);
        await run.UntilSyncedAsync(0);

        File.AppendAllText(file, "mode: [");
        await run.UntilAsync(() => run.Log.Contains("its new content cannot be used: kube-proxy.yaml, line", StringComparison.Ordinal),
            "a line about broken content");

        File.WriteAllText(file + ".new", File.ReadAllText(file).Replace("mode: [", "mode: nftables", StringComparison.Ordinal));
        File.Move(file + ".new", file, overwrite: true);
        await run.UntilAsync(() => run.Log.Contains("was replaced by a file of other content", StringComparison.Ordinal),
            "a line about the file that was replaced");
        run.StopProxy();

        run.StartProxy(file);
        await run.UntilSyncedAsync(0);
        File.WriteAllText(file, File.ReadAllText(file) + "\noomScoreAdj: -5\n");
        Assert.Equal(1, await run.UntilEndedAsync());
        Assert.Contains("was changed: the proxy ends, so that it is started again", run.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task USR1_and_USR2_are_ignored_and_QUIT_ends_with_status_2()
    {
        using var run = new PortolanRun();
        // A shell without job control lets what it runs in the background ignore QUIT, and this test with it.
        run.StartProxy(["env", "--default-signal=QUIT"], run.Configuration());
        await run.UntilSyncedAsync(0);

        run.Signal("USR1");
        run.Signal("USR2");
        run.Manifest("good.yaml", Manifest.GoodService);
        await run.UntilSyncedAsync(1);
        run.Signal("QUIT");

        Assert.Equal(2, await run.UntilEndedAsync());
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
