using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Rules.Tests;

/// <summary>Input of a size that no tool prints is read in part, with a message, and costs no more than its size.</summary>
public sealed class LongInputTests
{
    private const int Long = 17 << 20;
    private const string Filter = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";

    [Theory]
    [InlineData(Filter + "-A FORWARD ", "-m limit --limit 3/min ", "-j DROP\n-A FORWARD -j ACCEPT\nCOMMIT\n", "limit")]
    [InlineData(Filter + "-A FORWARD ", "x", "\n-A FORWARD -j ACCEPT\nCOMMIT\n", "word")]
    [InlineData(Filter + "-A FORWARD ", "-m foo --bar 1 ", "-j DROP\n-A FORWARD -j ACCEPT\nCOMMIT\n", "unknown")]
    [InlineData("Chain FORWARD (policy ACCEPT)\ntarget prot opt source destination\nDROP all -- 0.0.0.0/0 0.0.0.0/0 ", "/* a */ ",
        "\nACCEPT all -- 0.0.0.0/0 0.0.0.0/0\n", "listing")]
    [InlineData("table ip filter {\nchain forward {\ntype filter hook forward priority 0; policy accept;\n", "meta mark 1 ",
        "drop\naccept\n}\n}\n", "nft")]
    public void The_rule_of_a_line_of_megabytes_is_kept_as_one_whose_end_is_unknown(string begin, string repeated, string end, string what)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(new StringBuilder(begin).Insert(begin.Length, repeated, Long / repeated.Length).Append(end)
            .ToString());
        long before = GC.GetAllocatedBytesForCurrentThread();

        Ruleset rules = Dumps.ReadBytes(bytes);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, bytes.Length);
        Chain chain = rules.Tables.Single().Chains.Single(chain => chain.Name.Equals("forward", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(2, chain.Rules.Length);
        Assert.True(chain.Rules[0].Gaps.HasFlag(RuleGaps.Tail), what);
        Assert.InRange(chain.Rules[0].Source.Text.Length, 0, 5_000);
        Assert.False(chain.Rules[1].Gaps.HasFlag(RuleGaps.Tail));
        Assert.Contains(rules.Problems, problem => problem.Severity == ReadSeverity.Partial
            && problem.Message.Contains("the line is longer than 16777216 bytes", StringComparison.Ordinal));
    }

    [Fact]
    public void A_set_in_one_line_of_megabytes_is_incomplete()
    {
        const string element = "1.1.1.1, ";
        Ruleset rules = Dumps.ReadText(new StringBuilder("table ip x {\nset y {\ntype ipv4_addr\nelements = { ")
            .Insert(0, "", 1).Append(new StringBuilder().Insert(0, element, Long / element.Length)).Append("}\n}\n}\n").ToString());

        Assert.True(Assert.Single(Assert.Single(rules.Tables).Sets).IsIncomplete);
    }

    [Fact]
    public void Json_is_one_line_of_any_length()
    {
        const string chain = "{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\"}},\n";
        string text = "{\"nftables\": [" + new StringBuilder().Insert(0, chain.Replace("\n", "", StringComparison.Ordinal), 40_000)
            + "{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"last\"}}]}";

        Ruleset rules = Dumps.ReadText(text);

        Assert.Empty(rules.Problems);
        Assert.NotNull(Assert.Single(rules.Tables).FindChain("last"));
    }

    [Theory]
    [InlineData("meta mark", " & 0x1")]
    [InlineData("ip saddr", " map @m")]
    [InlineData("ip saddr", " . ip saddr")]
    public void Operators_in_thousands_are_of_no_rule(string begin, string repeated)
    {
        string text = "table ip t {\nchain c {\ntype filter hook forward priority 0; policy accept;\n"
            + new StringBuilder(begin).Insert(begin.Length, repeated, 4000) + " == 0x1 drop\n}\n}\n";

        Rule rule = Assert.Single(Assert.Single(Assert.Single(Dumps.ReadText(text).Tables).Chains).Rules);

        Assert.IsType<UnmodelledStatement>(Assert.Single(rule.Statements.ToImmutableArray()));
    }
}
