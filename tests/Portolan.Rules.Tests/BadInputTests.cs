using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Rules.Tests;

public sealed class BadInputTests
{
    private const string Nat = """
        *nat
        :PREROUTING ACCEPT [0:0]
        :INPUT ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        :KUBE-SERVICES - [0:0]
        :KUBE-SVC-A - [0:0]
        -A PREROUTING -j KUBE-SERVICES
        -A KUBE-SERVICES -d 172.30.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-A
        -A KUBE-SVC-A -p tcp -j DNAT --to-destination 10.0.0.1:80
        COMMIT

        """;

    [Fact]
    public void A_dump_that_is_cut_off_is_used_up_to_the_cut_and_says_so()
    {
        Ruleset ruleset = Dumps.ReadText(Nat[..Nat.IndexOf("--to-dest", StringComparison.Ordinal)]);
        RuleTable table = Assert.Single(ruleset.Tables);
        ReadProblem problem = Assert.Single(ruleset.Problems,
            problem => problem.Severity == ReadSeverity.Partial && problem.Message.Contains("COMMIT"));
        Assert.Equal(("text1", 10), (problem.File, problem.Line));
        Assert.True(table.IsExcerpt);
        Chain last = table.FindChain("KUBE-SVC-A")!;
        Assert.Equal([1], last.Gaps);
        Assert.Equal(RuleGaps.Tail, last.Rules[0].Gaps & RuleGaps.Tail);
        Assert.Single(table.FindChain("KUBE-SERVICES")!.Rules);
        Assert.True(table.FindChain("KUBE-SERVICES")!.Gaps.IsEmpty);
    }

    [Theory, InlineData("-j \""), InlineData("-g \"\""), InlineData("-j")]
    public void A_dump_that_is_cut_off_in_a_jump_names_no_chain(string end)
    {
        Ruleset ruleset = Dumps.ReadText(Nat[..Nat.IndexOf("-j KUBE-SVC-A", StringComparison.Ordinal)] + end);
        Assert.Contains(ruleset.Problems, problem => problem.Message.Contains("names no target", StringComparison.Ordinal));
        RuleTable table = Assert.Single(ruleset.Tables);
        Assert.Null(table.FindChain(""));
        Assert.Null(Assert.Single(table.FindChain("KUBE-SERVICES")!.Rules).Target);
    }

    [Fact]
    public void Chains_whose_rules_come_after_the_cut_are_unknown()
    {
        Ruleset ruleset = Dumps.ReadText(Nat[..Nat.IndexOf("-A KUBE-SVC-A", StringComparison.Ordinal)]);
        Assert.Equal([0], ruleset.Tables[0].FindChain("KUBE-SVC-A")!.Gaps);
    }

    [Fact]
    public void A_jump_to_a_chain_that_is_not_there_is_reported_with_its_line()
    {
        Ruleset ruleset = Dumps.ReadText(Nat.Replace(":KUBE-SVC-A - [0:0]\n", "")
            .Replace("-A KUBE-SVC-A -p tcp -j DNAT --to-destination 10.0.0.1:80\n", ""));
        ReadProblem problem = Assert.Single(ruleset.Problems, found => found.Severity == ReadSeverity.Partial);
        Assert.Contains("KUBE-SVC-A", problem.Message);
        Assert.Equal(8, problem.Line);
        Assert.Equal("KUBE-SVC-A",
            Assert.IsType<VerdictStatement>(ruleset.Tables[0].FindChain("KUBE-SERVICES")!.Rules[0].Target).Verdict.Chain);
    }

    [Fact]
    public void Windows_line_ends_and_a_byte_order_mark_change_nothing()
    {
        RuleTable plain = Dumps.ReadText(Nat).Tables[0];
        Ruleset other = Dumps.ReadBytes([.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Nat.ReplaceLineEndings("\r\n"))]);
        Assert.DoesNotContain(other.Problems, problem => problem.Severity == ReadSeverity.Partial);
        IptablesFormatTests.AssertSameRules(plain, other.Tables[0], interfaces: true);
    }

    [Fact]
    public void Bytes_that_are_no_text_cost_at_most_their_own_rule()
    {
        byte[] bytes =
            Encoding.Latin1.GetBytes(Nat.Replace("-j KUBE-SERVICES", "-m comment --comment \"caf\u00e9 \u00ff\" -j KUBE-SERVICES"));
        Ruleset ruleset = Dumps.ReadBytes(bytes);
        Assert.Equal(3, ruleset.Tables[0].Chains.Sum(chain => chain.Rules.Length));
        Assert.Contains('\uFFFD', ruleset.Tables[0].FindChain("PREROUTING")!.Rules[0].Comment!);
    }

    [Fact]
    public void A_line_that_is_no_rule_is_reported_and_the_others_are_read()
    {
        Ruleset ruleset = Dumps.ReadText(Nat.Replace("-A KUBE-SVC-A", "Segmentation fault\n-A KUBE-SVC-A"));
        ReadProblem problem = Assert.Single(ruleset.Problems, found => found.Severity == ReadSeverity.Partial);
        Assert.Equal((10, true), (problem.Line, problem.Message.Contains("Segmentation fault")));
        Assert.Equal(3, ruleset.Tables[0].Chains.Sum(chain => chain.Rules.Length));
    }

    [Fact]
    public void A_file_of_something_else_gives_one_clear_problem()
    {
        Ruleset ruleset = Dumps.ReadText("apiVersion: v1\nkind: Service\n");
        ReadProblem problem = Assert.Single(ruleset.Problems);
        Assert.Contains("iptables-save", problem.Message);
        Assert.True(ruleset.IsPartial);
        Assert.Empty(ruleset.Tables);
    }

    [Fact]
    public void An_empty_input_is_said_to_be_empty() =>
        Assert.Contains("empty", Assert.Single(Dumps.ReadText("").Problems).Message);

    [Fact]
    public void Text_in_UTF_16_is_named_as_such() =>
        Assert.Contains("UTF-16",
        Assert.Single(Dumps.ReadBytes([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Nat)]).Problems).Message);

    [Fact]
    public void A_dump_of_ebtables_between_two_of_iptables_is_left_out_and_named()
    {
        const string ebtables = "# Generated by ebtables-save v1.8.9 (nf_tables)\n*filter\n:FORWARD ACCEPT\n-A FORWARD -p IPv4 -j " +
            "DROP\nCOMMIT\n";
        Ruleset ruleset =
            Dumps.ReadText(Nat + ebtables
            + "# Generated by iptables-save v1.8.9 (nf_tables)\n*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n");
        Assert.Equal(["nat", "raw"], ruleset.Tables.Select(table => table.Name));
        ReadProblem problem = Assert.Single(ruleset.Problems, found => found.Severity == ReadSeverity.Partial);
        Assert.Equal((12, true), (problem.Line, problem.Message.Contains("ebtables")));
    }

    [Fact]
    public void A_dump_of_arptables_is_not_taken_for_one_of_iptables() =>
        Assert.Empty(
        Dumps.ReadText("# Generated by arptables-save v1.8.9 (nf_tables)\n*filter\n:INPUT ACCEPT\n-A INPUT -j DROP\nCOMMIT\n").Tables);

    [Fact]
    public void Text_in_UTF_16_is_read_with_its_line_numbers()
    {
        RuleTable table = Assert.Single(Dumps.ReadBytes(Encoding.Unicode.GetBytes(Nat)).Tables);
        Assert.Equal((10, "-A KUBE-SVC-A -p tcp -j DNAT --to-destination 10.0.0.1:80"),
            (table.FindChain("KUBE-SVC-A")!.Rules[0].Source.Line, table.FindChain("KUBE-SVC-A")!.Rules[0].Source.Text));
    }

    [Fact]
    public void A_kernel_without_nftables_rules_is_empty_and_nothing_is_wrong() =>
        Assert.Empty(Dumps.ReadText("{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\", \"json_schema_version\": 1}}]}").Problems);

    [Fact]
    public void A_listing_of_service_chains_without_its_command_is_of_table_nat() =>
        Assert.Equal("nat", Assert.Single(Dumps.ReadText(
            "Chain PREROUTING (policy ACCEPT)\ntarget     prot opt source               destination\nKUBE-SERVICES  all  --  anywhere    " +
                "         anywhere\n\n"
            + "Chain KUBE-SERVICES (1 references)\ntarget     prot opt source               destination\n").Tables).Name);

    [Fact]
    public void A_line_of_ten_megabytes_is_read_like_any_other()
    {
        string comment = new('x', 10_000_000);
        Ruleset ruleset = Dumps.ReadText(Nat.Replace("-j KUBE-SERVICES", $"-m comment --comment \"{comment}\" -j KUBE-SERVICES"));
        Assert.Empty(ruleset.Problems.Where(problem => problem.Severity == ReadSeverity.Partial));
        Assert.Equal(comment.Length, ruleset.Tables[0].FindChain("PREROUTING")!.Rules[0].Comment!.Length);
    }

    [Fact]
    public void Two_dumps_that_disagree_are_reported_and_the_first_is_used()
    {
        Ruleset ruleset = Dumps.ReadText(Nat, Nat.Replace("10.0.0.1:80", "10.0.0.2:80"));
        ReadProblem problem = Assert.Single(ruleset.Problems, found => found.Severity == ReadSeverity.Partial);
        Assert.Equal("text2", problem.File);
        Assert.Contains("KUBE-SVC-A", problem.Message);
        Assert.Contains("text1:1", problem.Message);
        Assert.Equal("10.0.0.1:80", TargetText(Assert.Single(ruleset.Tables)));
    }

    [Fact]
    public void The_same_dump_twice_is_one_table_and_no_problem() =>
        Assert.Empty(Dumps.Read("harbor/kube-proxy-1.36/iptables-save.txt", "harbor/kube-proxy-1.36/iptables-save.txt").Problems);

    [Fact]
    public void A_dump_and_a_listing_of_the_same_rules_agree_and_the_dump_is_used()
    {
        Ruleset ruleset = Dumps.Read("harbor/kube-proxy-1.36/iptables-nat-nL.txt", "harbor/kube-proxy-1.36/iptables-save.txt");
        Assert.DoesNotContain(ruleset.Problems, problem => problem.Severity == ReadSeverity.Partial);
        Assert.Equal(RuleFormat.IptablesSave, Assert.Single(ruleset.Tables, table => table.Name == "nat").Format);
    }

    [Fact]
    public void Rules_of_both_back_ends_stay_apart()
    {
        Ruleset ruleset = Dumps.Read("rules/iptables-legacy-save.txt", "rules/iptables-nft-save.txt");
        Assert.Equal([RuleBackend.IptablesLegacy, RuleBackend.IptablesNft],
            ruleset.Tables.Where(table => table.Name == "nat").Select(table => table.Backend));
    }

    [Fact]
    public void The_same_kernel_table_in_the_words_of_nft_and_of_iptables_is_read_once()
    {
        Ruleset ruleset = Dumps.Read("rules/nft-of-iptables.txt", "rules/iptables-nft-save.txt");
        RuleTable nat = Assert.Single(ruleset.Tables, table => table is { Name: "nat", Family: TableFamily.Ip });
        Assert.Equal(RuleFormat.IptablesSave, nat.Format);
    }

    [Fact]
    public void Two_pieces_of_one_table_are_put_together()
    {
        Ruleset ruleset = Dumps.ReadText(
            "iptables -t nat -nL A\nChain A (1 references)\ntarget     prot opt source               destination\nB          0    --  " +
                "0.0.0.0/0            0.0.0.0/0\n",
            "iptables -t nat -nL B\nChain B (1 references)\ntarget     prot opt source               destination\nDNAT       6    --  " +
                "0.0.0.0/0            0.0.0.0/0            to:10.0.0.1:80\n");
        RuleTable table = Assert.Single(ruleset.Tables);
        Assert.Equal(["A", "B"], table.Chains.Select(chain => chain.Name));
        Assert.True(table.IsExcerpt);
    }

    [Fact]
    public void Broken_JSON_is_used_up_to_where_it_breaks()
    {
        string json = File.ReadAllText(Dumps.PathOf("harbor/kube-proxy-1.36/nft-list-ruleset.json"));
        Ruleset ruleset = Dumps.ReadText(json[..(json.Length / 2)]);
        Assert.True(ruleset.IsPartial);
        Assert.True(ruleset.Tables[0].IsExcerpt);
        Assert.NotEmpty(ruleset.Tables[0].Sets);
        Assert.NotEmpty(ruleset.Problems[0].Message);
    }

    [Fact]
    public void A_set_that_is_cut_off_is_incomplete()
    {
        string text = File.ReadAllText(Dumps.PathOf("harbor/kube-proxy-1.36/nft-list-ruleset.txt"));
        Ruleset ruleset = Dumps.ReadText(text[..text.IndexOf("172.30.10.8,", StringComparison.Ordinal)]);
        NamedSet set = ruleset.Tables[0].FindSet("cluster-ips")!;
        Assert.True(set.IsIncomplete);
        Assert.Equal(10, set.Elements.Length);
        Assert.True(ruleset.Tables[0].IsExcerpt);
    }

    private static string TargetText(RuleTable table)
    {
        NatRange range = Assert.IsType<NatStatement>(table.FindChain("KUBE-SVC-A")!.Rules[0].Target).Range!;
        return $"{range.First}:{range.FirstPort}";
    }
}
