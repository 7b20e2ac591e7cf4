using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Testing.Dumps;

namespace Portolan.Rules.Tests;

public sealed class OtherInputTests
{
    [Fact]
    public void Ipsets_are_read_with_their_entries()
    {
        Ruleset ruleset = Dumps.Read("rules/ipset-save.txt");
        Assert.Empty(ruleset.Problems);
        IpSet frontends = ruleset.IpSets["frontends"];
        Assert.Equal([IpSetDimension.Ip, IpSetDimension.Port], frontends.Dimensions);
        Assert.Equal(TimeSpan.FromMinutes(10), frontends.Timeout);
        InetAddress first = InetAddress.Parse("172.30.5.207");
        Assert.Equal(new IpSetEntry([new IpSetAddress(first, first), new IpSetPort(IpProtocol.Tcp, 443, 443)], Comment: "default/testsvc"),
            frontends.Entries[0]);
        Assert.Equal(3, frontends.Entries.Length);
        Assert.True(ruleset.IpSets["triples"].Entries.Single(entry => entry.NoMatch).Parts[2] is IpSetAddress { Last: var last }
            && last == InetAddress.Parse("10.1.255.255"));
        Assert.Equal(IpFamily.IPv6, ruleset.IpSets["nets6"].Family);
        Assert.Equal([30031, 30080, 30081, 30082], ruleset.IpSets["ports"].Entries.Select(entry => (int)((IpSetPort)entry.Parts[0]).First));
        Assert.Equal([new IpSetMember("clients"), new IpSetMember("range")],
            ruleset.IpSets["both"].Entries.Select(entry => entry.Parts[0]));
        Assert.Contains(ruleset.IpSets["links"].Entries, entry => entry.Parts[1] is IpSetInterface { Name: "veth0", IsPhysdev: true });
    }

    [Fact]
    public void Lists_of_the_recent_match_are_read_with_the_age_of_their_entries()
    {
        // Of a kernel with 250 jiffies to the second.
        Ruleset ruleset = Dumps.Read("rules/recent-lists.txt");
        Assert.Empty(ruleset.Problems);
        RecentClients clients = ruleset.RecentClients!;
        Assert.Equal([1004, 4], clients.AgesOf("KUBE-SEP-A", InetAddress.Parse("203.0.113.9"))
            .Select(static age => (int)age.TotalMilliseconds));
        Assert.Equal([4], clients.AgesOf("KUBE-SEP-B", InetAddress.Parse("2001:db8::1")).Select(static age => (int)age.TotalMilliseconds));
        Assert.Empty(clients.AgesOf("KUBE-SEP-C", InetAddress.Parse("203.0.113.9")));
        Assert.Empty(clients.AgesOf("KUBE-SEP-B", InetAddress.Parse("203.0.113.9")));
    }

    /// <summary>Five minutes after the start the two clocks fit every frequency.</summary>
    [Theory]
    [InlineData("/proc/timer_list:now at 7185647838982 nsecs\n/proc/timer_list:jiffies: 4296688631\n")]
    [InlineData("/proc/timer_list:now at 300000000000 nsecs\n/proc/timer_list:jiffies: 4294967296\n")]
    public void A_kernel_without_entries_remembers_nobody(string clock)
    {
        Ruleset ruleset = Dumps.ReadText(clock);
        Assert.Empty(ruleset.Problems);
        Assert.Empty(ruleset.RecentClients!.AgesOf("A", InetAddress.Parse("203.0.113.9")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/proc/timer_list:now at 7185647838982 nsecs\n/proc/timer_list:jiffies: 18446744073709551615\n")]
    [InlineData("/proc/timer_list:now at 300000000000 nsecs\n/proc/timer_list:jiffies: 4294967296\n")]
    public void Without_a_clock_that_is_understood_it_is_not_known_who_is_remembered(string clock)
    {
        Ruleset ruleset = Dumps.ReadText("/proc/net/xt_recent/A:src=203.0.113.9 ttl: 64 last_seen: 1 oldest_pkt: 1 1\n" + clock);
        Assert.Null(ruleset.RecentClients);
        Assert.Contains(ruleset.Problems, problem => problem.Message.Contains("/proc/timer_list", StringComparison.Ordinal));
    }

    [Fact]
    public void An_entry_of_a_list_that_is_cut_is_named_and_the_rest_is_read()
    {
        Ruleset ruleset = Dumps.ReadText("""
            /proc/net/xt_recent/A:src=203.0.113.9 ttl: 64 last_
            /proc/net/xt_recent/A:src=203.0.113.10 ttl: 64 last_seen: 1 oldest_pkt: 1 1
            /proc/timer_list:now at 7185647838982 nsecs
            /proc/timer_list:jiffies: 4296688631
            """);
        Assert.Equal(1, Assert.Single(ruleset.Problems).Line);
        Assert.Single(ruleset.RecentClients!.AgesOf("A", InetAddress.Parse("203.0.113.10")));
    }

    [Theory]
    [InlineData("rules/ip-addr.json")]
    [InlineData("rules/ip-addr-pretty.json")]
    public void Local_addresses_are_read_with_their_interfaces(string file)
    {
        Ruleset ruleset = Dumps.Read(file);
        Assert.Empty(ruleset.Problems);
        NetInterface lo = Assert.Single(ruleset.Interfaces!.Value, found => found.Name == "lo");
        Assert.Equal((true, true), (lo.IsLoopback, lo.IsUp));
        NetInterface link = Assert.Single(ruleset.Interfaces!.Value, found => found.Name == "v0");
        Assert.Contains(new InterfaceAddress(InetAddress.Parse("192.168.10.11"), 24, default, default, "global"), link.Addresses);
        Assert.Contains(link.Addresses, address => address.Address == InetAddress.Parse("fd00:10::11") && address.PrefixLength == 64);
    }

    [Fact]
    public void Without_addresses_in_the_input_there_are_none_to_speak_of() => Assert.Null(Dumps.Read("rules/ipset-save.txt").Interfaces);

    [Fact]
    public void One_file_may_hold_everything()
    {
        string[] files = ["rules/iptables-nft-save.txt", "harbor/kube-proxy-1.36/nft-list-ruleset.txt", "rules/nft-sample.json",
            "rules/ipset-save.txt", "rules/ip-addr.json"];
        Ruleset apart = Dumps.Read(files);
        Ruleset together = Dumps.ReadText(string.Join("\nand then:\n", files.Select(file => File.ReadAllText(Dumps.PathOf(file)))));
        Assert.Equal(apart.Tables.Select(table => (table.Family, table.Name, table.Chains.Length)),
            together.Tables.Select(table => (table.Family, table.Name, table.Chains.Length)));
        Assert.Equal(apart.IpSets.Count, together.IpSets.Count);
        Assert.Equal(apart.Interfaces!.Value.AsEnumerable(), together.Interfaces!.Value.AsEnumerable());
    }

    [Fact]
    public void Tables_of_iptables_nft_stand_where_nft_lists_them_in_the_words_of_iptables()
    {
        static string Table(string name) =>
            $"table ip {name} {{\n chain FORWARD {{\n  type filter hook forward priority filter; policy accept;\n }}\n}}\n";
        const string Save = "# Generated by iptables-save v1.8.9 (nf_tables) on Wed Nov 25 16:39:17 2026\n*mangle\n:FORWARD ACCEPT " +
            "[0:0]\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n";

        Ruleset ruleset = Dumps.ReadText(Save + Table("one") + Table("filter") + Table("two") + Table("mangle")).WithoutTranslations();

        Assert.Equal(["one Nftables", "filter IptablesNft", "two Nftables", "mangle IptablesNft"],
            ruleset.Tables.Select(table => $"{table.Name} {table.Backend}"));
    }

    [Fact]
    public void The_output_of_iptables_S_is_read_like_a_dump()
    {
        Ruleset ruleset =
            Dumps.ReadText("# iptables -t nat -S\n-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT DROP\n-P POSTROUTING ACCEPT\n-N X\n-A " +
            "PREROUTING -p tcp --dport 80 -j X\n");
        RuleTable table = Assert.Single(ruleset.Tables);
        Assert.Equal(("nat", false), (table.Name, table.IsExcerpt));
        Assert.Equal(VerdictKind.Drop, table.FindChain("OUTPUT")!.Base!.Policy);
        Assert.Contains(new PortMatch(PacketSide.Destination, [new(80, 80)]), table.FindChain("PREROUTING")!.Rules[0].Statements);
    }

    [Fact]
    public void The_family_of_a_dump_without_header_is_told_by_its_addresses() =>
        Assert.Equal(TableFamily.Ip6,
        Dumps.ReadText("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s fd00::/8 -j DROP\nCOMMIT\n").Tables[0].Family);

    [Fact]
    public void A_large_dump_loses_no_rule()
    {
        var text = new StringWriter();
        KubeProxyDump.Write(text, services: 300, endpoints: 5);
        Ruleset ruleset = Dumps.ReadText(text.ToString());
        Assert.Empty(ruleset.Problems);
        RuleTable nat = Assert.Single(ruleset.Tables);
        Assert.Equal(300 * 17 + 8, nat.Chains.Sum(chain => chain.Rules.Length));
        Assert.Equal(8 + 1 + 300 * 6, nat.Chains.Length);
        Assert.All(nat.FindChain("KUBE-SERVICES")!.Rules[..300],
            rule => Assert.NotNull(nat.FindChain(((VerdictStatement)rule.Target!).Verdict.Chain!)));
    }

    [Fact]
    public void Rules_show_the_text_they_were_read_from()
    {
        Ruleset ruleset = Dumps.Read("harbor/kube-proxy-1.36/iptables-save.txt");
        string[] lines = File.ReadAllLines(Dumps.PathOf("harbor/kube-proxy-1.36/iptables-save.txt"));
        Assert.All(ruleset.Tables.SelectMany(table => table.Chains).SelectMany(chain => chain.Rules),
            rule => Assert.Equal(lines[rule.Source.Line - 1], rule.Source.Text));
    }
}
