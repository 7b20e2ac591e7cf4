using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>The picture of what decides about a service's packets.</summary>
public sealed class DecisionGraphTests
{
    private const string Nft = "harbor/kube-proxy-1.36/nft-list-ruleset.txt";

    [Fact]
    public void Source_ranges_a_policy_and_masquerading_are_on_the_arrows()
    {
        Assert.Equal(
            """
            shop/payments
            cluster IP: 172.30.10.3:443
            ├─ [from pods] one of 3 (hairpin: masqueraded)
            │  ├─ [1/3] 10.244.1.30:8443
            │  ├─ [1/3] 10.244.1.31:8443
            │  └─ [1/3] 10.244.2.30:8443
            └─ [from this node, outside, masqueraded] one of 3 (hairpin: masqueraded) (see above)
            node port 30443
            └─ externalTrafficPolicy Local
               ├─ [from pods] one of 3 (hairpin: masqueraded) (see above)
               ├─ [from this node, masqueraded] one of 3 (hairpin: masqueraded) (see above)
               └─ [from outside] one of 2 (hairpin: masqueraded)
                  ├─ [1/2] 10.244.1.30:8443
                  └─ [1/2] 10.244.1.31:8443
            load balancer IP: 172.6.6.7:443
            └─ loadBalancerSourceRanges
               ├─ [from pods, this node, other sources outside] dropped: source not allowed
               └─ [from 203.0.113.0/24, 198.51.100.7] externalTrafficPolicy Local
                  └─ one of 2 (hairpin: masqueraded) (see above)

            """, GraphWriter.ToText(Draw(Dumps.Read(Dumps.Save136), "shop/payments")));
    }

    [Fact]
    public void Affinity_is_a_decision_and_no_endpoints_a_dead_end()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        Assert.Contains(Draw(rules, "shop/cart").Nodes, static node =>
            node.Kind == GraphNodeKind.Decision
            && node.Label.StartsWith("affinity: kept for 10800 s,\nelse one of 2", StringComparison.Ordinal)
        );
        ServiceGraph empty = Draw(rules, "shop/empty");
        GraphNode end = Assert.Single(empty.Nodes, static node => node.Kind == GraphNodeKind.DeadEnd);
        Assert.Equal("rejected:\nno endpoints", end.Label);
        // Drops and rejects are red.
        Assert.Matches($"n\\d+ -> {end.Id} \\[label=\"\", color=\"#b3261e\"", GraphWriter.ToDot(empty));
        // All clients get the same: they are one box.
        Assert.Equal(
            "pods,\nthis node,\noutside the cluster",
            Assert.Single(empty.Nodes, static node => node.Kind == GraphNodeKind.Client).Label
        );
    }

    [Theory]
    [InlineData("shop/web")]
    [InlineData("shop/payments")]
    [InlineData("shop/cart")]
    [InlineData("shop/partner")]
    [InlineData("shop/empty")]
    [InlineData("shop/draining")]
    [InlineData("shop/agent")]
    [InlineData("default/testsvc")]
    [InlineData("kube-system/kube-dns")]
    [InlineData("media/stream")]
    public void The_picture_is_the_same_whichever_proxy_wrote_the_rules(string service)
    {
        List<string> expected = Facts(Draw(Dumps.Read(Dumps.Save136), service));
        Assert.Equal(expected, Facts(Draw(Dumps.Read(Nft), service)));
        Assert.Equal(expected, Facts(Draw(Dumps.Read("harbor/kube-proxy-1.36/nft-list-ruleset.json"), service)));
        // Portolan's sets do not show the policy for internal traffic.
        if (service != "shop/agent")
            Assert.Equal(expected, Facts(Draw(Dumps.Read("portolan/nft-1.1.7.txt"), service)));
        // In the dump of 2020 the rule that drops is the kubelet's and missing, and it had no policy for internal traffic.
        if (service is "shop/web" or "shop/cart" or "shop/empty" or "kube-system/kube-dns")
            Assert.Equal(expected, Facts(Draw(Dumps.Read(Dumps.Save120), service)));
    }

    [Fact]
    public void A_rule_of_somebody_else_that_comes_first_is_drawn_first()
    {
        ServiceGraph graph = Draw(With("-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
            "-A PREROUTING -d 172.30.10.1/32 -p tcp -m comment --comment \"dnat name: \\\"cbr0\\\"\" -m tcp --dport 80 -j DNAT "
            + "--to-destination 10.4.1.5:80\n"), "shop/web");
        GraphNode rule = Assert.Single(graph.Nodes, static node => node.Kind == GraphNodeKind.Foreign);
        Assert.Equal(("nat PREROUTING rule 1", "the CNI plug-in portmap (a pod's hostPort)"), (rule.Rule, rule.Owner));
        GraphNode elsewhere = Assert.Single(graph.Nodes, static node => node.Kind == GraphNodeKind.Elsewhere);
        Assert.Contains(graph.Edges, edge => (edge.From, edge.To) == (rule.Id, elsewhere.Id));
        Assert.StartsWith("10.4.1.5:80", elsewhere.Label, StringComparison.Ordinal);
        // The node's own packets do not pass prerouting: they are served.
        Assert.Contains("[from this node, masqueraded] one of 3", GraphWriter.ToText(graph), StringComparison.Ordinal);
    }

    [Fact]
    public void What_depends_on_something_unknown_is_drawn_under_its_condition()
    {
        ServiceGraph graph = Draw(
            With("-A FORWARD", "-A FORWARD -i docker0 -j REJECT --reject-with icmp-host-prohibited\n"),
            "shop/partner"
        );
        GraphNode end = Assert.Single(graph.Nodes, static node => node.Kind == GraphNodeKind.DeadEnd);
        Assert.Equal("filter FORWARD rule 1", end.Rule);
        Assert.All(graph.Edges.Where(edge => edge.To == end.Id), static edge =>
        {
            Assert.Equal("it comes in via docker0", Assert.Single(edge.When!.Value));
            Assert.Equal("10.244.2.40:8443", Assert.Single(edge.OnTheWayTo!.Value));
        });
        Assert.Contains(graph.Edges, static edge => edge.When is ["it does not come in via docker0"]);
        Assert.Contains("style=dashed", GraphWriter.ToDot(graph), StringComparison.Ordinal);
    }

    [Fact]
    public void An_excerpt_that_begins_at_a_service_chain_is_drawn_from_there()
    {
        Ruleset rules = Dumps.Text("""
            -A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "shop/web:http -> 10.0.0.1:80" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-BBBBBBBBBBBBBBBB
            -A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "shop/web:http -> 10.0.0.2:80" -j KUBE-SEP-CCCCCCCCCCCCCCCC
            -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m comment --comment "shop/web:http" -m tcp -j DNAT --to-destination 10.0.0.1:80
            -A KUBE-SEP-CCCCCCCCCCCCCCCC -p tcp -m comment --comment "shop/web:http" -m tcp -j DNAT --to-destination 10.0.0.2:80

            """);
        string text = GraphWriter.ToText(Draw(rules, "shop/web"));
        Assert.Contains("how packets come here is not in the input", text, StringComparison.Ordinal);
        Assert.Contains("[1/2] 10.0.0.1:80", text, StringComparison.Ordinal);
        Assert.Contains("note: The input does not show which packets come to KUBE-SVC-AAAAAAAAAAAAAAAA", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_services_have_a_frame_each()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        var services = ServiceCatalogue.Read(rules);
        ServiceGraph graph = new DecisionGraphBuilder(rules, services, Dumps.NodeA, new ChainGuide(services)).Build(
            "all",
            services.Services
        );
        int names = services.Services.Select(static service => service.Service).Distinct().Count();
        Assert.Equal(names, GraphWriter.ToDot(graph).Split("subgraph cluster_").Length - 1);
        // No arrow leaves a frame.
        var frames = graph.Nodes.ToDictionary(static node => node.Id, static node => node.Service);
        Assert.All(graph.Edges, edge => Assert.Equal(frames[edge.From], frames[edge.To]));
    }

    [Fact]
    public void A_range_of_addresses_is_the_prefixes_that_make_it_up()
    {
        static string[] Between(string first, string last) =>
            [.. SourceRanges.Between(InetAddress.Parse(first), InetAddress.Parse(last)).Select(static range => range.ToString())];
        Assert.Equal(["10.0.0.3/32", "10.0.0.4/30", "10.0.0.8/32"], Between("10.0.0.3", "10.0.0.8"));
        Assert.Equal(["0.0.0.0/0"], Between("0.0.0.0", "255.255.255.255"));
        Assert.Equal(["::/0"], Between("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
        Assert.Empty(Between("10.0.0.3", "10.0.0.2"));
    }

    internal static ServiceGraph Draw(Ruleset rules, string service)
    {
        var services = ServiceCatalogue.Read(rules);
        return new DecisionGraphBuilder(rules, services, Dumps.NodeA, new ChainGuide(services)).Build(service, services.Find(service));
    }

    /// <summary>The dump of kube-proxy 1.36 with rules before the first line that begins so.</summary>
    internal static Ruleset With(string before, string rules)
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", Dumps.Save136)));
        int at = text.IndexOf(before, StringComparison.Ordinal);
        Assert.True(at >= 0, before);
        return Dumps.Text(text.Insert(at, rules));
    }

    /// <summary>
    /// What a picture says, without the names of boxes: its arrows, sorted. Rules of nf_tables do not distinguish load balancers'
    /// addresses from external ones, and kube-proxy's do not look after endpoints of other nodes that get themselves.
    /// </summary>
    private static List<string> Facts(ServiceGraph graph)
    {
        var names = graph.Nodes.ToDictionary(
            static node => node.Id,
            static node =>
                node
                    .Label.Replace("load balancer IP", "external address", StringComparison.Ordinal)
                    .Replace("external IP", "external address", StringComparison.Ordinal)
                    .Replace("\n(hairpin: masqueraded)", "", StringComparison.Ordinal)
                    .Split("\nat ")[0]
        );
        var clients = graph.Clients.ToDictionary(
            static client => client.Id,
            static client =>
                $"{client.Place} {(client.IsRest ? "" : string.Join(',', client.Ranges.OrderBy(static range => range.Address)))}"
        );
        return
        [
            .. graph
                .Edges.SelectMany(edge =>
                    edge.Clients!.Value.Select(client =>
                        $"{clients[client]}: {names[edge.From]} -> {names[edge.To]}"
                        + $" {(edge.Share is { } share ? ShareText.Of(share) : "")} {edge.Masquerade} {string.Join(',', edge.When ?? [])}"
                    )
                )
                .Order(StringComparer.Ordinal),
        ];
    }
}
