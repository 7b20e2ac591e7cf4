using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>
/// The service of the article (tests/data/article.md) in the classic layout, against the listing that the article shows of it.
/// </summary>
/// <remarks>
/// The article's names of chains are not the digests of default/testsvc and 172.31.9.52:80 (it gives its service another name than it had),
/// so chains are told by their kind and, those of endpoints, by their place. Its kube-proxy, v1.12, wrote an unnamed port as
/// "default/testsvc:" and gave no comment to rules in KUBE-SVC- and KUBE-SEP-; kube-proxy v1.20 writes both as we do (tests/data/harbor).
/// </remarks>
public sealed partial class ArticleListingTests
{
    // Since v1.14, beside what the article shows: the node's own packets to the load balancer go to all endpoints (kubernetes issue 70018).
    private static readonly string[] s_newSinceTheArticle =
    [
        "KUBE-MARK-MASQ all 0.0.0.0/0 0.0.0.0/0 /* masquerade LOCAL traffic for default/testsvc LB IP */ ADDRTYPE match src-type LOCAL",
        "KUBE-SVC-X all 0.0.0.0/0 0.0.0.0/0 /* route LOCAL traffic for default/testsvc LB IP to service chain */ ADDRTYPE match " +
            "src-type LOCAL",
    ];

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void The_articles_service_gives_the_articles_listing(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Layout = IpTablesLayout.Classic }, ArticleCluster());
        SyncReport report = plane.Sync();
        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));

        string article = File.ReadAllText(HarborCluster.PathOf("../article.md"));
        Dictionary<string, string[]> expected =
            Read(article[article.IndexOf("Chain PREROUTING", StringComparison.Ordinal)..article.IndexOf("Graphical:",
            StringComparison.Ordinal)]);
        Dictionary<string, string[]> actual =
            Read(plane.Namespace.Run(() =>
            Tool.Run(backend == IpTablesBackend.Nft ? "iptables-nft" : "iptables-legacy", ["-t", "nat", "-nL"])));

        Assert.Equal(
            ["KUBE-FW-X", "KUBE-MARK-DROP", "KUBE-MARK-MASQ", "KUBE-SEP-7", "KUBE-SERVICES", "KUBE-SVC-X", "KUBE-XLB-X", "OUTPUT",
                "PREROUTING"],
            expected.Keys.Order(StringComparer.Ordinal));
        foreach ((string chain, string[] rules) in expected)
        {
            // Docker's rule is its own; of KUBE-SERVICES the article shows this service only.
            string[] ofTheArticle = [.. rules.Where(static rule => !rule.StartsWith("DOCKER", StringComparison.Ordinal))];
            string[] ours = [.. actual[chain].Where(static rule => !rule.StartsWith("KUBE-NODEPORTS", StringComparison.Ordinal))];
            Assert.Equal(ofTheArticle, chain == "KUBE-XLB-X" ? [.. ours.Except(s_newSinceTheArticle)] : ours);
        }
        Assert.Equal(s_newSinceTheArticle, actual["KUBE-XLB-X"][1..3]);
        Assert.All(Enumerable.Range(1, 7), number => Assert.Equal(2, actual[$"KUBE-SEP-{number}"].Length));
    }

    private static ServiceTable ArticleCluster()
    {
        var table = new ServiceTable(new ProxyPolicy
        {
            NodeName = "node-a",
            DetectorIPv4 = new(LocalDetection.Cidrs, [InetPrefix.Parse("172.31.0.0/16")], ""),
        });
        table.Apply(new ClusterEvent.ServiceSet(new()
        {
            Name = new("default", "testsvc"),
            Type = ServiceType.LoadBalancer,
            ClusterIPs = [InetAddress.Parse("172.30.5.207")],
            LoadBalancerIPs = [InetAddress.Parse("172.6.6.6")],
            Ports = [new("", IpProtocol.Tcp, 443, 30031)],
            ExternalPolicyLocal = true,
        }));
        table.Apply(new ClusterEvent.SliceSet(new()
        {
            Name = new("default", "testsvc"),
            ServiceName = "testsvc",
            Family = IpFamily.IPv4,
            Ports = [new("", IpProtocol.Tcp, 80)],
            Endpoints =
            [
                .. Enumerable.Range(46, 7).Select(static last => new EndpointObject(
                    InetAddress.Parse(FormattableString.Invariant($"172.31.9.{last}")),
                        EndpointConditions.Ready | EndpointConditions.Serving, "node-b", [], [])),
            ],
        }));
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    /// <summary>Chains of a listing by name, each with its rules: target, protocol, source, destination, matches.</summary>
    private static Dictionary<string, string[]> Read(string listing)
    {
        string[] endpoints = [.. listing.Split('\n').Select(static line => line.Split(' ')[0])
            .Where(static word => word.StartsWith("KUBE-SEP-", StringComparison.Ordinal))];
        Dictionary<string, List<string>> chains = [];
        List<string> rules = [];
        foreach (string line in listing.Split('\n'))
        {
            string text = Service()
                .Replace(Endpoint()
                .Replace(line, name => FormattableString.Invariant($"KUBE-SEP-{Array.IndexOf(endpoints, name.Value) + 1}")), "KUBE-$1-X");
            string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is ["Chain", string name, ..])
                chains[name] = rules = [];
            else if (words is [string target, string protocol, "--" or "opt", string source, string destination, .. string[] matches]
                && protocol != "prot")
                rules.Add($"{target} {ProtocolName(protocol)} {source} {destination} {Matches(matches)}".TrimEnd());
        }
        return chains.ToDictionary(static chain => chain.Key, static chain => chain.Value.ToArray());
    }

    // iptables 1.8.9 and later print numbers.
    private static string ProtocolName(string protocol) => protocol switch
    {
        "0" => "all",
        "6" => "tcp",
        _ => protocol,
    };

    private static string Matches(string[] words)
    {
        string text = string.Join(' ', words).Replace("default/testsvc: ", "default/testsvc ", StringComparison.Ordinal)
            .Replace("/* default/testsvc */", "", StringComparison.Ordinal).Trim();
        // The article's kube-proxy rounded to five digits.
        return Probability().Replace(text, static number =>
            double.Parse(number.Value, CultureInfo.InvariantCulture).ToString("F3", CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("KUBE-(SVC|FW|XLB)-[A-Z0-9]{16}")]
    private static partial Regex Service();

    [GeneratedRegex("KUBE-SEP-[A-Z0-9]{16}")]
    private static partial Regex Endpoint();

    [GeneratedRegex(@"0\.\d{11}")]
    private static partial Regex Probability();
}
