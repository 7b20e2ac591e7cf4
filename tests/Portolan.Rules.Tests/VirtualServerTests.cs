using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Rules.Tests;

/// <summary>Virtual servers of IPVS, from what ipvsadm prints.</summary>
public sealed class VirtualServerTests
{
    private static VirtualServer Find(Ruleset rules, string name) => rules.VirtualServers!.Value.Single(server => server.Name == name);

    [Theory]
    [InlineData("rules/ipvsadm-Ln.txt")]
    [InlineData("rules/ipvsadm-Sn.txt")]
    public void Table_and_saved_form_say_the_same(string file)
    {
        Ruleset rules = Dumps.Read(file);
        Assert.Empty(rules.Problems);
        Assert.Equal(
        [
            "tcp 10.0.0.1:80", "tcp 10.0.0.2:443", "tcp 10.0.0.3:0", "tcp 10.0.0.4:80", "udp 10.0.0.1:53", "sctp 10.0.0.9:9899",
            "tcp [fd00:10:96::1]:443", "mark 0x1 (IPv4)", "mark 0x4000 (IPv6)",
        ], rules.VirtualServers!.Value.Select(server => server.Name));
        VirtualServer weighted = Find(rules, "tcp 10.0.0.1:80");
        Assert.Equal(("wrr", TimeSpan.FromSeconds(10800), false), (weighted.Scheduler, weighted.Persistence, weighted.IsIncomplete));
        Assert.Equal(
        [
            new RealServer(InetAddress.Parse("10.1.0.1"), 8080, ForwardingMethod.Masquerading, 3),
            new RealServer(InetAddress.Parse("10.1.0.2"), 8080, ForwardingMethod.Masquerading, 0),
        ], weighted.Servers);
        VirtualServer packets = Find(rules, "udp 10.0.0.1:53");
        Assert.True(packets.IsOnePacket);
        Assert.Equal([ForwardingMethod.DirectRouting, ForwardingMethod.Tunnelling], packets.Servers.Select(real => real.Method));
        Assert.Equal(["sh-fallback", "sh-port"], Find(rules, "tcp 10.0.0.2:443").SchedulerFlags);
        Assert.Empty(Find(rules, "tcp 10.0.0.4:80").Servers);
        Assert.Equal(new RealServer(InetAddress.Parse("fd00:244:1::5"), 8443, ForwardingMethod.Masquerading, 1),
            Assert.Single(Find(rules, "tcp [fd00:10:96::1]:443").Servers));
        VirtualServer marked = Find(rules, "mark 0x4000 (IPv6)");
        Assert.Equal((IpFamily.IPv6, 7u), (marked.Family, Assert.Single(marked.Servers).Weight));
        Assert.Equal(TimeSpan.FromSeconds(300), Find(rules, "mark 0x1 (IPv4)").Persistence);
    }

    [Fact]
    public void Both_forms_of_one_node_are_one_list()
    {
        Ruleset rules = Dumps.Read("harbor/portolan-ipvs/ipvsadm-Ln.txt", "harbor/portolan-ipvs/ipvsadm-Sn.txt");
        Assert.Empty(rules.Problems);
        Assert.Equal(19, rules.VirtualServers!.Value.Length);
        Assert.Equal(7, Find(rules, "tcp 172.30.5.207:443").Servers.Length);
    }

    /// <summary>As somebody runs the commands for a report: all of them into one file, in any order.</summary>
    [Fact]
    public void Listings_of_all_tools_in_one_paste_are_all_read()
    {
        string iptables = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n", nft = "table ip portolan-ipvs {\n\tset addresses {\n"
            + "\t\ttype ipv4_addr\n\t\telements = { 10.96.0.1 }\n\t}\n}\n";
        const string servers = "-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r 10.244.1.2:8443 -m -w 1\n";
        const string listed = """
            IP Virtual Server version 1.2.1 (size=4096)
            Prot LocalAddress:Port Scheduler Flags
              -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
            TCP  10.96.0.1:80 rr
              -> 10.244.1.2:8080              Masq    1      0          0

            """;
        const string sets = "Name: KUBE-CLUSTER-IP\nType: hash:ip,port\nHeader: family inet\nMembers:\n10.96.0.1,tcp:443\n\n";
        const string routes = "local 10.96.0.1 dev lo proto 112 scope host src 192.168.0.2 metric 1024\n";
        foreach (string text in (string[])[iptables + "COMMIT\n" + servers + nft + sets + listed + routes,
            listed + sets + routes + servers + iptables + "COMMIT\n" + nft, sets + servers + listed + nft + routes + iptables + "COMMIT\n",
            "$ iptables-save\n" + iptables + "COMMIT\n$ ipvsadm -Sn\n" + servers + "$ ipvsadm -Ln\n" + listed + "$ ipset list\n" + sets
                + "$ ip route show table local\n" + routes + nft])
        {
            Ruleset rules = Dumps.ReadText(text);
            Assert.Empty(rules.Problems);
            Assert.Equal(["tcp 10.96.0.1:443", "tcp 10.96.0.1:80"], rules.VirtualServers!.Value.Select(server => server.Name).Order());
            Assert.All(rules.VirtualServers.Value, server => Assert.Single(server.Servers));
            Assert.Single(rules.IpSets["KUBE-CLUSTER-IP"].Entries);
            Assert.Equal("local", Assert.Single(rules.Routes).Table);
            Assert.Equal(["filter", "portolan-ipvs"], rules.Tables.Select(table => table.Name).Order());
            Assert.Single(rules.FindTable(TableFamily.Ip, "filter")!.FindChain("INPUT")!.Rules);
        }
        // A dump of iptables without its end is named, and what follows is read all the same.
        Ruleset cut = Dumps.ReadText(iptables + servers + listed);
        Assert.Equal(2, cut.VirtualServers!.Value.Length);
        Assert.Contains("COMMIT", Assert.Single(cut.Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("> ")]
    [InlineData("12: ")]
    [InlineData("dump.txt:12:")]
    [InlineData("    ")]
    [InlineData("$ sudo ipvsadm ")]
    public void What_pasting_puts_before_the_lines_is_taken_off(string before)
    {
        string text = string.Join('\n', File.ReadLines(Dumps.PathOf("rules/ipvsadm-Sn.txt")).Select(line => before + line)) + "\n";
        Ruleset rules = Dumps.ReadText(text);
        Assert.DoesNotContain(rules.Problems, problem => problem.Severity == ReadSeverity.Partial);
        Assert.Equal(Dumps.Read("rules/ipvsadm-Sn.txt").VirtualServers!.Value.Select(server => (server.Name, server.Servers)),
            rules.VirtualServers!.Value.Select(server => (server.Name, server.Servers)));
    }

    [Theory]
    [InlineData("TCP  10.96.0.1:99999 rr\n", 1, "has a name in place of an address or a port")]
    [InlineData("TCP  kubernetes.default:https rr\n  -> 10-1-0-3.example:8443 Masq 1 0 0\n", 1, "'ipvsadm -Ln'")]
    [InlineData("TCP  10.96.0.1:443 rr\n  -> 10.1.0.3:8443 Masq many 0 0\n", 2, "is not a real server of tcp 10.96.0.1:443")]
    [InlineData("TCP  10.96.0.1:443 rr\n  -> 10.1.0.3:8443 Mas", 2, "is cut off")]
    [InlineData("FWM  -7 rr\n", 1, "is not a virtual server")]
    [InlineData("-a -t 10.96.0.1:443 -r 10.1.0.3:8443 -m -w 1\n", 1, "is not listed before its real server")]
    [InlineData("-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r 10.1.0.3:8443 -m -w", 2, "was not understood or is cut off")]
    [InlineData("-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r nowhere -m -w 1\n", 2, "was not understood or is cut off")]
    [InlineData("-A -t 10.96.0.1:443 -s rr\n-A -t 10.96.0.1:443 -s rr\n", 2, "is listed twice")]
    [InlineData("Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n"
        + "TCP  10.0.0.1:80                         0        0        0        0        0\n"
        + "  -> 10.1.0.1:8080                       0        0        0        0        0\n", 1, "neither schedulers nor weights")]
    public void What_is_not_understood_is_named_and_the_rest_is_read(string text, int line, string message)
    {
        Ruleset rules = Dumps.ReadText(text.StartsWith('-') || text.StartsWith("Prot", StringComparison.Ordinal) ? text
            : "Prot LocalAddress:Port Scheduler Flags\n" + text);
        line += text.StartsWith('-') || text.StartsWith("Prot", StringComparison.Ordinal) ? 0 : 1;
        ReadProblem problem = Assert.Single(rules.Problems);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.Equal((line, ReadSeverity.Partial), (problem.Line, problem.Severity));
    }

    [Fact]
    public void A_virtual_server_with_a_row_that_is_not_understood_is_incomplete()
    {
        Ruleset rules = Dumps.ReadText("-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r 10.1.0.3:8443 -m -w 1\n"
            + "-a -t 10.96.0.1:443 -r nowhere -m -w 1\n-A -t 10.96.0.2:443 -s rr\n");
        Assert.Equal([true, false], rules.VirtualServers!.Value.Select(server => server.IsIncomplete));
        Assert.Single(rules.VirtualServers.Value[0].Servers);
    }

    [Fact]
    public void Two_dumps_that_disagree_are_named()
    {
        Ruleset rules = Dumps.ReadText("-A -t 10.96.0.1:443 -s rr\n", "-A -t 10.96.0.1:443 -s wlc\n");
        Assert.Equal("rr", Assert.Single(rules.VirtualServers!.Value).Scheduler);
        Assert.Contains("differs from the one read before", Assert.Single(rules.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_without_virtual_servers_is_not_one_that_was_not_asked()
    {
        Assert.Empty(Dumps.ReadText("IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n"
            + "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n").VirtualServers!.Value);
        Assert.Null(Dumps.Read("rules/ipset-save.txt").VirtualServers);
    }

    [Fact]
    public void Ipset_list_says_what_ipset_save_says()
    {
        Ruleset listed = Dumps.Read("rules/ipset-list.txt");
        Assert.Empty(listed.Problems);
        Assert.Equal(["KUBE-6-CLUSTER-IP", "KUBE-CLUSTER-IP", "KUBE-NODE-PORT-TCP", "e", "t"],
            listed.IpSets.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((IpFamily.IPv6, "hash:ip,port"),
            (listed.IpSets["KUBE-6-CLUSTER-IP"].Family, listed.IpSets["KUBE-6-CLUSTER-IP"].Type));
        Assert.Equal(new IpSetPort(IpProtocol.Tcp, 443, 443), Assert.Single(listed.IpSets["KUBE-CLUSTER-IP"].Entries).Parts[1]);
        Assert.Equal(TimeSpan.FromSeconds(100), listed.IpSets["t"].Timeout);
        Ruleset entries = Dumps.ReadText("Name: a\nType: hash:ip,port\nHeader: family inet timeout 600 comment\nMembers:\n"
            + "172.30.5.207,tcp:443 timeout 0 comment \"shop/web http\"\n\nName: b\nType: hash:ip\nMembers:\n10.0.0.1\nnot,one\n");
        Assert.Equal("shop/web http", Assert.Single(entries.IpSets["a"].Entries).Comment);
        Assert.True(entries.IpSets["b"].IsIncomplete);
        Assert.Equal(11, Assert.Single(entries.Problems).Line);
        Assert.True(Dumps.ReadText("Name: a\nType: hash:ip,port\nRevision: 7\n").IpSets["a"].IsIncomplete);
    }
}
