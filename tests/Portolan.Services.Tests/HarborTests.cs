using Portolan.Services.Tests.Builders;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.Services.Tests;

/// <summary>The harbor cluster (tests/data/harbor), for which rules of real kube-proxies are on file.</summary>
public sealed class HarborTests
{
    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables nft modern linear")]
    [InlineData("iptables nft classic linear")]
    public void Plans_for_the_harbor_do_what_the_rules_of_kube_proxy_1_36_do(string variant)
    {
        var rules = ProxyVariant.Parse(variant);
        Scenario flows = ScenarioReader.Read("flows.yaml", File.ReadAllText(InHarbor("flows.yaml")))
            .Single(scenario => scenario.Name == "kube-proxy 1.36");

        IReadOnlyList<string> failures = new ScenarioTimeline(WithCluster(flows), rules).Run();

        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.NotEmpty(flows.Steps.SelectMany(step => step.Flows));
    }

    private static Scenario WithCluster(Scenario flows)
    {
        // The objects of a scenario are a list; the cluster is on file as documents.
        IEnumerable<string> documents = File.ReadAllText(InHarbor("cluster.yaml")).Split("\n---\n").Skip(1)
            .Select(document => "  -\n    " + document.ReplaceLineEndings("\n    "));
        Scenario cluster = ScenarioReader.Read("cluster.yaml",
            "name: harbor\nproxyConfig: {clusterCIDR: '10.244.0.0/16,fd00:244::/48'}\nobjects:\n"
            + string.Join('\n', documents)).Single();
        return new()
        {
            File = flows.File,
            Name = flows.Name,
            Modes = flows.Modes,
            Node = flows.Node,
            Objects = cluster.Objects,
            ProxyConfig = cluster.ProxyConfig,
            Steps = flows.Steps,
        };
    }

    private static string InHarbor(string file) => Path.Combine(ScenarioPlanTests.TestFolder(), "data", "harbor", file);
}
