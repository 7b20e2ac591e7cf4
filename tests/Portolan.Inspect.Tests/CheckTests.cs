using System.Collections.Immutable;
using Portolan.Rules;

namespace Portolan.Inspect.Tests;

public sealed class CheckTests
{
    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/ip6tables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    public void What_kube_proxy_1_36_wrote_is_clean(string file)
    {
        Assert.Empty(Check(Dumps.Read(file)));
    }

    [Fact]
    public void The_only_finding_in_what_1_20_wrote_is_that_nobody_drops_what_is_marked_for_it()
    {
        Finding finding = Assert.Single(Check(Dumps.Read(Dumps.Save120)));
        Assert.Equal("mark-drop-without-drop", finding.Code);
    }

    [Theory]
    [InlineData("unequal-shares", "--probability 0.33333333349 -j KUBE-SEP-FZQ6KZLGXRSKN2AD", "--probability 0.90000000000 -j KUBE-SEP-FZQ6KZLGXRSKN2AD")]
    [InlineData("no-masquerade", "-j MASQUERADE --random-fully", "-j RETURN")]
    [InlineData("duplicate-jump", "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
        "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES")]
    [InlineData("answered-by-other-rule", "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
        "-A PREROUTING -d 172.30.0.0/16 -p tcp -j DNAT --to-destination 10.9.9.9\n-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES")]
    [InlineData("shadowed-rule", "-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp",
        "-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp -m comment --comment \"shop/thief:http cluster IP\" -m tcp --dport 80 -j KUBE-SVC-I5LIAMPLWKMBJ54B\n-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp")]
    [InlineData("unused-chain", "-A KUBE-SERVICES -d 172.30.10.7/32 -p tcp -m comment --comment \"shop/agent:grpc cluster IP\" -m tcp --dport 4317 -j KUBE-SVL-F3FZM6KWP74DII3H", "# gone")]
    public void Damage_is_found_and_named(string code, string before, string after)
    {
        string text = System.IO.File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", Dumps.Save136)).Replace("[0:0] -A", "-A", StringComparison.Ordinal);
        Assert.Contains(before, text, StringComparison.Ordinal);
        Assert.Contains(Check(Dumps.Text(text.Replace(before, after, StringComparison.Ordinal))), finding => finding.Code == code);
    }

    [Fact]
    public void Two_proxies_at_once_are_found()
    {
        Assert.Contains(Check(Dumps.Read(Dumps.Save136, "harbor/kube-proxy-1.36/nft-list-ruleset.txt")), finding => finding.Code == "two-proxies");
    }

    private static ImmutableArray<Finding> Check(Ruleset rules)
    {
        ServiceCatalogue catalogue = ServiceCatalogue.Read(rules, Dumps.NodeA);
        return RuleChecker.Check(rules, catalogue, Dumps.NodeA, new ChainGuide(catalogue), cluster: null);
    }
}
