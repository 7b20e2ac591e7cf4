using System.Text.Json;

namespace Portolan.Tests;

/// <summary>What `portolan preflight` tells an operator before kube-proxy is replaced on a node.</summary>
public sealed class PreflightTests
{
    [Fact]
    public void A_node_with_kube_proxys_rules_can_take_the_proxy_and_keeps_them_meanwhile()
    {
        using var run = new PortolanRun();
        run.Tools("nft", "add table ip kube-proxy");
        run.Tools("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES");
        string before = run.Tools("nft", "list", "ruleset");

        Outcome outcome = run.Run(["preflight", "--config", run.Configuration("udpIdleTimeout: 250ms\nfeatureGates: {A: true}")]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        Assert.Contains("ok    capabilities: CAP_NET_ADMIN is there\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("ok    mode: mode nftables: none is configured, and this kernel supports it (kernel ", outcome.Output,
            StringComparison.Ordinal);
        Assert.Contains("note  rules: nf_tables table ip kube-proxy, chains KUBE-* of a service proxy in iptables mode (nf_tables): stay " +
            "in force until", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("note  configuration: kube-proxy.yaml, line 6, udpIdleTimeout: is not a field", outcome.Output,
            StringComparison.Ordinal);
        Assert.Contains("note  configuration: featureGates is accepted, but has no effect", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("ok    node: this is Node node-a, by hostnameOverride\n", outcome.Output, StringComparison.Ordinal);
        Assert.EndsWith("The proxy can be started on this node.\n", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(before, run.Tools("nft", "list", "ruleset"));
    }

    [Fact]
    public void What_would_keep_it_from_serving_is_bad_and_the_status_1()
    {
        using var run = new PortolanRun();

        Outcome without = run.Run(["preflight"], "setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", "--");
        Outcome ipvs = run.Run(["preflight", "--config", run.Configuration("mode: ipvs\nipvs: {scheduler: roundrobin}"), "--json"]);

        Assert.Equal(1, without.Status);
        Assert.Contains("bad   capabilities: writing rules needs root or the capability CAP_NET_ADMIN", without.Output,
            StringComparison.Ordinal);
        Assert.Equal(1, ipvs.Status);
        Assert.Contains(JsonDocument.Parse(ipvs.Output).RootElement.EnumerateArray(), static check =>
            check.GetProperty("result").GetString() == "bad" && check.GetProperty("subject").GetString() == "mode");
    }

    [Fact]
    public void A_port_that_is_taken_is_a_note()
    {
        using var run = new PortolanRun();
        using IDisposable held = run.Occupy("127.0.0.1", 10249);

        Outcome outcome = run.Run(["preflight"]);

        Assert.Equal(0, outcome.Status);
        Assert.Contains("note  metricsBindAddress: 127.0.0.1:10249 cannot be listened on now (Address already in use)", outcome.Output,
            StringComparison.Ordinal);
    }
}
