using Portolan.Inet;
using Portolan.Inspect.Checks;
using Portolan.Rules.Model;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Sources.Manifests;

namespace Portolan.Inspect.Tests;

/// <summary>Rules and cluster are compared: what one has and the other has not is found, in every format.</summary>
public sealed class ClusterCheckTests
{
    private const string Nft136 = "harbor/kube-proxy-1.36/nft-list-ruleset.txt";
    private const string Portolan117 = "portolan/nft-1.1.7.txt";
    private const string PortolanLayout1 = "portolan/layout-1/nft-1.1.7.txt";

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt", "harbor/kube-proxy-1.36/ip6tables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nL.txt", "harbor/kube-proxy-1.36/iptables-filter-nL.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt", "harbor/kube-proxy-1.36/iptables-filter-nL.txt")]
    [InlineData(Nft136)]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    [InlineData("portolan/nft-1.0.6.json")]
    [InlineData(Portolan117)]
    [InlineData("portolan/layout-1/nft-1.0.6.txt")]
    [InlineData(PortolanLayout1)]
    public void The_dumps_of_the_harbor_agree_with_its_cluster(params string[] files)
    {
        Assert.Empty(CheckTests.Result(Dumps.Read(files), Harbor()).Findings);
    }

    [Fact]
    public void What_1_20_did_not_know_of_the_cluster_is_found()
    {
        CheckResult result = CheckTests.Result(Dumps.Read(Dumps.Save120), Harbor());
        Assert.Equal(
            ["missing-endpoint shop/draining:http", "unknown-endpoint shop/agent:grpc", "unknown-endpoint shop/agent:grpc",
                "mark-drop-without-drop shop/payments:https"],
            result.Findings.Select(finding => $"{finding.Code} {finding.Subject}"));
    }

    public static TheoryData<string> Dumps136 => [Dumps.Save136, Nft136, Portolan117, PortolanLayout1];

    [Theory]
    [MemberData(nameof(Dumps136))]
    public void A_service_that_no_rule_knows_is_found(string file)
    {
        ServiceTable cluster = Harbor();
        cluster.Apply(new ClusterEvent.ServiceSet(new ServiceObject
        {
            Name = new ObjectName("shop", "new"),
            ClusterIPs = [InetAddress.Parse("172.30.10.77")],
            Ports = [new ServicePortObject("http", IpProtocol.Tcp, 80, 0)],
        }));
        cluster.Drain();
        CheckTests.AssertFound(CheckTests.Result(Dumps.Read(file), cluster).Findings, "service-without-rules", "shop/new:http", "");
    }

    [Theory]
    [MemberData(nameof(Dumps136))]
    public void Rules_of_a_service_that_is_gone_are_found(string file)
    {
        ServiceTable cluster = Harbor();
        cluster.Apply(new ClusterEvent.ServiceGone(new ObjectName("shop", "web")));
        cluster.Drain();
        CheckTests.AssertFound(CheckTests.Result(Dumps.Read(file), cluster).Findings, "rules-without-service", "shop/web:http",
            file == Dumps.Save136 ? "KUBE-SERVICES" : "");
    }

    [Theory]
    [InlineData(Dumps.Save136, "KUBE-SEP-FZQ6KZLGXRSKN2AD")]
    [InlineData(Nft136, "service-KHN6ECMT-shop/web/tcp/http")]
    [InlineData(Portolan117, "")]
    [InlineData(PortolanLayout1, "")]
    public void Translations_to_what_is_no_endpoint_and_endpoints_that_no_rule_leads_to_are_found(string file, string chain)
    {
        string text = CheckTests.Text(file).Replace("10.244.1.10:8080", "10.244.9.99:8080", StringComparison.Ordinal)
            .Replace("10.244.1.10 . 8080", "10.244.9.99 . 8080", StringComparison.Ordinal);
        CheckResult result = CheckTests.Result(Dumps.Text(text), Harbor());
        CheckTests.AssertFound(result.Findings, "unknown-endpoint", "shop/web:http", chain);
        Assert.Contains(result.Findings, finding => finding.Code == "missing-endpoint"
            && finding.Explanation.Contains("10.244.1.10:8080", StringComparison.Ordinal));
        Assert.Equal(2, result.Findings.Length);
    }

    [Theory]
    [InlineData(Dumps.Save136, "-d 192.0.2.55/32", "-d 192.0.2.56/32")]
    [InlineData(Nft136, "192.0.2.55 . tcp", "192.0.2.56 . tcp")]
    [InlineData(Portolan117, "192.0.2.55 . tcp", "192.0.2.56 . tcp")]
    public void An_address_that_rules_do_not_answer_at_and_one_that_they_should_not_are_found(string file, string before, string after)
    {
        CheckResult result =
            CheckTests.Result(Dumps.Text(CheckTests.Text(file).Replace(before, after, StringComparison.Ordinal)), Harbor());
        CheckTests.AssertFound(result.Findings, "missing-frontend", "shop/partner:https", "");
        Assert.Contains(result.Findings, finding => finding.Code == "unknown-frontend"
            && finding.Explanation.Contains("192.0.2.56:8443", StringComparison.Ordinal));
    }

    [Fact]
    public void A_node_without_any_rules_lacks_every_service()
    {
        CheckResult result = CheckTests.Result(Ruleset.Empty, Harbor(), isWholeNode: true);
        Assert.All(result.Findings, finding => Assert.Equal("service-without-rules", finding.Code));
        Assert.Equal(15, result.Findings.Length);
    }

    [Fact]
    public void A_family_that_the_dump_does_not_show_is_a_limit_and_no_finding()
    {
        CheckResult result = CheckTests.Result(Dumps.Read(Dumps.Save136), Harbor());
        Assert.Empty(result.Findings);
        Assert.Contains(result.Limits, limit => limit.Contains("no nat rules of IPv6", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Dumps136))]
    public void Another_range_of_pods_than_the_rules_have_is_found(string file)
    {
        Assert.Empty(CheckTests.Result(Dumps.Read(file), Harbor(), podRanges: InetPrefix.Parse("10.244.0.0/16")).Findings);
        CheckTests.AssertFound(CheckTests.Result(Dumps.Read(file), Harbor(), podRanges: InetPrefix.Parse("10.99.0.0/16")).Findings,
            "pod-range-differs", "IPv4", "");
    }

    [Fact]
    public void Rules_without_names_are_recognised_by_their_addresses()
    {
        string text = System.Text.RegularExpressions.Regex.Replace(CheckTests.Text(Dumps.Save136),
            "-m comment --comment (\"[^\"]*\"|\\S+) ", "");
        CheckResult result = CheckTests.Result(Dumps.Text(text), Harbor());
        // The API server's own service is not in the manifests, and one without endpoints has nothing but a comment to be told by.
        Assert.Equal(["rules-without-service KUBE-SVC-NPX46M4PTMTKRN6Y", "service-without-rules shop/empty:http"],
            result.Findings.Select(finding => $"{finding.Code} {finding.Subject}"));
    }

    private static ServiceTable Harbor()
    {
        var table = new ServiceTable(new ProxyPolicy { NodeName = "node-a" });
        foreach (ClusterEvent change in ManifestSource.ReadOnce(Path.Combine(AppContext.BaseDirectory, "data", "harbor", "cluster.yaml"),
            "node-a").Events)
            table.Apply(change);
        table.Apply(new ClusterEvent.Synced());
        table.Drain();
        return table;
    }
}
