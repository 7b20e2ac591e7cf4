using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

public sealed class SimulatorTests
{
    [Fact]
    public void Every_endpoint_of_a_cluster_ip_is_equally_likely_and_pods_keep_their_source()
    {
        TraceResult trace = Dumps.Trace(Dumps.Read(Dumps.Save136), Dumps.Tcp("10.244.1.200", "172.30.10.1", 80));
        Assert.Equal(["forward 10.244.1.10:8080 33.33", "forward 10.244.2.10:8080 33.33", "forward 10.244.3.10:8080 33.33"],
            Dumps.Show(trace));
    }

    [Fact]
    public void A_pod_that_reaches_itself_through_the_service_is_masqueraded()
    {
        TraceResult trace = Dumps.Trace(Dumps.Read(Dumps.Save136), Dumps.Tcp("10.244.1.10", "172.30.10.1", 80));
        Assert.Contains("forward 10.244.1.10:8080 masq 33.33", Dumps.Show(trace));
        Assert.Contains("forward 10.244.2.10:8080 33.33", Dumps.Show(trace));
    }

    [Fact]
    public void Policy_Local_without_local_endpoints_drops_outsiders_but_serves_the_node()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        Assert.Equal(["drop 172.6.6.6:443 100"], Dumps.Show(Dumps.Trace(rules, Dumps.Tcp("203.0.113.9", "172.6.6.6", 443))));
        TraceResult fromNode = Dumps.Trace(rules, Dumps.Tcp("192.168.10.11", "172.6.6.6", 443, fromNode: true));
        Assert.Equal(7, fromNode.Outcomes.Length);
        Assert.All(fromNode.Outcomes, outcome => Assert.True(outcome is { Verdict: OutcomeVerdict.Forward, IsMasqueraded: true }));
    }

    [Fact]
    public void A_source_that_is_not_allowed_is_dropped_in_the_filter_table()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        TraceResult refused = Dumps.Trace(rules, Dumps.Tcp("192.0.2.9", "172.6.6.7", 443));
        Outcome outcome = Assert.Single(refused.Outcomes);
        Assert.Equal(OutcomeVerdict.Drop, outcome.Verdict);
        Assert.Equal("KUBE-PROXY-FIREWALL", outcome.Path[^1].Place!.Chain.Name);
        Assert.Equal(["forward 10.244.1.30:8443 50", "forward 10.244.1.31:8443 50"],
            Dumps.Show(Dumps.Trace(rules, Dumps.Tcp("203.0.113.9", "172.6.6.7", 443))));
    }

    [Fact]
    public void A_service_without_endpoints_is_refused()
    {
        TraceResult trace = Dumps.Trace(Dumps.Read(Dumps.Save136), Dumps.Tcp("10.244.1.200", "172.30.10.4", 80));
        Assert.Equal(["reject 172.30.10.4:80 100"], Dumps.Show(trace));
    }

    [Fact]
    public void Whether_a_node_port_is_dialled_is_unknown_without_the_nodes_addresses()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        PacketSpec packet = Dumps.Tcp("203.0.113.9", "192.168.10.11", 30080);
        Assert.All(Dumps.Trace(rules, packet).Outcomes, outcome => Assert.Equal(OutcomeVerdict.Forward, outcome.Verdict));
        Outcome unknown = Assert.Single(Dumps.Trace(rules, packet, NodeAddresses.Unknown).Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, unknown.Verdict);
        Assert.StartsWith("whether 192.168.10.11 is an address of this node", unknown.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_condition_that_changes_nothing_leaves_the_outcome_known()
    {
        Ruleset rules = Dumps.Text("""
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            -A FORWARD -m limit --limit 1/sec -j LOG
            -A FORWARD -m set --match-set gone src -j ACCEPT
            COMMIT
            """);
        Assert.Equal(["forward 192.0.2.7:80 100"], Dumps.Show(Dumps.Trace(rules, Dumps.Tcp("10.0.0.1", "192.0.2.7", 80))));
    }

    [Fact]
    public void An_ipset_that_is_not_in_the_dump_makes_the_outcome_unknown_and_names_the_rule()
    {
        Ruleset rules = Dumps.Text("""
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            -A FORWARD -m set --match-set gone src -j DROP
            COMMIT
            """);
        Outcome outcome = Assert.Single(Dumps.Trace(rules, Dumps.Tcp("10.0.0.1", "192.0.2.7", 80)).Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, outcome.Verdict);
        Assert.Contains("the ipset 'gone' is not in the input", outcome.Reason, StringComparison.Ordinal);
        Assert.Contains("filter FORWARD rule 1", outcome.Reason, StringComparison.Ordinal);
        Assert.Equal([OutcomeVerdict.Forward, OutcomeVerdict.Drop], outcome.Candidates.Select(candidate => candidate.Verdict));
    }

    [Fact]
    public void Chains_that_jump_in_a_circle_end_as_unknown()
    {
        Ruleset rules = Dumps.Text("""
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            :A - [0:0]
            :B - [0:0]
            -A FORWARD -j A
            -A A -j B
            -A B -j A
            COMMIT
            """);
        Outcome outcome = Assert.Single(Dumps.Trace(rules, Dumps.Tcp("10.0.0.1", "192.0.2.7", 80)).Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, outcome.Verdict);
        Assert.Contains("jumps back to itself", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hundred_thousand_nested_jumps_are_followed_to_the_end()
    {
        const int depth = 100_000;
        var text = new StringBuilder("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
        for (int i = 0; i <= depth; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $":C{i} - [0:0]\n");
        text.Append("-A FORWARD -j C0\n");
        for (int i = 0; i < depth; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"-A C{i} -j C{i + 1}\n");
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"-A C{depth} -j DROP\nCOMMIT\n");
        Assert.Equal(["drop 192.0.2.7:80 100"],
            Dumps.Show(Dumps.Trace(Dumps.Text(text.ToString()), Dumps.Tcp("10.0.0.1", "192.0.2.7", 80))));
    }

    [Fact]
    public void Ways_that_meet_again_do_not_multiply()
    {
        var text = new StringBuilder("*mangle\n:PREROUTING ACCEPT [0:0]\n");
        for (int i = 0; i < 64; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture,
                $"-A PREROUTING -m statistic --mode random --probability 0.5 -j MARK --set-xmark {i % 2}/0xffffffff\n");
        text.Append("COMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -m mark --mark 0x1 -j " +
            "DROP\nCOMMIT\n");
        TraceResult trace = Dumps.Trace(Dumps.Text(text.ToString()), Dumps.Tcp("10.0.0.1", "192.0.2.7", 80));
        Assert.Equal(["drop 192.0.2.7:80 66.67", "forward 192.0.2.7:80 33.33"], Dumps.Show(trace));
    }

    [Fact]
    public void Only_the_first_translation_counts_and_later_hooks_see_the_new_destination()
    {
        Ruleset rules = Dumps.Text("""
            *nat
            :PREROUTING ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            :POSTROUTING ACCEPT [0:0]
            -A PREROUTING -d 192.0.2.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.0.1:8080
            -A PREROUTING -d 10.1.0.1/32 -j DNAT --to-destination 10.9.9.9
            -A POSTROUTING -d 10.1.0.1/32 -j SNAT --to-source 10.2.0.1
            COMMIT
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD DROP [0:0]
            :OUTPUT ACCEPT [0:0]
            -A FORWARD -m conntrack --ctstate DNAT --ctorigdst 192.0.2.7 -d 10.1.0.1/32 -j ACCEPT
            COMMIT
            """);
        Outcome outcome = Assert.Single(Dumps.Trace(rules, Dumps.Tcp("203.0.113.9", "192.0.2.7", 80)).Outcomes);
        Assert.Equal("10.1.0.1:8080", outcome.DestinationText);
        Assert.Equal(InetAddress.Parse("10.2.0.1"), outcome.Source);
        Assert.Equal(OutcomeVerdict.Forward, outcome.Verdict);
    }

    [Fact]
    public void An_established_connection_that_may_have_been_translated_is_unknown()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        PacketSpec old = Dumps.Tcp("10.244.1.200", "172.30.10.1", 80) with { State = ConntrackStates.Established };
        Assert.Equal(OutcomeVerdict.Unknown, Assert.Single(Dumps.Trace(rules, old).Outcomes).Verdict);
        PacketSpec direct = Dumps.Tcp("10.244.1.200", "10.244.2.10", 8080) with { State = ConntrackStates.Established };
        Assert.Equal(["forward 10.244.2.10:8080 100"], Dumps.Show(Dumps.Trace(rules, direct)));
    }

    [Fact]
    public void Ten_thousand_endpoints_make_ten_thousand_outcomes()
    {
        const int endpoints = 10_000;
        var text = new StringBuilder("*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n");
        var rules = new StringBuilder("-A PREROUTING -d 172.30.0.1/32 -p tcp -m tcp --dport 80 -j SVC\n");
        text.Append(":SVC - [0:0]\n");
        for (int i = 0; i < endpoints; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $":SEP{i} - [0:0]\n");
            string chance = i == endpoints - 1 ? "" : string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $" -m statistic --mode random --probability {1.0 / (endpoints - i):0.00000000000}");
            rules.Append(System.Globalization.CultureInfo.InvariantCulture,
                $"-A SVC{chance} -j SEP{i}\n-A SEP{i} -p tcp -m tcp -j DNAT --to-destination " +
                $"10.{i / 256 / 256}.{i / 256 % 256}.{i % 256}:8080\n");
        }
        TraceResult trace = Dumps.Trace(Dumps.Text(text.Append(rules).Append("COMMIT\n").ToString()),
            Dumps.Tcp("203.0.113.9", "172.30.0.1", 80));
        Assert.Equal(endpoints, trace.Outcomes.Length);
        Assert.All(trace.Outcomes, outcome => Assert.Equal(1.0 / endpoints, outcome.Probability, 7));
    }
}
