using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>The lab against rules that are known to be right: what kube-proxy wrote for the cluster in tests/data/harbor.</summary>
public sealed class LabSelfTests
{
    private static readonly string s_harbor = Path.Combine(Lab.TestFolder, "data", "harbor");

    [Fact]
    public Task Flows_are_as_known_under_the_nftables_rules_of_kube_proxy_1_36() =>
        FlowsAreAsKnown("kube-proxy 1.36", ProxyMode.NfTables, ("nft", "kube-proxy-1.36/nft-list-ruleset.txt"));

    [Fact]
    public Task Flows_are_as_known_under_the_iptables_rules_of_kube_proxy_1_36() =>
        FlowsAreAsKnown("kube-proxy 1.36", ProxyMode.IpTables,
            ("iptables-restore", "kube-proxy-1.36/iptables-save.txt"), ("ip6tables-restore", "kube-proxy-1.36/ip6tables-save.txt"));

    [Fact]
    public Task Flows_are_as_known_under_the_iptables_rules_of_kube_proxy_1_20() =>
        FlowsAreAsKnown("kube-proxy 1.20", ProxyMode.IpTables, ("iptables-restore", "kube-proxy-1.20/iptables-save.txt"));

    private static async Task FlowsAreAsKnown(string name, ProxyMode mode, params (string Loader, string File)[] dumps)
    {
        Lab.SkipWithoutTunDevices();
        Lab.SkipWithout([.. dumps.Select(static dump => dump.Loader)]);
        Scenario scenario = Lab.ReadScenarios(Path.Combine(s_harbor, "flows.yaml")).Single(scenario => scenario.Name == name);
        (string Loader, string Dump)[] rules =
            [.. dumps.Select(static dump => (dump.Loader, File.ReadAllText(Path.Combine(s_harbor, dump.File))))];
        Lab.AssertNone(await ScenarioRun.RunAsync(scenario, mode, _ => new LoadedRules(rules), TestContext.Current.CancellationToken));
    }
}
