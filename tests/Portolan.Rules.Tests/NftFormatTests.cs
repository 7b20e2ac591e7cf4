using Portolan.Rules.Model;

namespace Portolan.Rules.Tests;

public sealed class NftFormatTests
{
    [Theory]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt", "harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    [InlineData("rules/nft-sample.txt", "rules/nft-sample.json")]
    [InlineData("portolan/nft-1.0.6.txt", "portolan/nft-1.0.6.json")]
    [InlineData("portolan/nft-1.1.7.txt", "portolan/nft-1.1.7.json")]
    [InlineData("portolan/layout-1/nft-1.0.6.txt", "portolan/layout-1/nft-1.0.6.json")]
    [InlineData("portolan/layout-1/nft-1.1.7.txt", "portolan/layout-1/nft-1.1.7.json")]
    public void Text_and_JSON_of_one_ruleset_give_the_same_model(string text, string json)
    {
        Ruleset fromText = Dumps.Read(text);
        Ruleset fromJson = Dumps.Read(json);
        Assert.Equal(fromText.Tables.Select(table => (table.Family, table.Name, table.Backend, table.IsDormant)),
            fromJson.Tables.Select(table => (table.Family, table.Name, table.Backend, table.IsDormant)));
        foreach ((RuleTable one, RuleTable other) in fromText.Tables.Zip(fromJson.Tables))
        {
            AssertSameSets(one, other);
            Assert.Equal(one.Chains.Select(chain => (chain.Name, chain.Base)), other.Chains.Select(WithoutMissingDevice(one)));
            foreach (Chain chain in one.Chains)
                Assert.Equal(chain.Rules.Select(Show), other.FindChain(chain.Name)!.Rules.Select(Show));
        }
    }

    [Theory]
    [InlineData("rules/nft-sample-handles.txt")]
    [InlineData("rules/nft-sample-numeric.txt")]
    public void Options_of_nft_change_how_a_ruleset_looks_but_not_what_is_read(string file)
    {
        Ruleset plain = Dumps.Read("rules/nft-sample.txt");
        Ruleset other = Dumps.Read(file);
        foreach ((RuleTable one, RuleTable same) in plain.Tables.Zip(other.Tables))
        {
            AssertSameSets(one, same);
            Assert.Equal(one.Chains.Select(chain => (chain.Name, chain.Base, chain.Comment)),
                same.Chains.Select(chain => (chain.Name, chain.Base, chain.Comment)));
            foreach (Chain chain in one.Chains)
                Assert.Equal(chain.Rules.Select(Show), same.FindChain(chain.Name)!.Rules.Select(Show));
        }
        Assert.Equal(plain.Tables.Length, other.Tables.Length);
    }

    [Fact]
    public void Handles_are_read_with_the_rules() =>
        Assert.All(Dumps.Read("rules/nft-sample-handles.txt").Tables.SelectMany(table => table.Chains).SelectMany(chain => chain.Rules),
            rule => Assert.NotEqual(0ul, rule.Handle));

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    public void Dumps_of_kube_proxy_are_read_without_loss(string file)
    {
        Ruleset ruleset = Dumps.Read(file);
        Assert.Empty(ruleset.Problems);
        Assert.Equal([(TableFamily.Ip, "kube-proxy"), (TableFamily.Ip6, "kube-proxy")],
            ruleset.Tables.Select(table => (table.Family, table.Name)));
        Assert.DoesNotContain(IptablesFormatTests.AllStatements(ruleset), statement => statement is UnmodelledStatement);
    }

    [Theory]
    [InlineData("portolan/nft-1.0.6.txt")]
    [InlineData("portolan/nft-1.0.6.json")]
    [InlineData("portolan/nft-1.1.7.txt")]
    [InlineData("portolan/nft-1.1.7.json")]
    [InlineData("portolan/layout-1/nft-1.0.6.txt")]
    [InlineData("portolan/layout-1/nft-1.0.6.json")]
    [InlineData("portolan/layout-1/nft-1.1.7.txt")]
    [InlineData("portolan/layout-1/nft-1.1.7.json")]
    public void Our_own_tables_are_read_without_loss(string file)
    {
        Ruleset ruleset = Dumps.Read(file);
        Assert.Empty(ruleset.Problems);
        Assert.Equal([(TableFamily.Ip, "portolan"), (TableFamily.Ip6, "portolan")],
            ruleset.Tables.Select(table => (table.Family, table.Name)));
        Assert.DoesNotContain(IptablesFormatTests.AllStatements(ruleset), statement => statement is UnmodelledStatement);
        foreach (NamedSet set in ruleset.Tables.SelectMany(table => table.Sets))
        {
            Assert.DoesNotContain(DataType.Unknown, set.KeyTypes);
            Assert.DoesNotContain(DataType.Unknown, set.DataTypes);
            Assert.DoesNotContain(set.Elements, element => element.ToString().Contains(nameof(UnmodelledExpression)));
        }
    }

    [Theory]
    [InlineData("portolan/nft-1.0.6.txt", "portolan/nft-1.1.7.txt")]
    [InlineData("portolan/layout-1/nft-1.0.6.txt", "portolan/layout-1/nft-1.1.7.txt")]
    public void Old_and_new_versions_of_nft_show_one_ruleset(string old, string newer)
    {
        foreach ((RuleTable one, RuleTable other) in Dumps.Read(old).Tables.Zip(Dumps.Read(newer).Tables))
        {
            Assert.Equal(one.Sets.Select(ShowSet), other.Sets.Select(ShowSet));
            Assert.Equal(one.Chains.Select(chain => (chain.Name, chain.Base)), other.Chains.Select(chain => (chain.Name, chain.Base)));
            foreach (Chain chain in one.Chains)
                Assert.Equal(chain.Rules.Select(Show), other.FindChain(chain.Name)!.Rules.Select(Show));
        }
    }

    private static string ShowSet(NamedSet set) =>
        $"{set.Name} {set.KeyTypes} {set.DataTypes} {set.Timeout} " +
        $"{string.Join('\n', set.Elements.Select(element => element.ToString()).Order())}";

    // A look-up inside a concatenation has no parentheses around it in nft's text.
    [Theory]
    [InlineData("dnat ip to ip daddr . th dport . ip daddr . th dport map @counts map @endpoints")]
    [InlineData("ip daddr . th dport . ip daddr . th dport map @counts @wanted accept")]
    public void A_map_inside_a_concatenation_takes_as_many_values_as_its_key_has(string rule)
    {
        Ruleset ruleset = Dumps.ReadText($$"""
            table ip x {
            	map counts {
            		type ipv4_addr . inet_service : mark
            	}
            	map endpoints {
            		type ipv4_addr . inet_service . mark : ipv4_addr . inet_service
            	}
            	set wanted {
            		type ipv4_addr . inet_service . mark
            	}
            	chain y {
            		{{rule}}
            	}
            }
            """);
        Assert.Empty(ruleset.Problems);
        Expression[] frontend = [new SelectorExpression(PacketField.IpDestination),
            new SelectorExpression(PacketField.TransportDestinationPort)];
        var key = new ConcatExpression([.. frontend, new MapExpression(new ConcatExpression([.. frontend]), new SetReference("counts"))]);
        Statement first = ruleset.Tables[0].FindChain("y")!.Rules[0].Statements[0];
        Assert.Equal(key, first switch
        {
            NatStatement { Operand: MapExpression map } => map.Key,
            RelationalMatch match => match.Left,
            _ => null,
        });
    }

    // kube-proxy with masqueradeBit 31: nft 1.0.6 shows "meta mark & 0x80000000 != 0" so.
    [Theory]
    [InlineData("meta mark != 0x00000000/1", """{"op": "!=", "left": {"meta": {"key": "mark"}}, "right": {"prefix": {"addr": 0, "len": 1}}}""", RelationalOperator.NotEqual, 0x80000000u, 0u)]
    [InlineData("ct mark 0x80000000/2", """{"op": "==", "left": {"ct": {"key": "mark"}}, "right": {"prefix": {"addr": 2147483648, "len": 2}}}""", RelationalOperator.Equal, 0xc0000000u, 0x80000000u)]
    public void A_comparison_of_a_marks_highest_bits_is_read(string text, string json, RelationalOperator compared, uint mask, uint number)
    {
        string asJson = $$$"""
            {"nftables": [{"table": {"family": "ip", "name": "x", "handle": 1}}, {"chain": {"family": "ip", "table": "x", "name": "y", "handle": 1}},
            {"rule": {"family": "ip", "table": "x", "chain": "y", "handle": 2, "expr": [{"match": {{{json}}}}, {"drop": null}]}}]}
            """;
        foreach (string input in (string[])[$"table ip x {{\n\tchain y {{\n\t\t{text} drop\n\t}}\n}}\n", asJson])
        {
            Ruleset ruleset = Dumps.ReadText(input);
            Assert.Empty(ruleset.Problems);
            var match = Assert.IsType<RelationalMatch>(ruleset.Tables[0].FindChain("y")!.Rules[0].Statements[0]);
            Assert.Equal((compared, new NumberValue(number)), (match.Operator, match.Right));
            Assert.Equal(new NumberValue(mask), Assert.IsType<BitwiseExpression>(match.Left).Right);
        }
    }

    [Fact]
    public void The_result_of_a_map_is_compared_with_or_without_an_operator()
    {
        Ruleset ruleset =
            Dumps.ReadText("table ip x {\n\tmap m {\n\t\ttype ipv4_addr : mark\n\t}\n\tchain y {\n\t\tip daddr map @m == 2 goto " +
            "y\n\t\tip daddr map @m 0x00000002 goto y\n\t}\n}\n");
        Rule[] rules = [.. ruleset.Tables[0].FindChain("y")!.Rules];
        Assert.Equal(rules[0].Statements, rules[1].Statements);
        Assert.Equal(new RelationalMatch(new MapExpression(new SelectorExpression(PacketField.IpDestination), new SetReference("m")),
            RelationalOperator.Equal, new NumberValue(2)), rules[0].Statements[0]);
    }

    // JSON of nft 1.0.6 does not show the flag "dynamic", rounds what is left of a timeout to seconds, and repeats a set's own types only.
    private static void AssertSameSets(RuleTable one, RuleTable other)
    {
        Assert.Equal(one.Sets.Select(set => set.Name), other.Sets.Select(set => set.Name));
        foreach (NamedSet set in one.Sets)
        {
            NamedSet same = other.FindSet(set.Name)!;
            Assert.Equal(set.KeyTypes, same.KeyTypes);
            Assert.Equal(set.DataTypes, same.DataTypes);
            Assert.Equal(set.Flags & ~SetFlags.Dynamic, same.Flags & ~SetFlags.Dynamic);
            Assert.Equal((set.Timeout, set.Size, set.Comment), (same.Timeout, same.Size, same.Comment));
            Assert.Equal(set.Elements.Select(element => element with { Expires = null }),
                same.Elements.Select(element => element with { Expires = null }));
        }
    }

    // JSON of nft 1.0.6 does not show the device of a netdev chain.
    private static Func<Chain, (string, BaseChain?)> WithoutMissingDevice(RuleTable shown) => chain =>
        (chain.Name, chain.Base is { Hook: Hook.Ingress } ? shown.FindChain(chain.Name)!.Base : chain.Base);

    private static string Show(Rule rule) => Dumps.Show(new Rule
    {
        Statements =
            [.. rule.Statements.Select(statement => statement is UnmodelledStatement unknown
            ? unknown with { Name = "", Text = "" } : statement)],
        Comment = rule.Comment,
    }) + rule.Counters;
}
