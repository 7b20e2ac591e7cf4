using Portolan.Rules.Model;

namespace Portolan.Rules.Tests;

public sealed class IptablesFormatTests
{
    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt", 3)]
    [InlineData("harbor/kube-proxy-1.36/ip6tables-save.txt", 3)]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nL.txt", 1)]
    [InlineData("harbor/kube-proxy-1.36/iptables-filter-nL.txt", 1)]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt", 1)]
    [InlineData("harbor/kube-proxy-1.20/iptables-save.txt", 3)]
    [InlineData("harbor/kube-proxy-1.20/iptables-nat-nL.txt", 1)]
    [InlineData("harbor/kube-proxy-1.20/iptables-filter-nL.txt", 1)]
    public void Dumps_of_kube_proxy_are_read_without_loss(string file, int tables)
    {
        Ruleset ruleset = Dumps.Read(file);
        Assert.Empty(ruleset.Problems.Where(problem => problem.Severity == ReadSeverity.Partial));
        Assert.Equal(tables, ruleset.Tables.Length);
        Assert.DoesNotContain(AllStatements(ruleset), statement => statement is UnmodelledMatch or UnmodelledStatement);
    }

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt", "harbor/kube-proxy-1.36/iptables-nat-nL.txt", "nat")]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt", "harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt", "nat")]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt", "harbor/kube-proxy-1.36/iptables-filter-nL.txt", "filter")]
    [InlineData("harbor/kube-proxy-1.20/iptables-save.txt", "harbor/kube-proxy-1.20/iptables-nat-nL.txt", "nat")]
    [InlineData("harbor/kube-proxy-1.20/iptables-save.txt", "harbor/kube-proxy-1.20/iptables-filter-nL.txt", "filter")]
    public void A_listing_and_a_dump_of_one_table_give_the_same_rules(string save, string listing, string table)
    {
        RuleTable saved = Assert.Single(Dumps.Read(save).Tables, found => found.Name == table);
        RuleTable listed = Assert.Single(Dumps.Read(listing).Tables);
        Assert.Equal(table, listed.Name);
        AssertSameRules(saved, listed, interfaces: false);
    }

    [Theory]
    [InlineData("iptables-legacy", "nL")]
    [InlineData("iptables-legacy", "nvL")]
    [InlineData("iptables-legacy", "nvL--line-numbers")]
    [InlineData("iptables-nft", "nL")]
    [InlineData("iptables-nft", "nvL")]
    [InlineData("iptables-nft", "nvL--line-numbers")]
    [InlineData("ip6tables-legacy", "nL")]
    [InlineData("ip6tables-legacy", "nvL")]
    [InlineData("ip6tables-nft", "nL")]
    [InlineData("ip6tables-nft", "nvL--line-numbers")]
    public void Every_match_and_target_reads_the_same_from_dump_and_listing(string tool, string form)
    {
        Ruleset saved = Dumps.Read($"rules/{tool}-save.txt");
        Ruleset listed = Dumps.Read($"rules/{tool}-{form}.txt");
        Assert.Equal(saved.Tables.Select(table => table.Name).Order(),
            listed.Tables.Where(HasRulesOrIsIn(saved)).Select(table => table.Name).Order());
        foreach (RuleTable table in saved.Tables)
            AssertSameRules(table, Assert.Single(listed.Tables, found => found.Name == table.Name && found.Family == table.Family),
                form != "nL");
    }

    private static Func<RuleTable, bool> HasRulesOrIsIn(Ruleset saved) =>
        listed => saved.Tables.Any(table => table.Name == listed.Name) || listed.Chains.Any(chain => !chain.Rules.IsEmpty);

    internal static IEnumerable<Statement> AllStatements(Ruleset ruleset) =>
        ruleset.Tables.SelectMany(table => table.Chains).SelectMany(chain => chain.Rules).SelectMany(rule => rule.Statements);

    internal static void AssertSameRules(RuleTable expected, RuleTable actual, bool interfaces)
    {
        foreach (Chain chain in expected.Chains)
        {
            Chain? other = actual.FindChain(chain.Name);
            Assert.True(other is not null, $"chain {chain.Name}");
            Assert.Equal(chain.Base, other.Base);
            Assert.Equal(chain.Rules.Select(rule => Comparable(rule, interfaces)),
                other.Rules.Select(rule => Comparable(rule, interfaces)));
        }
        Assert.Equal(expected.Chains.Length, actual.Chains.Length);
    }

    // What the two forms cannot agree on: a listing shows the interfaces only with -v, prints matches that are not modelled in other words,
    // and shows a comment's quotes bare.
    private static string Comparable(Rule rule, bool interfaces) => Dumps.Show(new Rule
    {
        Statements = [.. rule.Statements
            .Where(statement => interfaces || statement is not InterfaceMatch)
            .Select(statement => statement switch
            {
                UnmodelledMatch => new UnmodelledMatch("", ""),
                UnmodelledStatement target => target with { Text = "" },
                _ => statement,
            })],
        Comment = rule.Comment,
    });
}
