using System.Text.Json;

namespace Portolan.Tests;

/// <summary>What `portolan status` tells the operator of a node.</summary>
public sealed class StatusCommandTests
{
    [Fact]
    public async Task A_proxy_that_is_well_says_its_mode_why_and_since_when()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);

        Outcome outcome = run.Run(["status"]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        Assert.Matches(@"mode +mode nftables: none is configured, and this kernel supports it\n", outcome.Output);
        Assert.Matches(@"in force +since \d{4}-.*Z: 1 services; last in step \d{4}-", outcome.Output);
        Assert.Matches(@"pending +nothing\n", outcome.Output);
        Assert.Matches(@"quarantined +nothing\n", outcome.Output);
        Assert.Matches(@"last error +none\n", outcome.Output);
        Assert.Matches(@"mode nftables can serve here\n", outcome.Output);
        Assert.Contains(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), outcome.Output, StringComparison.Ordinal);

        JsonElement json = JsonDocument.Parse(run.Run(["status", "--json"]).Output).RootElement;
        Assert.Equal("nftables", json.GetProperty("mode").GetString());
        Assert.Equal("node-a", json.GetProperty("node").GetString());
        Assert.True(json.GetProperty("probes")[0].GetProperty("canServe").GetBoolean());
    }

    [Fact]
    public async Task Tools_that_are_gone_stand_as_the_last_error_and_the_status_is_1()
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

        Directory.Move(tools, tools + ".away");
        run.Manifest("good.yaml", Manifest.GoodService.Replace("10.244.1.10", "10.244.1.77", StringComparison.Ordinal));

        Outcome outcome = run.Run(["status"]);
        await run.UntilAsync(() => (outcome = run.Run(["status"])).Status == 1, "a status that says that something is wrong");
        Assert.Matches(@"mode +mode iptables, as configured\n", outcome.Output);
        Assert.Matches(@"last error +.*cannot be started \(No such file or directory\)", outcome.Output);
        await run.UntilAsync(() => System.Text.RegularExpressions.Regex.IsMatch(run.Run(["status"]).Output, @"pending +for [\d.]+ s"),
            "the age of the change that waits");
    }

    [Fact]
    public void Without_a_proxy_one_line_says_where_it_was_looked_for()
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["status"]);

        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith("portolan status: no proxy answers at 127.0.0.1:10256 (", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(2, run.Run(["status", "--address", "nowhere"]).Status);
    }
}
