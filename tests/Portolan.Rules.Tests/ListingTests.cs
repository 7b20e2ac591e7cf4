using Portolan.Rules.Model;

namespace Portolan.Rules.Tests;

public sealed class ListingTests
{
    private static Rule RuleOf(string row, string header = "target     prot opt source               destination")
    {
        Ruleset ruleset = Dumps.ReadText($"# iptables -t nat -nL\nChain X (1 references)\n{header}\n{row}\n");
        return Assert.Single(Assert.Single(Assert.Single(ruleset.Tables).Chains).Rules);
    }

    [Fact]
    public void The_article_is_read_from_between_its_prose()
    {
        Ruleset ruleset = Dumps.Read("article.md");
        RuleTable nat = Assert.Single(ruleset.Tables);
        Assert.Equal((TableFamily.Ip, "nat", true), (nat.Family, nat.Name, nat.IsExcerpt));
        Assert.Equal(
            ["PREROUTING", "OUTPUT", "KUBE-SERVICES", "KUBE-MARK-MASQ", "KUBE-XLB-M42ZCW2EYUCRBVAF", "KUBE-SVC-M42ZCW2EYUCRBVAF",
                "KUBE-SEP-BVMKBOC4GGNJ3567", "KUBE-FW-M42ZCW2EYUCRBVAF", "KUBE-MARK-DROP"],
            nat.Chains.Select(chain => chain.Name));
        Assert.Equal(21, nat.Chains.Sum(chain => chain.Rules.Length));
        Assert.False(ruleset.IsPartial);
        Assert.Contains(ruleset.Problems, problem => problem.Message.Contains("POSTROUTING"));
    }

    [Fact]
    public void Dots_in_the_article_are_a_gap_at_their_place()
    {
        Chain services = Dumps.Read("article.md").Tables[0].FindChain("KUBE-SERVICES")!;
        Assert.Equal([2], services.Gaps);
        Assert.Equal(2, services.DeclaredReferences);
        Assert.Equal("default/testsvc: loadbalancer IP", services.Rules[2].Comment);
        Assert.Equal(77, services.Rules[2].Source.Line);
    }

    [Fact]
    public void Probabilities_of_old_listings_are_kept_as_printed_and_as_the_kernel_has_them()
    {
        Chain service = Dumps.Read("article.md").Tables[0].FindChain("KUBE-SVC-M42ZCW2EYUCRBVAF")!;
        StatisticRandomMatch first = Assert.IsType<StatisticRandomMatch>(service.Rules[0].Statements[0]);
        Assert.Equal("0.14286000002", first.Printed);
        Assert.Equal(306789514u, first.Threshold);
        Assert.Equal(7, service.Rules.Length);
        Assert.Equal(1, service.Rules[6].Statements.Length);
    }

    [Fact]
    public void A_listing_without_v_does_not_tell_the_interfaces()
    {
        Assert.Equal(RuleGaps.Interfaces, RuleOf("ACCEPT  0  --  0.0.0.0/0  0.0.0.0/0").Gaps);
        Assert.All(Dumps.Read("rules/iptables-nft-nvL.txt").Tables.SelectMany(table => table.Chains).SelectMany(chain => chain.Rules),
            rule => Assert.Equal(RuleGaps.None, rule.Gaps));
    }

    [Theory]
    [InlineData("DNAT       tcp      ::/0                 ::/0                 to:[fd00::1]:80")] // ip6tables before 1.8.9 has no options
    [InlineData("DNAT       tcp  --  anywhere             anywhere             to:[fd00::1]:80")]
    [InlineData("DNAT       6    --  ::/0                 ::/0                 to:[fd00::1]:80")]
    public void Columns_are_told_apart_whatever_version_printed_them(string row) =>
        Assert.Equal(
            [new ProtocolMatch(Inet.IpProtocol.Tcp), new NatStatement(NatKind.Destination,
                new NatRange(Inet.InetAddress.Parse("fd00::1"), Inet.InetAddress.Parse("fd00::1"), 80, 80))],
            RuleOf(row).Statements);

    [Fact]
    public void Words_in_a_comment_are_no_matches()
    {
        Rule rule = RuleOf("ACCEPT  0  --  0.0.0.0/0  0.0.0.0/0  /* a */ tcp dpt:80 /* [goto] */ mark match 0x1");
        Assert.Equal([new MarkMatch(MarkKind.Packet, 1, uint.MaxValue), new VerdictStatement(Verdict.Accept)], rule.Statements);
        Assert.Equal("a */ tcp dpt:80 /* [goto]", rule.Comment);
    }

    [Fact]
    public void A_match_that_is_not_known_is_unknown_and_leaves_the_others_as_they_are()
    {
        Rule rule = RuleOf("ACCEPT  6  --  0.0.0.0/0  0.0.0.0/0  FANCY match 5 tcp dpt:80");
        Assert.Equal(
            [new ProtocolMatch(Inet.IpProtocol.Tcp), new UnmodelledMatch("FANCY", "FANCY match 5"),
                new PortMatch(PacketSide.Destination, [new(80, 80)]), new VerdictStatement(Verdict.Accept)],
            rule.Statements);
    }

    [Fact]
    public void Rounded_counters_are_read()
    {
        Rule rule = RuleOf("  12M  3456G ACCEPT  0  --  *  *  0.0.0.0/0  0.0.0.0/0",
            " pkts bytes target     prot opt in     out     source               destination");
        Assert.Equal(new Counters(12_000_000, 3_456_000_000_000), rule.Counters);
    }

    [Theory]
    [InlineData("iptables -t nat -nL\n", "nat")]
    [InlineData("$ sudo ip6tables -t mangle -nvL --line-numbers\n", "mangle")]
    [InlineData("root@node:~# iptables -nL\n", "filter")]
    [InlineData("", "filter")]
    public void The_prompt_tells_the_table(string prompt, string table) =>
        Assert.Equal(table,
        Dumps.ReadText($"{prompt}Chain X (0 references)\ntarget     prot opt source               destination\n").Tables[0].Name);

    [Fact]
    public void Several_tables_in_one_paste_are_told_apart()
    {
        Ruleset ruleset = Dumps.Read("rules/iptables-nft-nL.txt");
        Assert.Equal(["raw", "mangle", "nat", "filter", "security"], ruleset.Tables.Select(table => table.Name));
        // The same without the prompts: built-in chains that come again begin a new table.
        string bare = string.Join('\n', File.ReadAllLines(Dumps.PathOf("rules/iptables-nft-nL.txt")).Where(line => !line.StartsWith('#')));
        Assert.Equal(["raw", "mangle", "nat", "filter"], Dumps.ReadText(bare).Tables.Select(table => table.Name).Distinct());
    }
}
