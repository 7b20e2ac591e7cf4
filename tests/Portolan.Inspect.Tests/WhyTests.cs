using System.Collections.Immutable;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Tests;

/// <summary>Every cause is found by its own damage, with the rule that decides, and a healthy node has none.</summary>
public sealed class WhyTests
{
    private const string Portals = "-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES";

    [Theory]
    [InlineData("shop/web", ClientPlace.Pod)]
    [InlineData("shop/web", ClientPlace.Node)]
    [InlineData("shop/web", ClientPlace.Outside)]
    [InlineData("shop/cart", ClientPlace.Outside)]
    public void A_healthy_service_works(string service, ClientPlace place)
    {
        foreach (string file in (string[])[Dumps.Save136, "harbor/kube-proxy-1.36/nft-list-ruleset.txt", "portolan/nft-1.1.7.txt"])
        {
            Assert.All(Ask(Dumps.Read(file), service, place),
                diagnosis => Assert.Equal((DiagnosisState.Works, null), (diagnosis.State, diagnosis.Cause?.Code)));
        }
    }

    [Theory]
    [InlineData("shop/empty", ClientPlace.Pod, "no-endpoints", "rejected")]
    [InlineData("default/testsvc", ClientPlace.Outside, "no-local-endpoint", "dropped")]
    [InlineData("shop/payments", ClientPlace.Outside, "source-not-allowed", "dropped")]
    public void What_the_services_own_rules_refuse_is_a_cause(string service, ClientPlace place, string code, string verdict)
    {
        foreach (string file in (string[])[Dumps.Save136, "harbor/kube-proxy-1.36/nft-list-ruleset.txt", "portolan/nft-1.1.7.txt"])
        {
            Diagnosis found = Assert.Single(Ask(Dumps.Read(file), service, place).Where(item => item.Cause?.Code == code).Take(1));
            Assert.Equal((DiagnosisState.Fails, verdict), (found.State, found.Verdict));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_policy_for_clients_outside_is_no_cause_for_pods_that_pass_it(bool showsAnEndpoint)
    {
        // The article's load balancer address: pods are led to the cluster IP's chain, of whose seven endpoints its excerpt shows one.
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", Dumps.Article)));
        Ruleset rules = Dumps.Text(showsAnEndpoint ? text
            : text.Replace("Chain KUBE-SEP-BVMKBOC4GGNJ3567", "Chain KUBE-SEP-ANOTHER000000000", StringComparison.Ordinal));

        Diagnosis[] ofPod = [.. Ask(rules, "default/testsvc", ClientPlace.Pod).Where(found => found.Subject.Contains("172.6.6.6",
            StringComparison.Ordinal))];
        Assert.Equal((DiagnosisState.Unknown, null), (Assert.Single(ofPod).State, ofPod[0].Cause?.Code));
        Assert.Contains(Ask(rules, "default/testsvc", ClientPlace.Outside), found => found.Cause?.Code == "no-local-endpoint");
    }

    // code, verdict, where the client is, what is replaced by what
    [Theory]
    [InlineData("no-entry", "not translated", ClientPlace.Pod, "-A PREROUTING " + Portals, "# gone")]
    [InlineData("taken-earlier", "goes elsewhere", ClientPlace.Pod, "-A PREROUTING " + Portals,
        "-A PREROUTING -d 172.30.10.1/32 -p tcp -j DNAT --to-destination 10.9.9.9\n-A PREROUTING " + Portals)]
    [InlineData("taken-earlier", "not translated", ClientPlace.Pod, "-A PREROUTING " + Portals,
        "-A PREROUTING -d 172.30.10.1/32 -j ACCEPT\n-A PREROUTING " + Portals)]
    [InlineData("stopped-by-rule", "rejected", ClientPlace.Pod, "-A FORWARD",
        "-A FORWARD -d 10.244.0.0/16 -p tcp -j REJECT --reject-with icmp-host-prohibited\n-A FORWARD")]
    [InlineData("policy-drop", "dropped", ClientPlace.Pod, ":FORWARD ACCEPT", ":FORWARD DROP")]
    [InlineData("reply-stopped", "unanswered", ClientPlace.Pod, "-A FORWARD",
        "-A FORWARD -s 10.244.0.0/16 -p tcp -m tcp --sport 8080 -j DROP\n-A FORWARD")]
    public void Damage_of_the_rules_is_a_cause(string code, string verdict, ClientPlace place, string before, string after)
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", Dumps.Save136)));
        int at = text.IndexOf(before, StringComparison.Ordinal);
        Assert.True(at >= 0, before);

        Diagnosis found = Ask(Dumps.Text(text[..at] + after + text[(at + before.Length)..]), "shop/web", place)[0];

        Assert.Equal((DiagnosisState.Fails, code, verdict), (found.State, found.Cause?.Code, found.Verdict));
        Assert.NotEmpty(found.Cause!.Mend);
    }

    [Fact]
    public void An_answer_without_masquerading_goes_astray()
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", Dumps.Save136)));
        Ruleset rules = Dumps.Text(text.Replace("-j MASQUERADE --random-fully", "-j RETURN", StringComparison.Ordinal));

        Assert.Contains(Ask(rules, "shop/cart", ClientPlace.Outside), found => found is
        {
            State: DiagnosisState.Fails,
            Cause.Code: "not-masqueraded", Verdict: "unanswered"
        });
        Assert.Equal("hairpin", Ask(rules, "shop/web", null, InetAddress.Parse("10.244.1.10"))[0].Cause?.Code);
    }

    [Fact]
    public void A_dormant_table_is_the_cause()
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", "portolan/nft-1.1.7.txt")));
        Ruleset rules = Dumps.Text(text.Replace("table ip portolan {", "table ip portolan {\n\tflags dormant", StringComparison.Ordinal));

        Assert.Equal("table-dormant", Ask(rules, "shop/web", ClientPlace.Pod)[0].Cause?.Code);
    }

    [Theory]
    [InlineData("no-slice", "", IpProtocol.Tcp, EndpointConditions.Ready, 0)]
    [InlineData("port-name", "web", IpProtocol.Tcp, EndpointConditions.Ready, 1)]
    [InlineData("port-protocol", "http", IpProtocol.Udp, EndpointConditions.Ready, 1)]
    [InlineData("no-ready-endpoint", "http", IpProtocol.Tcp, EndpointConditions.None, 2)]
    public void What_the_cluster_says_tells_why_there_are_no_endpoints(string code, string port, IpProtocol protocol,
        EndpointConditions conditions, int endpoints)
    {
        var name = new ObjectName("shop", "empty");
        var cluster = new ClusterFacts(
            [new ServiceObject { Name = name, Ports = [new ServicePortObject("http", IpProtocol.Tcp, 80, 0)] }],
            endpoints == 0 ? [] :
            [
                new EndpointSliceObject
                {
                    Name = new ObjectName("shop", "empty-1"),
                    ServiceName = "empty",
                    Family = IpFamily.IPv4,
                    Ports = [new SlicePortObject(port, protocol, 8080)],
                    Endpoints = [.. Enumerable.Range(1, endpoints).Select(number =>
                        new EndpointObject(InetAddress.Parse($"10.244.1.{number}"), conditions, "node-a", [], []))],
                },
            ]);

        Assert.Equal(code, Ask(Dumps.Read(Dumps.Save136), "shop/empty", ClientPlace.Pod, cluster: cluster)[0].Cause?.Code);
    }

    [Fact]
    public void An_endpoint_that_does_not_answer_is_the_cause()
    {
        var failed = new LiveFacts("[{\"dst\":\"10.244.2.10\",\"dev\":\"cni0\",\"state\":[\"FAILED\"]}]"u8.ToArray(), string.Empty);
        var unanswered = new LiveFacts(default,
            "tcp      6 118 SYN_SENT src=10.244.1.9 dst=172.30.10.1 sport=4000 dport=80 [UNREPLIED] src=10.244.2.10 dst=10.244.1.9 " +
                "sport=8080 dport=4000 mark=0 use=1");
        foreach (LiveFacts live in (LiveFacts[])[failed, unanswered])
        {
            Diagnosis found = Ask(Dumps.Read(Dumps.Save136), "shop/web", ClientPlace.Pod, live: live)[0];
            Assert.Equal("endpoint-silent", found.Cause?.Code);
            Assert.Contains("10.244.2.10:8080", found.Cause!.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void While_a_neighbour_is_looked_for_nothing_is_known_of_it()
    {
        var looking = new LiveFacts("[{\"dst\":\"10.244.2.10\",\"dev\":\"cni0\",\"state\":[\"INCOMPLETE\"]}]"u8.ToArray(), string.Empty);

        Assert.All(Ask(Dumps.Read(Dumps.Save136), "shop/web", ClientPlace.Pod, live: looking), found => Assert.Null(found.Cause));
    }

    [Fact]
    public void Connections_to_the_endpoint_itself_are_not_its_services()
    {
        var own = new LiveFacts(default, "tcp 6 118 SYN_SENT src=192.168.10.11 dst=10.244.2.10 sport=4000 dport=8080 [UNREPLIED] " +
            "src=10.244.2.10 dst=192.168.10.11 sport=8080 dport=4000 mark=0 use=1");

        Assert.All(Ask(Dumps.Read(Dumps.Save136), "shop/web", ClientPlace.Pod, live: own), found => Assert.Null(found.Cause));
    }

    [Theory]
    [InlineData(ProbeResult.Accepted, null)]
    [InlineData(ProbeResult.Silent, null)]
    [InlineData(ProbeResult.Refused, "endpoint-refuses")]
    public void Only_a_refused_connection_of_the_node_itself_is_a_cause(ProbeResult result, string? code)
    {
        LiveFacts live = LiveFacts.None with { Probes = Probes(result) };

        Diagnosis found = Ask(Dumps.Read(Dumps.Save136), "shop/web", ClientPlace.Pod, live: live)[0];

        Assert.Equal(code, found.Cause?.Code);
    }

    [Fact]
    public void A_rule_that_rejects_the_nodes_own_connection_says_nothing_of_the_endpoint()
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", Dumps.Save136)));
        int at = text.IndexOf("-A OUTPUT", text.IndexOf("*filter", StringComparison.Ordinal), StringComparison.Ordinal);
        Ruleset rules = Dumps.Text(text.Insert(at, "-A OUTPUT -d 10.244.2.10/32 -p tcp -j REJECT\n"));
        LiveFacts live = LiveFacts.None with { Probes = Probes(ProbeResult.Refused) };

        Assert.All(Ask(rules, "shop/web", ClientPlace.Pod, live: live), found => Assert.Null(found.Cause));
    }

    // Connections that ended are no sign of life: the endpoint may have died since.
    [Theory]
    [InlineData(ProbeResult.Accepted, null)]
    [InlineData(ProbeResult.Silent, "endpoint-silent")]
    public void An_endpoint_that_answered_before_is_silent_only_if_it_does_not_answer_now(ProbeResult result, string? code)
    {
        var live = new LiveFacts(default, """
            tcp 6 60 TIME_WAIT src=10.244.1.9 dst=172.30.10.1 sport=4001 dport=80 src=10.244.2.10 dst=10.244.1.9 sport=8080 dport=4001
            tcp 6 118 SYN_SENT src=10.244.1.9 dst=172.30.10.1 sport=4 dport=80 [UNREPLIED] src=10.244.2.10 dst=10.244.1.9 sport=8080 dport=4
            """) { Probes = Probes(result) };

        Assert.Equal(code, Ask(Dumps.Read(Dumps.Save136), "shop/web", ClientPlace.Pod, live: live)[0].Cause?.Code);
    }

    private static Dictionary<InetEndpoint, ProbeResult> Probes(ProbeResult result) =>
        new() { [new InetEndpoint(InetAddress.Parse("10.244.2.10"), 8080)] = result };

    [Fact]
    public void Pods_that_the_rules_take_for_outsiders_are_masqueraded()
    {
        Diagnosis found = Ask(Dumps.Read(Dumps.Save136), "shop/web", null, InetAddress.Parse("10.99.1.4"),
            podRanges: [InetPrefix.Parse("10.99.0.0/16")])[0];

        Assert.Equal("pod-range", found.Cause?.Code);
        Assert.Contains("10.244.0.0/16", found.Cause!.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "no-proxy")]
    [InlineData(true, "not-programmed")]
    public void A_service_that_no_rule_knows_is_named(bool hasProxy, string code)
    {
        Diagnosis found = Diagnostician.NotProgrammed(new ServiceObject { Name = new ObjectName("shop", "new") },
            hasProxy ? Dumps.Read(Dumps.Save136) : Ruleset.Empty);

        Assert.Equal((DiagnosisState.Fails, code), (found.State, found.Cause?.Code));
    }

    private static IReadOnlyList<Diagnosis> Ask(Ruleset rules, string name, ClientPlace? place, InetAddress? source = null,
        ClusterFacts? cluster = null, LiveFacts? live = null, ImmutableArray<InetPrefix> podRanges = default)
    {
        var services = ServiceCatalogue.Read(rules);
        ProgrammedService service = services.Find(name).First(item => item.Family == IpFamily.IPv4);
        return new Diagnostician(rules, services, RemoteAddresses.Apply(Dumps.NodeA, rules, services), cluster, live ?? LiveFacts.None,
            podRanges.IsDefault ? [] : podRanges).Ask(service, service.Frontends, place is { } one ? [one] : [], source);
    }
}
