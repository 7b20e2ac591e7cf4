using System.Text;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>Rules that no proxy writes and no kernel loads get an answer that does not claim more than they say.</summary>
public sealed class HostileRulesTests
{
    private const string Nat = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";

    [Theory]
    [InlineData("0 : drop, 1 : goto endpoint-AAAAAAAA-shop/web/tcp/http__10.0.0.5/80")]
    [InlineData("0 : continue, 1 : goto endpoint-AAAAAAAA-shop/web/tcp/http__10.0.0.5/80")]
    [InlineData("0 : jump elsewhere, 1 : goto endpoint-AAAAAAAA-shop/web/tcp/http__10.0.0.5/80")]
    public void A_map_of_endpoints_with_an_element_that_is_none_is_explained(string elements)
    {
        Ruleset rules = Dumps.Text($$"""
            table ip kube-proxy {
            	map service-ips {
            		type ipv4_addr . inet_proto . inet_service : verdict
            		elements = { 10.43.0.1 . tcp . 80 : goto service-2QRHZV4L-shop/web/tcp/http }
            	}
            	chain services {
            		ip daddr . meta l4proto . th dport vmap @service-ips
            	}
            	chain nat-prerouting {
            		type nat hook prerouting priority dstnat; policy accept;
            		jump services
            	}
            	chain service-2QRHZV4L-shop/web/tcp/http {
            		numgen random mod 2 vmap { {{elements}} }
            	}
            	chain endpoint-AAAAAAAA-shop/web/tcp/http__10.0.0.5/80 {
            		meta l4proto tcp dnat to 10.0.0.5:80
            	}
            }
            """);

        var services = ServiceCatalogue.Read(rules);
        var guide = new ChainGuide(services);
        ProgrammedService service = Assert.Single(services.Services);

        Assert.Contains(service.Endpoints, endpoint => endpoint is { Text: "10.0.0.5:80", Share: 0.5 });
        Assert.NotEmpty(new Explainer(rules, services, Dumps.NodeA, guide).Explain(service, [ClientPlace.Outside]));
        Assert.NotEmpty(GraphWriter.ToText(ChainGraphBuilder.OfAll(rules, guide)));
    }

    [Theory]
    [InlineData("-j NETMAP --to fd00::/64")]
    [InlineData("-p tcp -j DNAT --to-destination [fd00::1]:80")]
    [InlineData("-p tcp -j DNAT --to-destination 10.0.0.9-10.0.0.1")]
    [InlineData("-p tcp -j DNAT --to-destination 10.0.0.9:90-80")]
    [InlineData("-p tcp -j DNAT --to-destination 10.0.0.9:81-80")]
    [InlineData("-p tcp -j DNAT --to-destination 10.0.0.9:90-89/7000")]
    [InlineData("-p tcp -j REDIRECT --to-ports 90-80")]
    public void A_translation_that_no_kernel_loads_is_unknown(string rule)
    {
        TraceResult result = Dumps.Trace(Dumps.Text($"{Nat}-A PREROUTING -d 10.1.1.0/24 {rule}\nCOMMIT\n"),
            Dumps.Tcp("203.0.113.9", "10.1.1.7", 80));

        Outcome outcome = Assert.Single(result.Outcomes);
        Assert.Equal(OutcomeVerdict.Unknown, outcome.Verdict);
        Assert.Empty(outcome.Candidates);
    }

    [Theory]
    [InlineData("dnat to fd00::1")]
    [InlineData("dnat to 10.0.0.9-10.0.0.1")]
    [InlineData("dnat to ip saddr map { 203.0.113.9 : fd00::1 }")]
    [InlineData("ip daddr set fd00::1")]
    [InlineData("redirect to :90-80")]
    public void The_same_in_the_words_of_nft(string statement)
    {
        TraceResult result = Dumps.Trace(Dumps.Text($$"""
            table ip t {
            	chain c {
            		type nat hook prerouting priority dstnat; policy accept;
            		ip daddr 10.1.1.7 tcp dport 80 {{statement}}
            		udp dport 9 dnat to 10.0.0.1
            	}
            }
            """), Dumps.Tcp("203.0.113.9", "10.1.1.7", 80));

        Assert.Equal(OutcomeVerdict.Unknown, Assert.Single(result.Outcomes).Verdict);
    }

    [Fact]
    public void Chains_that_each_jump_twice_to_the_next_are_given_up_with_the_reason()
    {
        // 2^40 rules to walk.
        const int chains = 40;
        var text = new StringBuilder("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -j C0\n");
        for (int i = 0; i < chains - 1; i++)
            text.Append($"-A C{i} -j C{i + 1}\n-A C{i} -j C{i + 1}\n");
        text.Append($"-A C{chains - 1} -p udp -j DROP\nCOMMIT\n");
        Ruleset rules = Dumps.Text(text.ToString());

        Outcome outcome = Assert.Single(Dumps.Trace(rules, Dumps.Tcp("203.0.113.9", "10.1.1.7", 80)).Outcomes);

        Assert.Equal(OutcomeVerdict.Unknown, outcome.Verdict);
        Assert.Contains("chains call each other so often", outcome.Reason, StringComparison.Ordinal);
        var services = ServiceCatalogue.Read(rules);
        RuleChecker.Check(new CheckInput(rules, services, Dumps.NodeA, new ChainGuide(services)));
    }

    [Fact]
    public void Service_chains_that_each_lead_to_the_next_many_times_are_read()
    {
        // 10^16 ways.
        var text = new StringBuilder(Nat + "-A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment \"shop/web cluster IP\" "
            + "-m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAA10\n-A PREROUTING -j KUBE-SERVICES\n");
        for (int i = 10; i < 26; i++)
        {
            for (int times = 0; times < 10; times++)
                text.Append($"-A KUBE-SVC-AAAAAAAAAAAAAA{i} -m statistic --mode random --probability 0.5 -j " +
                    $"KUBE-SVC-AAAAAAAAAAAAAA{i + 1}\n");
        }
        text.Append("-A KUBE-SVC-AAAAAAAAAAAAAA26 -j KUBE-SEP-AAAAAAAAAAAAAAAA\n"
            + "-A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -j DNAT --to-destination 10.0.0.5:80\nCOMMIT\n");

        ProgrammedService service = Assert.Single(ServiceCatalogue.Read(Dumps.Text(text.ToString())).Services);

        Assert.Equal(["10.0.0.5:80"], service.Endpoints.Select(endpoint => endpoint.Text));
    }

    [Fact]
    public void Names_that_change_the_order_of_reading_are_shown_escaped()
    {
        const string reversed = "shop/web\u202e\u2066";
        Assert.Equal("shop/web\\u202e\\u2066", ShownText.Of(reversed));
        Ruleset rules = Dumps.Text(Nat + $"-A PREROUTING -j KUBE-SERVICES\n-A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "
            + $"\"{reversed} cluster IP\" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAA10\n"
            + "-A KUBE-SVC-AAAAAAAAAAAAAA10 -j KUBE-SEP-AAAAAAAAAAAAAAAA\n"
            + "-A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -j DNAT --to-destination 10.0.0.5:80\nCOMMIT\n");
        var services = ServiceCatalogue.Read(rules);
        ServiceGraph graph = ChainGraphBuilder.OfService("shop/web", services.Services, rules, new ChainGuide(services));
        foreach (string picture in (string[])[GraphWriter.ToMermaid(graph), GraphWriter.ToDot(graph), GraphWriter.ToText(graph)])
        {
            Assert.Contains("shop/web", picture, StringComparison.Ordinal);
            Assert.DoesNotContain(picture, c => c is '\u202e' or '\u2066');
        }
    }
}
