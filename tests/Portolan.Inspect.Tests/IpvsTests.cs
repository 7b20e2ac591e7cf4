using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Scenarios;

namespace Portolan.Inspect.Tests;

/// <summary>What the chart says where IPVS serves: our mode ipvs, kube-proxy's, and virtual servers of anybody.</summary>
public sealed class IpvsTests
{
    private const string Folder = "harbor/portolan-ipvs";
    private const string KubeProxy = "ipvs/kube-proxy.txt";

    private static readonly string[] s_harbor =
        [$"{Folder}/nft-list-ruleset.txt", $"{Folder}/ipvsadm-Sn.txt", $"{Folder}/ip-addr.json", $"{Folder}/ip-route-local.txt"];

    private static string One(string servers, string more = "") =>
        "local 10.96.0.1 dev lo table local proto 112 scope host src 192.168.10.11\n"
        + servers + more;

    private static TraceResult TraceTo(string dump, PacketSpec? packet = null) =>
        Dumps.Trace(Dumps.Text(dump), packet ?? Dumps.Tcp("203.0.113.9", "10.96.0.1", 80));

    /// <summary>What differs from the other modes is in docs/ipvs.md, with the reasons.</summary>
    [Theory]
    [InlineData($"{Folder}/nft-list-ruleset.txt", $"{Folder}/ipvsadm-Sn.txt", $"{Folder}/ip-addr.json", $"{Folder}/ip-route-local.txt")]
    [InlineData($"{Folder}/nft-list-ruleset.json", $"{Folder}/ipvsadm-Ln.txt", $"{Folder}/ip-addr.json")]
    [InlineData($"{Folder}/nft-list-ruleset.txt", $"{Folder}/ipvsadm-Ln.txt")]
    public void What_the_other_modes_do_with_packets_mode_ipvs_does(params string[] files)
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "harbor", "flows.yaml"));
        Scenario scenario = ScenarioReader.Read("flows.yaml", text).Single(static item => item.Name == "kube-proxy 1.36");
        var simulator = new PacketSimulator(Dumps.Read(files), new NodeAddresses(null, [.. scenario.Node.Addresses]));
        Routes routes = Routes.Of(Dumps.Read($"{Folder}/ip-route.txt"));
        string[] different =
        [
            "another port of the load balancer passes", "echo request to a cluster IP", "echo request from the node",
            "unallocated cluster IP", "IPv6 echo request from the node",
        ];
        var failures = new List<string>();
        int flows = 0;
        foreach (ScenarioFlow flow in scenario.Steps.SelectMany(static step => step.Flows))
        {
            if (flow.ExpectationIn(ProxyMode.NfTables) is not { } expected)
                continue;
            flows++;
            TraceResult trace = simulator.Trace(HarborFlowTests.Packet(flow, scenario.Node) with { Routes = routes });
            bool fits = trace.Outcomes.All(outcome => HarborFlowTests.Fits(outcome, expected));
            if (fits == different.Contains(flow.Name))
                failures.Add($"{flow.Name}: expected {expected}, trace says {string.Join(", ", trace.Outcomes.Select(OutcomeText.Of))}");
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(flows > 30);
    }

    [Theory]
    [InlineData("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 5\n-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 1\n"
        + "-a -t 10.96.0.1:80 -r 10.244.1.3:8080 -m -w 0\n", "forward 10.244.1.1:8080 50", "forward 10.244.1.2:8080 50")]
    [InlineData("-A -t 10.96.0.1:80 -s wrr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 3\n"
        + "-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 1\n", "forward 10.244.1.1:8080 75", "forward 10.244.1.2:8080 25")]
    [InlineData("-A -t 10.96.0.1:80 -s sh\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n", "forward 10.244.1.1:8080 100")]
    [InlineData("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 0\n", "reject 10.96.0.1:80 100")]
    [InlineData("-A -t 10.96.0.1:80 -s rr\n", "reject 10.96.0.1:80 100")]
    [InlineData("-A -t 10.96.0.1:81 -s rr\n", "local 10.96.0.1:80 100")]
    [InlineData("-A -u 10.96.0.1:80 -s rr\n", "local 10.96.0.1:80 100")]
    [InlineData("-A -t 10.96.0.1:0 -s rr -p 60\n-a -t 10.96.0.1:0 -r 10.244.1.1:0 -m -w 1\n", "forward 10.244.1.1:80 100")]
    [InlineData("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 192.168.10.11:8080 -m -w 1\n", "local 192.168.10.11:8080 100")]
    public void Shares_are_those_of_the_weights_where_the_scheduler_goes_by_them(string servers, params string[] expected)
    {
        Assert.Equal(expected, Dumps.Show(TraceTo(One(servers))));
    }

    [Theory]
    [InlineData("lc", "goes by the connections that they have", false)]
    [InlineData("sh", "goes by a hash of addresses", true)]
    [InlineData("mh", "goes by a hash of addresses", false)]
    [InlineData("future", "goes by what the chart does not know", false)]
    public void Other_schedulers_have_candidates_without_shares(string scheduler, string reason, bool mayRefuse)
    {
        Outcome end = Assert.Single(TraceTo(One($"-A -t 10.96.0.1:80 -s {scheduler}\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"
            + "-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 1\n-a -t 10.96.0.1:80 -r 10.244.1.3:8080 -m -w 0\n")).Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, end.Verdict);
        Assert.Contains(reason, end.Reason, StringComparison.Ordinal);
        Assert.Equal(mayRefuse ? ["10.244.1.1:8080", "10.244.1.2:8080", "10.96.0.1:80"] : ["10.244.1.1:8080", "10.244.1.2:8080"],
            end.Candidates.Select(static candidate => candidate.DestinationText).Order(StringComparer.Ordinal));
        Assert.All(end.Candidates, static candidate => Assert.DoesNotContain("%", OutcomeText.Of(candidate), StringComparison.Ordinal));
    }

    [Fact]
    public void A_client_that_a_persistent_virtual_server_may_remember_is_unknown()
    {
        string dump = One("-A -t 10.96.0.1:80 -s rr -p 60\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"
            + "-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 1\n");
        Assert.Equal(2, TraceTo(dump).Outcomes.Length);
        Outcome end = Assert.Single(TraceTo(dump, Dumps.Tcp("203.0.113.9", "10.96.0.1", 80) with { ClientIsFresh = false }).Outcomes);
        Assert.Contains("is persistent", end.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TcpFlags.Ack)]
    [InlineData(TcpFlags.Rst | TcpFlags.Ack)]
    public void A_segment_that_begins_no_connection_is_this_nodes(TcpFlags flags)
    {
        TraceResult trace = TraceTo(One("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"),
            Dumps.Tcp("203.0.113.9", "10.96.0.1", 80) with { TcpFlags = flags });
        Assert.Equal(["local 10.96.0.1:80 100"], Dumps.Show(trace));
    }

    [Fact]
    public void A_packet_of_a_connection_goes_to_a_real_server_that_the_input_does_not_tell()
    {
        Outcome end = Assert.Single(TraceTo(One("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"
            + "-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 0\n"),
            Dumps.Tcp("203.0.113.9", "10.96.0.1", 80) with { State = ConntrackStates.Established, TcpFlags = TcpFlags.Ack }).Outcomes);
        Assert.Contains("decided that with its first packet", end.Reason, StringComparison.Ordinal);
        Assert.Equal(2, end.Candidates.Length);
    }

    [Fact]
    public void A_virtual_server_of_a_mark_takes_what_rules_mark()
    {
        string dump = One("-A -f 7 -s rr\n-a -f 7 -r 10.244.1.1:0 -m -w 1\n-A -t 10.96.0.1:80 -s rr\n",
            "*mangle\n:PREROUTING ACCEPT [0:0]\n"
            + "-A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x7/0xffffffff\nCOMMIT\n");
        Assert.Equal(["forward 10.244.1.1:80 100"], Dumps.Show(TraceTo(dump)));
        // The node's own address as well: marks ask for no destination.
        Assert.Equal(["forward 10.244.1.1:80 100"], Dumps.Show(TraceTo(dump, Dumps.Tcp("203.0.113.9", "192.168.10.11", 80))));
    }

    [Theory]
    [InlineData("-g", "by direct routing")]
    [InlineData("-i", "through a tunnel")]
    public void What_is_not_masqueraded_is_not_followed(string method, string how)
    {
        Outcome end = Assert.Single(TraceTo(One($"-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.1.1.1:80 {method} -w 1\n")).Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, end.Verdict);
        Assert.Contains(how, end.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_virtual_server_that_is_shown_in_part_is_unknown()
    {
        Outcome end = Assert.Single(TraceTo(One("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"
            + "-a -t 10.96.0.1:80 -r nowhere -m -w 1\n")).Outcomes);
        Assert.Contains("only a part of the virtual server", end.Reason, StringComparison.Ordinal);
    }

    /// <summary>INPUT sees the service's address, OUTPUT the real server's; FORWARD sees neither.</summary>
    [Fact]
    public void Rules_are_asked_in_the_order_of_the_kernel()
    {
        string dump = One("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n", """
            table ip x {
                chain late_input {
                    type filter hook input priority 99; policy drop;
                }
                chain input {
                    type filter hook input priority 98; policy accept;
                    ip daddr 10.96.0.1 tcp dport 80 meta mark set 1
                }
                chain forward {
                    type filter hook forward priority 0; policy drop;
                }
                chain output {
                    type filter hook output priority -300; policy accept;
                    ip daddr 10.244.1.1 tcp dport 8080 meta mark set meta mark | 2
                }
                chain post {
                    type filter hook postrouting priority 0; policy accept;
                    meta mark != 3 drop
                }
            }

            """);
        Assert.Equal(["forward 10.244.1.1:8080 100"], Dumps.Show(TraceTo(dump)));
        // From the node itself OUTPUT is passed twice: up to address translation with the old destination, then from its beginning.
        string own = dump.Replace("ip daddr 10.96.0.1 tcp dport 80 meta mark set 1", "drop", StringComparison.Ordinal)
            .Replace("priority -300; policy accept;", "priority -300; policy accept;\n ip daddr 10.96.0.1 meta mark set 1",
                StringComparison.Ordinal);
        Assert.Equal(["forward 10.244.1.1:8080 100"],
            Dumps.Show(TraceTo(own, Dumps.Tcp("192.168.10.11", "10.96.0.1", 80, fromNode: true))));
    }

    /// <summary>An address that the node has by a route alone is an address of the route's interface to rules.</summary>
    [Fact]
    public void An_address_by_a_route_of_lo_is_one_of_lo()
    {
        const string rules = "table ip x {\n chain input {\n  type filter hook input priority 0; policy accept;\n"
            + "  fib daddr . iif type != local drop\n }\n}\n";
        var node = new NodeAddresses([new NetInterface(1, "lo", true, true, []), new NetInterface(2, "eth0", true, false,
            [new InterfaceAddress(InetAddress.Parse("192.168.10.11"), 24, default, default, "global")])]);
        TraceResult trace = Dumps.Trace(Dumps.Text(One(string.Empty, rules)), Dumps.Tcp("192.168.10.11", "10.96.0.1", 81, fromNode: true),
            node);
        Assert.Equal(["local 10.96.0.1:81 100"], Dumps.Show(trace));
    }

    /// <summary>Answers get the service's address behind most of FORWARD, not in POSTROUTING.</summary>
    [Fact]
    public void The_answer_has_the_address_that_the_client_dialled()
    {
        string dump = One("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n", """
            table ip x {
                chain forward {
                    type filter hook forward priority 0; policy accept;
                    ip saddr 10.96.0.1 drop
                }
                chain late {
                    type filter hook forward priority 101; policy accept;
                    ip saddr 10.244.1.1 drop
                }
                chain nat {
                    type nat hook postrouting priority 100; policy accept;
                    masquerade
                }
            }
            table ip portolan-ipvs {
            }

            """);
        Ruleset rules = Dumps.Text(dump);
        PacketSpec request = Dumps.Tcp("203.0.113.9", "10.96.0.1", 80);
        Outcome end = Assert.Single(Dumps.Trace(rules, request).Outcomes);
        Assert.True(end is { Verdict: OutcomeVerdict.Forward, IsMasqueraded: true });
        PacketSpec answer = ReplyTranslation.Answer(request, end, Dumps.NodeA)!;
        Outcome back = Assert.Single(Dumps.Trace(rules, answer, ReplyTranslation.NodeAfter(request, Dumps.NodeA)).Outcomes);
        Assert.Equal((OutcomeVerdict.Forward, "203.0.113.9", "10.96.0.1"),
            (back.Verdict, back.Destination.ToString(), back.Source.ToString()));
    }

    /// <summary>Without a proxy nothing shows whether IPVS lets conntrack follow its packets; it matters only where rules ask.</summary>
    [Fact]
    public void Whether_packets_of_virtual_servers_are_masqueraded_is_a_setting()
    {
        const string servers = "-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n";
        const string nat = "table ip x {\n chain nat {\n  type nat hook postrouting priority 100; policy accept;\n  masquerade\n }\n}\n";
        Outcome end = Assert.Single(TraceTo(One(servers, nat)).Outcomes);
        Assert.Contains("net.ipv4.vs.conntrack", end.Reason, StringComparison.Ordinal);
        Assert.Equal([false, true], end.Candidates.Select(static candidate => candidate.IsMasqueraded).Order());
        end = Assert.Single(TraceTo(One(servers, nat + "table ip portolan-ipvs {\n}\n")).Outcomes);
        Assert.True(end is { Verdict: OutcomeVerdict.Forward, IsMasqueraded: true });
    }

    [Fact]
    public void A_loopback_source_comes_to_no_other_machine()
    {
        TraceResult trace = TraceTo(One("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"),
            Dumps.Tcp("127.0.0.1", "10.96.0.1", 80, fromNode: true) with { RoutesLoopback = true });
        Assert.Equal(["drop 10.244.1.1:8080 100"], Dumps.Show(trace));
    }

    [Fact]
    public void Services_of_our_mode_are_listed_with_what_the_table_beside_IPVS_says()
    {
        ServiceCatalogue services = ServiceCatalogue.Read(Dumps.Read(s_harbor));
        Assert.All(services.Services, static service => Assert.Equal(RuleWriter.PortolanIpvs, service.Writer));
        Assert.Equal(23, services.Services.Length);
        ProgrammedService web = Assert.Single(services.Find("172.30.10.1:80"));
        Assert.Equal([1.0 / 3, 1.0 / 3, 1.0 / 3], web.Endpoints.Select(static endpoint => endpoint.Share));
        Assert.Equal(ProgrammedKind.ClusterIP, Assert.Single(web.Frontends).Kind);
        ProgrammedService balanced = Assert.Single(services.Find("172.6.6.7:443"));
        Assert.True(balanced.IsExternalLocal);
        Assert.Equal(2, balanced.SourceRanges.Length);
        Assert.Equal(2, Assert.Single(balanced.Frontends).Endpoints.Length);
        Assert.Equal(3, balanced.Endpoints.Length);
        Assert.Equal(ProgrammedState.Dropped, Assert.Single(Assert.Single(services.Find("172.6.6.6:443")).Frontends).State);
        Assert.Equal(ProgrammedState.Rejected, Assert.Single(Assert.Single(services.Find("172.30.10.4:80")).Frontends).State);
        Assert.Equal(TimeSpan.FromSeconds(10800), Assert.Single(services.Find("192.168.10.11:30080")).Affinity);
    }

    [Fact]
    public void Services_of_kube_proxy_are_listed_by_its_ipsets_and_the_virtual_servers()
    {
        ServiceCatalogue services = ServiceCatalogue.Read(Dumps.Read(KubeProxy));
        Assert.Equal(
        [
            "10.96.0.10:53 ClusterIP Served", "10.96.0.1:443 ClusterIP Served", "10.96.5.1:80 ClusterIP Served",
            "10.96.5.2:80 ClusterIP Rejected", "192.168.0.2:30080 NodePort Served", "192.168.0.2:30081 NodePort Served",
            "203.0.113.80:80 LoadBalancer Served",
        ], services.Services.Select(static service =>
            $"{service.DisplayName} {service.Frontends[0].Kind} {service.Frontends[0].State}"));
        Assert.True(Assert.Single(services.Find("192.168.0.2:30081")).IsExternalLocal);
        Assert.Equal([0.5, 0.5, 0], Assert.Single(services.Find("10.96.5.1:80")).Endpoints.Select(static endpoint => endpoint.Share));
    }

    [Theory]
    [InlineData("203.0.113.9", "192.168.0.2", 30080, "forward 10.244.1.5:8080 masq 50", "forward 10.244.2.7:8080 masq 50")]
    [InlineData("203.0.113.9", "192.168.0.2", 30081, "forward 10.244.1.5:8080 100")]
    [InlineData("203.0.113.9", "203.0.113.80", 80, "forward 10.244.1.5:8080 masq 50", "forward 10.244.2.7:8080 masq 50")]
    [InlineData("10.244.1.9", "10.96.5.1", 80, "forward 10.244.1.5:8080 50", "forward 10.244.2.7:8080 50")]
    [InlineData("10.244.1.5", "10.96.5.1", 80, "forward 10.244.1.5:8080 masq 50", "forward 10.244.2.7:8080 50")]
    [InlineData("10.244.1.9", "10.96.5.1", 81, "reject 10.96.5.1:81 100")]
    [InlineData("10.244.1.9", "10.96.5.2", 80, "reject 10.96.5.2:80 100")]
    [InlineData("10.244.1.9", "10.96.0.1", 443, "local 192.168.0.2:6443 100")]
    public void Packets_pass_kube_proxys_rules_and_IPVS(string source, string destination, int port, params string[] expected)
    {
        Ruleset rules = Dumps.Read(KubeProxy);
        Assert.Equal(expected, Dumps.Show(Dumps.Trace(rules, Dumps.Tcp(source, destination, (ushort)port),
            new NodeAddresses(rules.Interfaces))));
    }

    [Fact]
    public void Explanations_name_the_virtual_server()
    {
        Ruleset rules = Dumps.Read(s_harbor);
        ServiceCatalogue services = ServiceCatalogue.Read(rules);
        var explainer = new Explainer(rules, services, Dumps.NodeA, new ChainGuide(services));
        ExplainedPath path = Assert.Single(explainer.Explain(Assert.Single(services.Find("172.30.10.1:80")), [ClientPlace.Pod]));
        Assert.True(path.Choice is { IsByIpvs: true, Endpoints.Length: 3 });
        Assert.StartsWith("IPVS takes the packet behind the rules of INPUT: tcp 172.30.10.1:80 (rr) sends it to 10.244.",
            path.Conclusions[0],
            StringComparison.Ordinal);
        ExplainedPath refused = Assert.Single(new Explainer(Dumps.Read(KubeProxy), ServiceCatalogue.Read(Dumps.Read(KubeProxy)),
            new NodeAddresses(Dumps.Read(KubeProxy).Interfaces), new ChainGuide(services)).Explain(
                Assert.Single(ServiceCatalogue.Read(Dumps.Read(KubeProxy)).Find("10.96.5.2:80")), [ClientPlace.Pod]));
        Assert.Contains("Why: 10.96.5.2:80 has no usable endpoint.", refused.Conclusions);
    }

    /// <summary>A virtual server of all ports has port 0, as the entry of an excerpt has in a picture.</summary>
    [Fact]
    public void Pictures_have_virtual_servers_of_all_ports()
    {
        Ruleset rules = Dumps.Text(One("-A -t 10.96.0.1:0 -s rr -p 60\n-a -t 10.96.0.1:0 -r 10.244.1.1:0 -m -w 1\n"));
        ServiceCatalogue services = ServiceCatalogue.Read(rules);
        var guide = new ChainGuide(services);
        string picture = GraphWriter.ToText(new DecisionGraphBuilder(rules, services, Dumps.NodeA, guide).Build("x", services.Services));
        Assert.Contains("10.96.0.1:0", picture, StringComparison.Ordinal);
        Assert.Contains("10.244.1.1:", picture, StringComparison.Ordinal);
        Assert.Contains("IPVS",
            GraphWriter.ToText(ChainGraphBuilder.OfService("x", services.Services, rules, guide)), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_found_where_mode_ipvs_is_whole() => Assert.Empty(Check(Dumps.Read(s_harbor)).Findings);

    /// <summary>kubernetes#98465.</summary>
    [Theory]
    [InlineData("-P INPUT DROP", "The policy of filter INPUT (DROP) drops", null)]
    [InlineData("-A INPUT -p tcp -m tcp --dport 30080 -j DROP", "Filter INPUT rule 1 drops", 1)]
    [InlineData("-A INPUT -p tcp -m tcp --dport 30080 -j REJECT --reject-with icmp-port-unreachable", "Filter INPUT rule 1 rejects", 1)]
    public void What_INPUT_stops_before_IPVS_is_named_with_its_rule(string rule, string text, int? number)
    {
        string dump = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", KubeProxy)));
        dump = rule.StartsWith("-P", StringComparison.Ordinal) ? dump.Replace(":INPUT ACCEPT", ":INPUT DROP", StringComparison.Ordinal)
            : dump.Replace("-A INPUT -m comment --comment \"kubernetes ipvs", rule + "\n-A INPUT -m comment --comment \"kubernetes ipvs",
                StringComparison.Ordinal);
        Finding finding = Assert.Single(Check(Dumps.Text(dump)).Findings, static finding => finding.Code == "stopped-before-ipvs");
        Assert.StartsWith(text, finding.Explanation, StringComparison.Ordinal);
        Assert.Equal((FindingSeverity.Error, number), (finding.Severity, finding.Place?.Index + 1));
        Assert.Contains("30080", finding.Explanation + finding.Advice, StringComparison.Ordinal);
        Assert.Contains("iptables -I INPUT", finding.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_virtual_server_without_real_servers_is_named()
    {
        Finding finding = Assert.Single(Check(Dumps.Read(KubeProxy)).Findings, static finding => finding.Code == "virtual-server-idle");
        Assert.Equal("10.96.5.2:80", finding.Subject);
    }

    [Fact]
    public void A_virtual_server_at_an_address_that_is_not_local_is_named()
    {
        string dump = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", KubeProxy)))
            .Replace("    inet 10.96.5.1/32 scope global kube-ipvs0\n", "", StringComparison.Ordinal);
        Finding finding = Assert.Single(Check(Dumps.Text(dump)).Findings, static finding => finding.Code == "virtual-server-not-local");
        Assert.Equal(("10.96.5.1:80", FindingSeverity.Error), (finding.Subject, finding.Severity));
        // Without addresses nothing is said of them.
        Assert.DoesNotContain(Check(Dumps.Text(dump[..dump.IndexOf("# ip addr", StringComparison.Ordinal)])).Findings,
            static finding => finding.Code == "virtual-server-not-local");
    }

    [Fact]
    public void Virtual_servers_beside_rules_of_another_mode_are_two_proxies()
    {
        Ruleset both = Dumps.Read("harbor/kube-proxy-1.36/nft-list-ruleset.txt", $"{Folder}/ipvsadm-Sn.txt");
        Finding finding = Assert.Single(Check(both).Findings, static finding => finding is { Code: "two-proxies", Subject: "IPVS" });
        Assert.Contains("tcp 172.30.0.10:53", finding.Explanation, StringComparison.Ordinal);
        // What drains after a switch takes nothing new.
        Ruleset draining = RulesetReader.Read(
            new SourceText("nft",
                File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data/harbor/kube-proxy-1.36/nft-list-ruleset.txt"))),
            new SourceText("ipvs", "-A -t 172.30.0.10:53 -s rr\n-a -t 172.30.0.10:53 -r 10.244.1.2:53 -m -w 0\n"u8.ToArray()));
        Assert.DoesNotContain(Check(draining).Findings, static finding => finding.Code == "two-proxies");
        Ruleset ours = Dumps.Read("harbor/kube-proxy-1.36/nft-list-ruleset.txt", $"{Folder}/nft-list-ruleset.txt");
        Assert.Contains(Check(ours).Findings, static finding => finding.Code == "two-proxies"
            && finding.Explanation.Contains("Portolan's table of mode ipvs", StringComparison.Ordinal));
    }

    private static CheckResult Check(Ruleset rules)
    {
        ServiceCatalogue services = ServiceCatalogue.Read(rules);
        NodeAddresses node = (rules.Interfaces is { } interfaces ? new NodeAddresses(interfaces) : NodeAddresses.Unknown)
            .WithLocalRoutes(rules.Routes);
        return RuleChecker.Check(new CheckInput(rules, services, RemoteAddresses.Apply(node, rules, services), new ChainGuide(services)));
    }
}
