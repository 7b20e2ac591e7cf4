using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>Corners of the kernel in which a simulator goes wrong easily: each was a disagreement with real packets once.</summary>
public sealed class KernelCornerTests
{
    private static readonly NodeAddresses s_node = new(
    [
        new NetInterface(1, "lo", true, true, [Own("127.0.0.1", 8), Own("::1", 128)]),
        new NetInterface(2, "ext0", true, false, [Own("192.168.0.2", 32), Own("fd00::2", 128)]),
    ]);

    [Fact]
    public void A_reset_without_a_connection_is_invalid_and_no_nat_rule_sees_it() => Assert.Equal(
        ["drop 10.0.0.9:80 100"],
        Iptables("-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1", "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
            Tcp() with { TcpFlags = TcpFlags.Rst }));

    [Fact]
    public void Neighbour_discovery_is_not_tracked() => Assert.Equal(
        ["drop fd00::9 100"],
        Show("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m state --state UNTRACKED -j DROP\nCOMMIT\n",
            new()
            {
                Source = InetAddress.Parse("fd00::7"),
                Destination = InetAddress.Parse("fd00::9"),
                Protocol = IpProtocol.IcmpV6,
                IcmpType = 135
            }, isIPv6: true));

    /// <summary>An echo request (8, 0) is one of its connection's "port" 0x800.</summary>
    [Theory, InlineData("tcp . 80", "forward"), InlineData("icmp . 2048", "drop"), InlineData("icmp . 80", "forward")]
    public void A_connection_of_ICMP_has_type_and_code_for_a_port(string element, string verdict) => Assert.Equal(
        [$"{verdict} 10.0.0.9 100"],
        Nft($"set s {{\n type ipv4_addr . inet_proto . inet_service\n elements = {{ 10.0.0.9 . {element} }}\n}}",
            "ct original ip daddr . meta l4proto . ct original proto-dst @s drop",
            new()
            {
                Source = InetAddress.Parse("10.0.0.7"),
                Destination = InetAddress.Parse("10.0.0.9"),
                Protocol = IpProtocol.Icmp
            }));

    [Fact]
    public void A_status_of_NONE_never_holds() =>
        Assert.Equal(["forward 10.0.0.9:80 100"], Iptables("", "-A FORWARD -m conntrack --ctstatus NONE -j DROP", Tcp()));

    [Fact]
    public void Without_a_connection_only_the_state_is_asked() => Assert.Equal(
        ["drop 10.0.0.9:80 100"],
        Iptables("", "-A FORWARD -m conntrack --ctstate INVALID --ctorigdst 1.2.3.4 -j DROP",
            Tcp() with { State = ConntrackStates.Invalid }));

    [Fact]
    public void A_client_is_in_the_list_that_an_earlier_rule_put_it_into() => Assert.Equal(
        ["drop 10.0.0.9:80 100"],
        Iptables("", "-A FORWARD -m recent --set --name A --rsource\n-A FORWARD -m recent --rcheck --seconds 9 --name A --rsource -j DROP",
            Tcp()));

    [Fact]
    public void Hits_in_a_list_are_counted_and_a_removed_client_is_gone() => Assert.Equal(
        ["forward 10.0.0.9:80 100"],
        Iptables("", """
            -A FORWARD -m recent --set --name A --rsource
            -A FORWARD -m recent --rcheck --hitcount 2 --name A --rsource -j DROP
            -A FORWARD -m recent --remove --name A --rsource
            -A FORWARD -m recent --rcheck --name A --rsource -j DROP
            """, Tcp()));

    [Theory]
    [InlineData("10.0.0.7", 5, "10.0.0.2:80 100")]
    [InlineData("10.0.0.7", 20, "10.0.0.1:80 100")]
    [InlineData("10.0.0.8", 5, "10.0.0.1:80 100")]
    public void A_client_that_the_kernel_remembers_goes_where_it_was_until_the_time_is_over(string client, int ago, string expected)
    {
        const string rules = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m recent --rcheck --seconds 10 --reap --name B --rsource -j " +
            "DNAT --to-destination 10.0.0.2\n"
            + "-A PREROUTING -m recent --set --name A --rsource -j DNAT --to-destination 10.0.0.1\nCOMMIT\n";
        string lists = $"/proc/net/xt_recent/B:src={client} ttl: 64 last_seen: {4296688631 - 250 * ago} oldest_pkt: 1 " +
            $"{4296688631 - 250 * ago}\n"
            + "/proc/timer_list:now at 7185647838982 nsecs\n/proc/timer_list:jiffies: 4296688631\n";
        foreach (bool isFresh in (bool[])[true, false])
            Assert.Equal([$"forward {expected}"],
                Show(rules + lists, Tcp() with { Source = InetAddress.Parse("10.0.0.7"), ClientIsFresh = isFresh }));
    }

    [Fact]
    public void A_fresh_client_says_nothing_of_lists_of_destinations() => Assert.StartsWith(
        "whether 10.0.0.9 is in the list 'A'",
        Assert.Single(Trace("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m recent --rcheck --name A --rdest -j DROP\nCOMMIT\n",
            Tcp()).Outcomes).Reason, StringComparison.Ordinal);

    [Fact]
    public void A_set_with_more_dimensions_than_the_rule_asks_for_never_holds() => Assert.Equal(
        ["forward 10.0.0.9:80 100"],
        Show("create S hash:ip,port family inet\nadd S 10.0.0.9,tcp:80\n" + Filter("-A FORWARD -m set --match-set S dst -j DROP"), Tcp()));

    [Fact]
    public void A_bitmap_of_ports_takes_tcp_and_udp_only() => Assert.Equal(
        ["forward 10.0.0.9:80 100"],
        Show("create S bitmap:port range 0-1000\nadd S 80\n" + Filter("-A FORWARD -m set --match-set S dst -j DROP"),
            Tcp() with { Protocol = IpProtocol.Sctp }));

    [Fact]
    public void A_network_with_another_interface_hides_a_larger_one() => Assert.Equal(
        ["forward 10.0.0.9:80 100"],
        Show("create S hash:net,iface family inet\nadd S 0.0.0.0/1,ext0\nadd S 10.0.0.0/24,pod0\n"
            + Filter("-A FORWARD -m set --match-set S dst,src -j DROP"), Tcp()));

    [Fact]
    public void In_IPv6_a_local_address_is_unicast_too_and_all_types_must_hold()
    {
        PacketSpec packet = new()
        {
            Source = InetAddress.Parse("fd00::7"),
            Destination = InetAddress.Parse("fd00::2"),
            Protocol = IpProtocol.Udp,
            SourcePort = 1,
            DestinationPort = 2
        };
        Assert.Equal(["drop [fd00::2]:2 100"],
            Show("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m addrtype --dst-type UNICAST -j DROP\nCOMMIT\n", packet, isIPv6: true));
        Assert.Equal(["local [fd00::2]:2 100"],
            Show("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m addrtype --dst-type MULTICAST,UNICAST -j DROP\nCOMMIT\n", packet,
            isIPv6: true));
    }

    [Fact]
    public void Limited_to_an_interface_an_address_of_another_is_unicast() => Assert.Equal(
        ["drop 192.168.0.2:80 100"],
        Show("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m addrtype --dst-type UNICAST --limit-iface-in -j DROP\nCOMMIT\n",
            Tcp("192.168.0.2") with { InInterface = "lo" }));

    // As the kernel chose for 203.0.113.x in the laboratory; with --persistent the destination does not count.
    [Fact]
    public void Which_address_of_a_range_a_client_gets_is_no_chance()
    {
        string[] any = Iptables("-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.3", "", Tcp());
        Assert.EndsWith(" 100", Assert.Single(any), StringComparison.Ordinal);
        const string Persistent = "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.3 --persistent";
        Assert.Equal(Iptables(Persistent, "", Tcp("10.0.0.9")), Iptables(Persistent, "", Tcp("10.0.0.10")));
    }

    [Fact]
    public void The_security_table_comes_before_nat_INPUT_and_in_iptables_nft_after_it()
    {
        const string Rules = """
            *security
            :INPUT ACCEPT [0:0]
            -A INPUT -s 192.168.0.2/32 -j DROP
            COMMIT
            *nat
            :INPUT ACCEPT [0:0]
            -A INPUT -j SNAT --to-source 192.168.0.2
            COMMIT
            """;
        Assert.Equal(["local 192.168.0.2:80 100"],
            Show("# Generated by iptables-save v1.8.9 on Wed Nov 25 16:39:17 2026\n" + Rules, Tcp("192.168.0.2")));
        Assert.Equal(["drop 192.168.0.2:80 100"],
            Show("# Generated by iptables-save v1.8.9 (nf_tables) on Wed Nov 25 16:39:17 2026\n" + Rules, Tcp("192.168.0.2")));
    }

    [Fact]
    public void Nobody_answers_a_reset_with_a_reset() => Assert.Equal(
        ["drop 10.0.0.9:80 100"],
            Iptables("", "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset", Tcp() with { TcpFlags = TcpFlags.Rst }));

    [Fact]
    public void Later_fragments_have_no_ports_and_with_conntrack_no_rule_sees_them()
    {
        PacketSpec fragment = Tcp() with { IsLaterFragment = true };
        Assert.Equal(["drop 10.0.0.9 100"],
            Show(Filter("-A FORWARD -p tcp -m tcp ! --dport 1 -j ACCEPT\n-A FORWARD -f -j DROP"), fragment));
        Assert.Equal(OutcomeVerdict.Unknown,
            Assert.Single(Trace(Filter("-A FORWARD -m state --state NEW -f -j DROP"), fragment).Outcomes).Verdict);
    }

    [Fact]
    public void The_mark_of_an_old_connection_is_unknown_until_rules_set_it()
    {
        PacketSpec old = Tcp() with { State = ConntrackStates.Established };
        Assert.Equal(OutcomeVerdict.Unknown,
            Assert.Single(Trace(Filter("-A FORWARD -m connmark --mark 0x1/0x1 -j DROP"), old).Outcomes).Verdict);
        Assert.Equal(["drop 10.0.0.9:80 100"],
            Show(Filter("-A FORWARD -j CONNMARK --restore-mark\n-A FORWARD -j MARK --or-mark 0x1\n-A FORWARD -m mark --mark 0x1/0x1 -j " +
            "DROP"), old));
    }

    [Fact]
    public void What_an_old_connection_may_have_become_is_listed()
    {
        Outcome outcome =
            Assert.Single(
            Trace("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m statistic --mode random --probability 0.5 -j DNAT --to-destination " +
            "10.0.0.1\n-A PREROUTING -j DNAT --to-destination 10.0.0.2\nCOMMIT\n",
            Tcp() with { State = ConntrackStates.Established }).Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, outcome.Verdict);
        Assert.Equal(["10.0.0.1", "10.0.0.2"], outcome.Candidates.Select(candidate => candidate.Destination.ToString()).Order());
    }

    [Fact]
    public void A_packet_finds_what_it_wrote_into_a_dynamic_set() => Assert.Equal(
        ["drop 10.0.0.9:80 100"],
        Nft("set seen {\ntype ipv4_addr\nflags dynamic,timeout\ntimeout 1m\n}", "update @seen { ip saddr }\nip saddr @seen drop", Tcp()));

    [Fact]
    public void Continue_in_a_verdict_map_goes_on_in_the_rule_and_a_missing_element_does_not()
    {
        Assert.Equal(["drop 10.0.0.9:80 100"], Nft("", "tcp dport vmap { 80 : continue } drop", Tcp()));
        Assert.Equal(["forward 10.0.0.9:80 100"], Nft("", "tcp dport vmap { 81 : continue } drop", Tcp()));
    }

    [Fact]
    public void Reject_with_a_reset_is_for_tcp_only() =>
        Assert.Equal(["forward 10.0.0.9:80 100"], Nft("", "reject with tcp reset", Tcp() with { Protocol = IpProtocol.Udp }));

    [Fact]
    public void What_stands_at_the_ports_place_of_a_ping_is_in_no_range_for_sure()
    {
        PacketSpec ping = new()
        {
            Source = InetAddress.Parse("203.0.113.9"),
            Destination = InetAddress.Parse("10.0.0.9"),
            Protocol = IpProtocol.Icmp
        };
        Ruleset rules =
            Dumps.Text("table ip t {\n set s {\n type inet_service\n flags interval\n elements = { 1-100 }\n }\n chain c {\n type filter " +
            "hook forward priority 0; policy accept;\n th dport @s drop\n }\n}\n");
        Assert.Equal(OutcomeVerdict.Unknown, Assert.Single(new PacketSimulator(rules, s_node).Trace(ping).Outcomes).Verdict);
    }

    [Theory]
    [InlineData("random", OutcomeVerdict.Unknown)]
    [InlineData("fully-random", OutcomeVerdict.Unknown)]
    [InlineData("persistent", OutcomeVerdict.Drop)]
    public void A_source_that_is_translated_at_random_has_a_port_that_no_rule_can_know(string flag, OutcomeVerdict expected) =>
        Assert.Equal(
        expected,
        Assert.Single(Trace($$"""
            table ip t {
             chain nat {
              type nat hook postrouting priority srcnat; policy accept;
              snat to 192.168.0.2 {{flag}}
             }
             chain c {
              type filter hook postrouting priority 110; policy accept;
              tcp sport 1234 drop
             }
            }

            """, Tcp() with { SourcePort = 1234 }).Outcomes).Verdict);

    [Theory]
    [InlineData("", "forward 10.0.0.9 100")]
    [InlineData(" --random", "drop 10.0.0.9 100")]
    public void A_ping_that_is_translated_at_random_to_where_it_goes_counts_as_translated(string flag, string expected) => Assert.Equal(
        [expected],
        Iptables($"-A PREROUTING -j DNAT --to-destination 10.0.0.9{flag}", "-A FORWARD -m conntrack --ctstate DNAT -j DROP", new()
        {
            Source = InetAddress.Parse("203.0.113.9"),
            Destination = InetAddress.Parse("10.0.0.9"),
            Protocol = IpProtocol.Icmp,
        }));

    [Theory]
    [InlineData("", "forward 10.0.0.9:80 100")]
    [InlineData("ct state invalid drop", "drop 10.0.0.9:80 100")]
    public void Packets_pass_through_nat_chains_only_when_a_rule_needs_connections(string need, string expected) => Assert.Equal([expected], Show($$"""
        table ip t {
         chain nat {
          type nat hook prerouting priority dstnat; policy accept;
          meta mark set 0x00000001
         }
         chain c {
          type filter hook forward priority filter; policy accept;
          meta mark 0x00000001 drop
          {{need}}
         }
        }

        """, Tcp()));

    [Theory]
    [InlineData("meta mark 0x00000001 drop", "meta mark set 0x00000001", "drop 10.0.0.9:80 100")]
    [InlineData("meta mark set 0x00000001", "meta mark 0x00000001 drop", "forward 10.0.0.9:80 100")]
    public void Of_chains_with_one_priority_that_of_the_last_table_comes_first_and_trace_says_so(string inFirst, string inLast,
        string expected)
    {
        static string Table(string name, string rule) =>
            $"table ip {name} {{\n chain c {{\n  type filter hook forward priority filter; policy accept;\n  {rule}\n }}\n}}\n";
        TraceResult result = Trace(Table("a", inFirst) + Table("b", inLast), Tcp());
        Assert.Equal([expected], Dumps.Show(result));
        Assert.Contains("In the other order", Assert.Single(result.Caveats), StringComparison.Ordinal);
        Assert.Empty(Trace(Table("a", "meta mark 0x00000002 drop") + Table("b", inLast), Tcp()).Caveats);
    }

    [Fact]
    public void A_socket_is_left_behind_on_the_loopback_device() => Assert.Equal(
        ["local 192.168.0.2:80 100"],
        Show("table ip t {\n chain c {\n type filter hook input priority 0; policy accept;\n meta skuid 0 drop\n }\n}\n",
            Tcp("192.168.0.2") with { Source = InetAddress.Parse("192.168.0.2"), IsFromNode = true, UserId = 0, InInterface = null }));

    private static string[] Iptables(string nat, string filter, PacketSpec packet) =>
        Show($"*nat\n:PREROUTING ACCEPT [0:0]\n{nat}\nCOMMIT\n{Filter(filter)}", packet);

    private static string Filter(string rules) => $"*filter\n:FORWARD ACCEPT [0:0]\n{rules}\nCOMMIT\n";

    private static string[] Nft(string sets, string rules, PacketSpec packet) =>
        Show($"table ip t {{\n{sets}\n chain c {{\n type filter hook forward priority 0; policy accept;\n{rules}\n }}\n}}\n", packet);

    private static string[] Show(string rules, PacketSpec packet, bool isIPv6 = false) =>
        Dumps.Show(Trace(isIPv6 ? "# Generated by ip6tables-save v1.8.9 on Wed Nov 25 16:39:17 2026\n" + rules : rules, packet));

    private static TraceResult Trace(string rules, PacketSpec packet) => new PacketSimulator(Dumps.Text(rules), s_node).Trace(packet);

    private static PacketSpec Tcp(string destination = "10.0.0.9") =>
        Dumps.Tcp("203.0.113.9", destination, 80) with { InInterface = "ext0" };

    private static InterfaceAddress Own(string address, byte length) => new(InetAddress.Parse(address), length, default, default, "global");
}
