using Portolan.Testing.Namespaces;

namespace Portolan.Tests;

/// <summary>What keeps the proxy from starting is said in one line.</summary>
public sealed class StartTests
{
    [Theory]
    [InlineData("mode: userspace", "kube-proxy.yaml, line 6, mode: must be nftables, iptables, ipvs, or empty for what this node can do")]
    [InlineData("mode: ipvs\nipvs: {scheduler: roundrobin}", "ipvs.scheduler: 'roundrobin' is no scheduler of IPVS: use one of rr, ")]
    [InlineData("nftables: {masqueradeBit: 32}", "nftables.masqueradeBit")]
    [InlineData("nodePortAddresses: [nowhere]", "nodePortAddresses: 'nowhere'")]
    [InlineData("healthzBindAddress: here", "healthzBindAddress")]
    public void A_configuration_that_is_not_valid_is_refused_with_line_and_field(string field, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", "--config", run.Configuration(field), "--manifests", run.Manifests]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, Assert.Single(Lines(outcome.Errors)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--iptables-masquerade-bit=40", "--iptables-masquerade-bit: takes a whole number from 0 to 31")]
    [InlineData("--cluster-cidr=10.244.0.0", "--cluster-cidr: '10.244.0.0' is not an address range in CIDR notation")]
    [InlineData("--config=/nonexistent.yaml", "/nonexistent.yaml cannot be read")]
    public void A_flag_that_is_not_valid_is_named(string flag, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", flag, "--manifests", run.Manifests]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, Assert.Single(Lines(outcome.Errors)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--proxy-port-range=1-2", "unknown flag: --proxy-port-range")]
    [InlineData("--proxy_mod=iptables", "unknown flag: --proxy_mod; did you mean --proxy-mode?")]
    [InlineData("--hostname-overide", "did you mean --hostname-override?")]
    [InlineData("node-a", "unknown argument 'node-a': the proxy takes flags alone")]
    public void An_unknown_flag_is_refused_with_the_nearest_name(string flag, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", flag, "--manifests", run.Manifests]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, Assert.Single(Lines(outcome.Errors)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_named()
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", "--config", run.Configuration(), "--manifests", "/nonexistent"]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains(Lines(outcome.Errors), line => line.Contains("/nonexistent", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--kubeconfig=/nonexistent", "The kubeconfig /nonexistent does not exist")]
    [InlineData("--kubeconfig=/proc/self/stat", "The kubeconfig /proc/self/stat cannot be used")]
    [InlineData("--master=ftp://10.0.0.1", "--master: 'ftp://10.0.0.1' is not the address of a server")]
    [InlineData("--v=0", "No kubeconfig is given and this is not a pod with a service account")]
    public void An_API_server_that_cannot_be_used_is_told_in_one_line(string flag, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", "--conntrack-max-per-core=0", flag]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, Assert.Single(Lines(outcome.Errors)), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_right_to_write_rules_one_line_says_what_is_missing()
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(
            ["proxy", "--config", run.Configuration(), "--manifests", run.Manifests],
            "setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", "--");

        Assert.Equal(1, outcome.Status);
        Assert.Contains("CAP_NET_ADMIN", Assert.Single(Lines(outcome.Errors)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auto", "PATH has no iptables-nft, iptables-nft-save, iptables-nft-restore, ip6tables-nft, ip6tables-nft-save, " +
        "ip6tables-nft-restore, nor those of iptables-legacy")]
    [InlineData("nft", "PATH has no iptables-nft, iptables-nft-save, iptables-nft-restore, ip6tables-nft,")]
    [InlineData("legacy", "PATH has no iptables-legacy, iptables-legacy-save,")]
    public void Without_the_iptables_tools_one_line_names_them_and_says_what_to_do(string backend, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(
            ["proxy", "--config", run.Configuration("mode: iptables"), "--manifests", run.Manifests, "--iptables-backend", backend], "env",
                "PATH=/nonexistent");

        Assert.Equal(1, outcome.Status);
        string line = Assert.Single(Lines(outcome.Errors));
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.Contains("install iptables 1.8 or later (in the image, if this is a container), or take mode nftables", line,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_iptables_tools_mode_nftables_starts_and_says_which_rules_it_cannot_remove()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.Tools("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES");

        run.StartProxy(["env", "PATH=/nonexistent"], run.Configuration());

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("rules of mode iptables could not be removed", StringComparison.Ordinal),
            "a line about the rules");
        Assert.Contains("iptables-nft-save cannot be started (No such file or directory): mode iptables needs the iptables tools", run.Log,
            StringComparison.Ordinal);
        run.StopProxy();
        Outcome outcome = run.Run(["proxy", "--cleanup"], "env", "PATH=/nonexistent");
        Assert.Equal(1, outcome.Status);
        Assert.Contains("not everything could be removed: iptables-nft-save cannot be started", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Iptables_tools_that_are_gone_for_a_while_are_told_and_waited_for()
    {
        using var run = new PortolanRun();
        string tools = Directory.CreateDirectory(Path.Combine(run.Folder, "bin")).FullName;
        foreach (string tool in (string[])["iptables-nft", "ip6tables-nft"])
        {
            foreach (string suffix in (string[])["", "-save", "-restore"])
                File.CreateSymbolicLink(Path.Combine(tools, tool + suffix), Tool.Find(tool + suffix)!);
        }
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(["env", $"PATH={tools}"], run.Configuration("mode: iptables\niptables: {syncPeriod: 100ms, minSyncPeriod: 1ms}"));
        await run.UntilSyncedAsync(1);

        Directory.Move(tools, tools + ".away");
        run.Manifest("good.yaml", Manifest.GoodService.Replace("10.244.1.10", "10.244.1.77", StringComparison.Ordinal));
        await run.UntilAsync(() => run.Log.Contains("cannot be started (No such file or directory)", StringComparison.Ordinal),
            "a line about the tools");
        Assert.DoesNotContain("10.244.1.77", run.Tools("iptables-nft-save"), StringComparison.Ordinal);

        Directory.Move(tools + ".away", tools);
        await run.UntilAsync(() => run.Tools("iptables-nft-save").Contains("10.244.1.77", StringComparison.Ordinal), "the change");
        await run.UntilSyncedAsync(1);
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
