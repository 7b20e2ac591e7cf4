namespace Portolan.Tests;

/// <summary>What keeps the proxy from starting is said in one line.</summary>
public sealed class StartTests
{
    [Theory]
    [InlineData("mode: userspace", "kube-proxy.yaml, line 6, mode: must be nftables, iptables, ipvs, or empty for nftables")]
    [InlineData("mode: ipvs", "ipvs is not served")]
    [InlineData("nftables: {masqueradeBit: 32}", "nftables.masqueradeBit")]
    [InlineData("nftables: {masqueradeBits: 3}", "nftables.masqueradeBits: is not a field of KubeProxyConfiguration")]
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

    [Fact]
    public void An_unknown_flag_is_refused()
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", "--proxy-port-range=1-2", "--manifests", run.Manifests]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains("--proxy-port-range", outcome.Errors, StringComparison.Ordinal);
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
    [InlineData("--master=nowhere", "--master: 'nowhere' is not the address of a server")]
    [InlineData("--v=0", "No kubeconfig is given and this is no pod with a service account")]
    public void An_API_server_that_cannot_be_used_is_told_in_one_line(string flag, string expected)
    {
        using var run = new PortolanRun();

        Outcome outcome = run.Run(["proxy", "--config", run.Configuration(), flag]);

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

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
