using System.Collections.Immutable;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Services.Planning;

namespace Portolan.Inspect.Tests;

/// <summary>Every kind of damage is found in a dump that is otherwise healthy, and healthy dumps are clean.</summary>
public sealed class CheckTests
{
    private const string Nft136 = "harbor/kube-proxy-1.36/nft-list-ruleset.txt";
    private const string Portolan117 = "portolan/nft-1.1.7.txt";
    private const string ServicesPortal = "-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES";

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/ip6tables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nL.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nL.txt", "harbor/kube-proxy-1.36/iptables-filter-nL.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    [InlineData("portolan/nft-1.0.6.txt")]
    [InlineData("portolan/nft-1.0.6.json")]
    [InlineData("portolan/nft-1.1.7.txt")]
    [InlineData("portolan/nft-1.1.7.json")]
    [InlineData("portolan/layout-1/nft-1.0.6.txt")]
    [InlineData("portolan/layout-1/nft-1.1.7.json")]
    public void What_a_proxy_wrote_is_clean(params string[] files)
    {
        Assert.Empty(Check(Dumps.Read(files)));
    }

    [Theory]
    [InlineData("harbor/kube-proxy-1.20/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.20/iptables-nat-nL.txt", "harbor/kube-proxy-1.20/iptables-filter-nL.txt")]
    public void The_only_finding_in_what_1_20_wrote_is_that_nobody_drops_what_is_marked_for_it(params string[] files)
    {
        Finding finding = Assert.Single(Check(Dumps.Read(files)));
        Assert.Equal(("mark-drop-without-drop", FindingSeverity.Warning), (finding.Code, finding.Severity));
        Assert.Equal("KUBE-MARK-DROP", Portolan.Inspect.Programmed.ServiceChains.TargetOf(finding.Place!.Rule));
    }

    // code, subject, the chain the finding points at (empty for none), what is replaced by what
    [Theory]
    [InlineData("unequal-shares", "shop/web:http", "KUBE-SVC-67NZLRHBNDSAWJRO",
        "--probability 0.33333333349 -j KUBE-SEP-FZQ6KZLGXRSKN2AD", "--probability 0.90000000000 -j KUBE-SEP-FZQ6KZLGXRSKN2AD")]
    [InlineData("no-masquerade", "KUBE-POSTROUTING", "", "-j MASQUERADE --random-fully", "-j RETURN")]
    [InlineData("no-masquerade", "KUBE-POSTROUTING", "",
        "-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING", "# gone")]
    [InlineData("no-entry", "KUBE-SERVICES", "", "-A PREROUTING " + ServicesPortal, "# gone")]
    [InlineData("no-entry", "KUBE-SERVICES", "", "-A OUTPUT " + ServicesPortal, "# gone")]
    [InlineData("duplicate-jump", "OUTPUT", "OUTPUT", "-A OUTPUT " + ServicesPortal,
        "-A OUTPUT " + ServicesPortal + "\n-A OUTPUT -j KUBE-SERVICES")]
    [InlineData("answered-by-other-rule", "shop/web:http", "PREROUTING", "-A PREROUTING " + ServicesPortal,
        "-A PREROUTING -d 172.30.0.0/16 -p tcp -j DNAT --to-destination 10.9.9.9\n-A PREROUTING " + ServicesPortal)]
    [InlineData("answered-by-other-rule", "kube-system/kube-dns:dns", "CNI-HOSTPORT-DNAT", "-A OUTPUT " + ServicesPortal,
        "-A OUTPUT -p udp -j CNI-HOSTPORT-DNAT\n-A CNI-HOSTPORT-DNAT -d 172.30.0.10 -p udp --dport 53 -j REDIRECT --to-ports 9053\n-A " +
        "OUTPUT " + ServicesPortal)]
    [InlineData("answered-by-other-rule", "shop/web:http", "PREROUTING", "-A PREROUTING " + ServicesPortal,
        "-A PREROUTING -d 172.30.10.1/32 -j ACCEPT\n-A PREROUTING " + ServicesPortal)]
    [InlineData("shadowed-rule", "shop/web:http", "KUBE-SERVICES", "-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp",
        "-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp -m comment --comment \"shop/thief:http cluster IP\" -m tcp --dport 80 -j " +
        "KUBE-SVC-I5LIAMPLWKMBJ54B\n-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp")]
    [InlineData("shadowed-rule", "shop/web:http", "KUBE-SVC-67NZLRHBNDSAWJRO",
        "-m statistic --mode random --probability 0.33333333349 -j KUBE-SEP-FZQ6KZLGXRSKN2AD",
        "-g KUBE-SEP-FZQ6KZLGXRSKN2AD")]
    [InlineData("unused-chain", "KUBE-SVL-F3FZM6KWP74DII3H", "KUBE-SVL-F3FZM6KWP74DII3H",
        "-A KUBE-SERVICES -d 172.30.10.7/32 -p tcp -m comment --comment \"shop/agent:grpc cluster IP\" -m tcp --dport 4317 -j " +
        "KUBE-SVL-F3FZM6KWP74DII3H", "# gone")]
    [InlineData("unused-chain", "KUBE-NODEPORTS", "KUBE-NODEPORTS", "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS", "-j RETURN")]
    [InlineData("missing-chain", "shop/web:http", "KUBE-SVC-67NZLRHBNDSAWJRO", ":KUBE-SEP-FZQ6KZLGXRSKN2AD - [0:0]", "# gone")]
    public void Damage_of_iptables_rules_is_found_and_named(string code, string subject, string chain, string before, string after)
    {
        string text = Text(Dumps.Save136).Replace("[0:0] -A", "-A", StringComparison.Ordinal);
        Assert.Contains(before, text, StringComparison.Ordinal);
        string damaged = text.Replace(before, after, StringComparison.Ordinal);
        if (code == "missing-chain")
            damaged = string.Join('\n',
                damaged.Split('\n').Where(line => !line.StartsWith("-A KUBE-SEP-FZQ6KZLGXRSKN2AD", StringComparison.Ordinal)));
        AssertFound(Check(Dumps.Text(damaged)), code, subject, chain);
    }

    [Theory]
    [InlineData(Nft136, "unequal-shares", "shop/web:http", "", "numgen random mod 3 map { 0 : 10.244.1.10 . 8080,",
        "numgen random mod 4 map { 0 : 10.244.1.10 . 8080,")]
    [InlineData(Nft136, "no-masquerade", "masquerading", "", "\t\tjump masquerading\n", "")]
    [InlineData(Nft136, "no-entry", "services", "", "\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\tjump services\n",
        "\t\ttype nat hook prerouting priority dstnat; policy accept;\n")]
    [InlineData(Nft136, "missing-chain", "shop/web:http", "", "goto service-KHN6ECMT-shop/web/tcp/http",
        "goto service-KHN6ECMX-shop/web/tcp/http")]
    [InlineData(Nft136, "unused-chain", "service-KHN6ECMT-shop/web/tcp/http", "service-KHN6ECMT-shop/web/tcp/http",
        "172.30.10.1 . tcp . 80 : goto service-KHN6ECMT-shop/web/tcp/http",
        "172.30.10.1 . tcp . 80 : goto service-242WI43H-shop/cart/tcp/http")]
    [InlineData(Nft136, "unused-chain", "firewall-check", "firewall-check", "ct state new jump firewall-check", "ct state new accept")]
    [InlineData(Nft136, "answered-by-other-rule", "shop/web:http", "prerouting", "table ip6 kube-proxy {",
        "table ip docker {\n chain prerouting {\n type nat hook prerouting priority -110; policy accept;\n ip daddr 172.30.0.0/16 tcp " +
        "dport 80 dnat to 10.9.9.9\n }\n}\ntable ip6 kube-proxy {")]
    [InlineData(Nft136, "shadowed-rule", "services", "services", "ip daddr . meta l4proto . th dport vmap @service-ips",
        "accept\n\t\tip daddr . meta l4proto . th dport vmap @service-ips")]
    [InlineData(Portolan117, "unequal-shares", "shop/web:http", "", "172.30.10.1 . tcp . 80 . 1 : 10.244.2.10 . 8080,", "")]
    [InlineData(Portolan117, "no-masquerade", "postrouting", "", "masquerade fully-random", "accept")]
    [InlineData(Portolan117, "no-entry", "services", "", "\t\ttype nat hook output priority dstnat; policy accept;\n\t\tjump services\n",
        "\t\ttype nat hook output priority dstnat; policy accept;\n")]
    [InlineData(Portolan117, "answered-by-other-rule", "shop/web:http", "prerouting", "table ip6 portolan {",
        "table inet cni {\n chain prerouting {\n type nat hook prerouting priority -110; policy accept;\n ip daddr 172.30.10.1 tcp dport " +
        "80 redirect to :8081\n }\n}\ntable ip6 portolan {")]
    [InlineData("portolan/layout-1/nft-1.1.7.txt", "shadowed-rule", "pick-from-3", "pick-from-3", "goto pick-3\n",
        "goto pick-3\n\t\tgoto pick-7\n")]
    [InlineData(Portolan117, "shadowed-rule", "pick-3", "pick-3", "numgen random mod 3 map @endpoints\n\t\tgoto overtaken\n",
        "numgen random mod 3 map @endpoints\n\t\tgoto overtaken\n\t\tgoto pick-7\n")]
    public void Damage_of_nftables_rules_is_found_and_named(string file, string code, string subject, string chain, string before,
        string after)
    {
        string text = Text(file);
        Assert.Contains(before, text, StringComparison.Ordinal);
        AssertFound(Check(Dumps.Text(text.Replace(before, after, StringComparison.Ordinal))), code, subject, chain);
    }

    [Fact]
    public void A_table_without_its_masquerading_at_all_is_found()
    {
        string text = Text(Dumps.Save136);
        text = string.Join('\n', text.Split('\n').Where(line => !line.Contains("KUBE-POSTROUTING", StringComparison.Ordinal)));
        AssertFound(Check(Dumps.Text(text)), "no-masquerade", "KUBE-POSTROUTING", "");
    }

    [Fact]
    public void Tables_that_are_switched_off_are_found_whoever_wrote_them()
    {
        string ours = Text(Portolan117).Replace("table ip portolan {", "table ip portolan {\n\tflags dormant", StringComparison.Ordinal);
        AssertFound(Check(Dumps.Text(ours)), "dormant-table", "ip portolan", "");

        Finding other = Assert.Single(Check(Dumps.Text(Text(Portolan117)
            + "\ntable inet firewall {\n\tflags dormant\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n")));
        Assert.Equal(("dormant-table", "inet firewall", FindingSeverity.Warning), (other.Code, other.Subject, other.Severity));
    }

    /// <summary>iptables-nft-save shows nothing of it; nft, which is read as well, does.</summary>
    [Fact]
    public void A_table_of_iptables_that_is_switched_off_is_found_in_what_nft_shows()
    {
        Ruleset both = RulesetReader.Read([
            new("iptables-nft-save", Encoding.UTF8.GetBytes("# Generated by iptables-save v1.8.10 (nf_tables) on Wed Nov 25 2026\n"
                + string.Join('\n', Text(Dumps.Save136).Split('\n').Where(line => !line.StartsWith('#'))))),
            new("nft", Encoding.UTF8.GetBytes("table ip nat {\n\tflags dormant\n\tchain PREROUTING {\n\t\ttype nat hook prerouting "
                + "priority -100; policy accept;\n\t}\n}\n")),
        ]).WithoutTranslations();
        AssertFound(Check(both), "dormant-table", "ip nat", "");
    }

    [Theory]
    [InlineData(Dumps.Save136, Nft136)]
    [InlineData(Dumps.Save136, Portolan117)]
    [InlineData(Nft136, Portolan117)]
    public void Two_proxies_at_once_are_found(string first, string second)
    {
        AssertFound(Check(Dumps.Read(first, second)), "two-proxies", "IPv4", "");
    }

    [Fact]
    public void Service_rules_in_both_back_ends_of_iptables_are_found()
    {
        string rules = string.Join('\n', Text(Dumps.Save136).Split('\n').Where(line => !line.StartsWith('#')));
        Ruleset both = RulesetReader.Read([
            Source("nft", "# Generated by iptables-save v1.8.10 (nf_tables) on Wed Nov 25 2026\n" + rules),
            Source("legacy", "# Generated by iptables-save v1.8.10 on Wed Nov 25 2026\n" + rules),
        ]);
        Assert.True(WriterChecks.AreBothBackendsInUse(both));
        AssertFound(Check(both), "two-backends", "IPv4", "KUBE-SERVICES");
        Assert.False(WriterChecks.AreBothBackendsInUse(Dumps.Read(Dumps.Save136)));

        static SourceText Source(string name, string text) => new(name, System.Text.Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public void Marking_for_dropping_is_in_order_where_the_kubelet_drops_it()
    {
        string text = Text(Dumps.Save120)
            .Replace("*filter", "*filter\n:KUBE-FIREWALL - [0:0]\n-A INPUT -j KUBE-FIREWALL\n-A KUBE-FIREWALL -m mark --mark " +
            "0x8000/0x8000 -j DROP", StringComparison.Ordinal);
        Assert.Empty(Check(Dumps.Text(text)));
    }

    [Fact]
    public void A_chain_that_leads_back_to_itself_is_found_with_the_rule_that_closes_the_circle()
    {
        Ruleset rules = Dumps.Text("""
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            :A - [0:0]
            :B - [0:0]
            :C - [0:0]
            -A INPUT -j A
            -A A -p tcp -j B
            -A A -j C
            -A B -j C
            -A C -g A
            COMMIT

            """);
        Finding finding = Assert.Single(Check(rules), finding => finding.Code == "jump-loop");
        Assert.Equal(("A", "filter C rule 1 (text:12)"), (finding.Subject, finding.Place!.ToString()));
    }

    [Fact]
    public void What_an_excerpt_leaves_out_is_no_finding_but_a_limit()
    {
        CheckResult result = Result(Dumps.Read(Dumps.Article));
        Assert.Empty(result.Findings);
        Assert.Contains(result.Limits, limit => limit.Contains("shows only a part of table nat", StringComparison.Ordinal));
    }

    [Fact]
    public void Docker_rules_after_the_services_steal_nothing()
    {
        string text = Text(Dumps.Save136).Replace("[0:0] -A", "-A", StringComparison.Ordinal).Replace("-A PREROUTING " + ServicesPortal,
            "-A PREROUTING " + ServicesPortal + "\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-A DOCKER -p tcp --dport 80 -j " +
            "DNAT --to-destination 172.17.0.2:80", StringComparison.Ordinal)
            .Replace("*nat", "*nat\n:DOCKER - [0:0]", StringComparison.Ordinal);
        Assert.Empty(Check(Dumps.Text(text)));
    }

    internal static void AssertFound(ImmutableArray<Finding> findings, string code, string subject, string chain)
    {
        Finding? finding = findings.FirstOrDefault(item => item.Code == code && item.Subject == subject);
        Assert.True(finding is not null, $"{code} of {subject} is not among:\n{string.Join('\n', findings)}");
        Assert.Equal(chain, finding.Place?.Chain.Name ?? string.Empty);
        Assert.NotEmpty(finding.Explanation);
        Assert.NotEmpty(finding.Advice);
    }

    internal static CheckResult Result(Ruleset rules, ServiceTable? cluster = null, bool isWholeNode = false, params InetPrefix[] podRanges)
    {
        ServiceCatalogue catalogue = ServiceCatalogue.Read(rules);
        return RuleChecker.Check(new CheckInput(rules, catalogue, Dumps.NodeA, new ChainGuide(catalogue))
        {
            Cluster = cluster,
            PodRanges = [.. podRanges],
            IsWholeNode = isWholeNode,
        });
    }

    internal static string Text(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", file));

    private static ImmutableArray<Finding> Check(Ruleset rules) => Result(rules).Findings;
}
