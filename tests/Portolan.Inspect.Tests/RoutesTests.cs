using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Inspect.Tests;

/// <summary>Routes as ip prints them, as JSON or as text, tell the interface, and only where nothing else decides.</summary>
public sealed class RoutesTests
{
    private const string OfIPv4 = """
        [{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
         {"dst":"default","gateway":"198.51.100.1","dev":"eth1","metric":100,"flags":[]},
         {"dst":"10.244.1.0/24","dev":"cni0","protocol":"kernel","scope":"link","prefsrc":"10.244.1.1","flags":[]},
         {"dst":"10.244.1.77","dev":"cali1","scope":"link","flags":[]},
         {"dst":"10.244.2.0/24","gateway":"10.244.2.0","dev":"flannel.1","flags":["onlink"]},
         {"dst":"10.244.3.0/24","nexthops":[{"gateway":"192.0.2.3","dev":"eth0"},{"gateway":"192.0.2.4","dev":"eth1"}],"flags":[]},
         {"type":"blackhole","dst":"10.244.4.0/24","flags":[]}]
        """;

    private const string OfIPv6 = """
        [{"dst":"fd00:1::/64","dev":"cni0","metric":256,"pref":"medium","flags":[]},
         {"dst":"fd00:2::/64","dev":"eth0","metric":256,"pref":"medium","flags":[]},
         {"dst":"fd00:2::/64","dev":"eth1","metric":256,"pref":"medium","flags":[]},
         {"type":"unreachable","dst":"fd00:3::/64","dev":"lo","metric":1024,"flags":[]},
         {"dst":"default","gateway":"fe80::1","dev":"eth0","metric":1024,"pref":"medium","flags":[]}]
        """;

    private const string Rules = """
        [{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"},
         {"priority":32767,"src":"all","table":"default"}]
        """;

    private const string RulesOfIPv6 = """[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"}]""";

    private const string TextOfIPv4 = """
        default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.10
        default via 198.51.100.1 dev eth1 metric 100
        10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1
        10.244.1.77 dev cali1 scope link
        10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
        10.244.3.0/24 proto bird
            nexthop via 192.0.2.3 dev eth0 weight 1
            nexthop via 192.0.2.4 dev eth1 weight 1
        blackhole 10.244.4.0/24 proto bird
        10.244.6.0/24 dev eth1 table 100
        """;

    private const string TextOfIPv6 = """
        fd00:1::/64 dev cni0 metric 256 pref medium
        fd00:2::/64 dev eth0 metric 256 pref medium
        fd00:2::/64 dev eth1 metric 256 pref medium
        unreachable fd00:3::/64 dev lo metric 1024 error -113 pref medium
        default dev eth0 metric 1024 pref medium
        """;

    private const string FirstRule = "0:\tfrom all lookup local\n";

    private const string LastRules = "32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n";

    private const string TextOfRules = FirstRule + LastRules;

    private const string TextOfRulesIPv6 = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n";

    [Theory]
    [InlineData("203.0.113.9", "eth0")]
    [InlineData("10.244.1.5", "cni0")]
    [InlineData("10.244.1.77", "cali1")]
    [InlineData("10.244.2.5", "flannel.1")]
    [InlineData("10.244.3.5", null)]
    [InlineData("10.244.4.5", null)]
    [InlineData("fd00:1::5", "cni0")]
    [InlineData("fd00:2::5", null)]
    [InlineData("fd00:3::5", null)]
    [InlineData("2001:db8::5", "eth0")]
    public void The_longest_route_tells_the_interface(string address, string? device)
    {
        Assert.Equal(device, ReadJson(Rules).DeviceTo(InetAddress.Parse(address)));
        Assert.Equal(device, Read(TextOfIPv4, TextOfIPv6, TextOfRules, TextOfRulesIPv6).DeviceTo(InetAddress.Parse(address)));
        // One paste, with the prompts that people leave in.
        string paste = $"$ ip route\n{TextOfIPv4}\n$ ip -6 route\n{TextOfIPv6}\n$ ip rule; ip -6 rule\n{TextOfRules}{TextOfRulesIPv6}";
        Assert.Equal(device, Read(paste).DeviceTo(InetAddress.Parse(address)));
    }

    [Fact]
    public void A_route_of_another_table_is_not_used() =>
        Assert.Equal("eth0", Read(TextOfIPv4, TextOfRules).DeviceTo(InetAddress.Parse("10.244.6.5")));

    [Fact]
    public void A_family_whose_policy_is_not_shown_is_unknown()
    {
        Routes routes = Read(TextOfIPv4, TextOfIPv6, TextOfRules);

        Assert.Equal("cni0", routes.DeviceTo(InetAddress.Parse("10.244.1.5")));
        Assert.Null(routes.DeviceTo(InetAddress.Parse("fd00:1::5")));
    }

    [Theory]
    [InlineData("10.244.1.5 dev eth0 lladdr 00:00:5e:00:53:01 REACHABLE\n")]
    [InlineData("""[{"dst":"10.244.1.5","dev":"eth0","lladdr":"00:00:5e:00:53:01","state":["REACHABLE"]}]""")]
    public void A_neighbour_is_no_route(string neighbours) =>
        Assert.Equal("cni0", Read(TextOfIPv4, TextOfRules, neighbours).DeviceTo(InetAddress.Parse("10.244.1.5")));

    [Fact]
    public void Ranges_behind_another_router_are_not_on_link() =>
        Assert.Equal(["10.244.1.77/32", "10.244.1.0/24"], ReadJson(Rules).OnLink(InetPrefix.Parse("10.244.0.0/16"))
            .Select(range => range.ToString()));

    [Theory]
    [InlineData("""[{"priority":0,"src":"all","table":"local"},{"priority":100,"src":"all","fwmark":"0x1","table":"100"}]""")]
    [InlineData("")]
    [InlineData("no JSON")]
    [InlineData(FirstRule + "100:\tfrom all fwmark 0x1 lookup 100\n" + LastRules)]
    [InlineData(FirstRule + "100:\tnot from 10.0.0.0/8 blackhole\n" + LastRules)]
    public void With_policy_routing_or_without_its_rules_nothing_is_known(string rules) =>
        Assert.Null(ReadJson(rules).DeviceTo(InetAddress.Parse("10.244.1.5")));

    [Theory]
    [InlineData("{}")]
    [InlineData("[1, {\"dst\": 5}, {\"dev\": \"eth0\"}, {\"dst\": \"10.0.0.0/40\", \"dev\": \"eth0\"}]")]
    [InlineData("[{\"dst\":")]
    public void What_is_no_route_is_left_out(string routes) =>
        Assert.Null(Read(routes, Rules).DeviceTo(InetAddress.Parse("10.0.0.5")));

    [Fact]
    public void What_routes_would_settle_is_said_and_is_settled_by_them()
    {
        const string rules = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i eth0 -o cni0 -j DROP\nCOMMIT\n";
        var packet = new PacketSpec
        {
            Source = InetAddress.Parse("203.0.113.9"),
            Destination = InetAddress.Parse("10.244.1.5"),
            Protocol = IpProtocol.Tcp,
            DestinationPort = 80,
        };
        var node = new NodeAddresses(null, [InetAddress.Parse("192.0.2.10")]);

        Outcome unknown = Assert.Single(new PacketSimulator(RulesOf(rules), node).Trace(packet).Outcomes);
        Ruleset withRoutes = RulesOf(rules, TextOfIPv4, TextOfRules);
        var routes = Routes.Of(withRoutes);
        Outcome known = Assert.Single(new PacketSimulator(withRoutes, node)
            .Trace(packet with { InInterface = routes.DeviceTo(packet.Source), Routes = routes }).Outcomes);

        Assert.Equal(OutcomeVerdict.Unknown, unknown.Verdict);
        Assert.Equal(["--in IFACE, or the outputs of 'ip route' and 'ip rule' beside the rules",
            "--out IFACE, or the outputs of 'ip route' and 'ip rule' beside the rules"], unknown.SettledBy);
        Assert.Equal(OutcomeVerdict.Drop, known.Verdict);
    }

    /// <summary>The kernel's reverse path filter in nft (firewalld's, for one): by the routes, where they decide.</summary>
    [Theory]
    [InlineData("10.244.1.5", "cni0", OutcomeVerdict.Forward)]
    [InlineData("10.244.1.5", "eth0", OutcomeVerdict.Drop)]
    [InlineData("203.0.113.9", "eth0", OutcomeVerdict.Forward)]
    [InlineData("203.0.113.9", "cni0", OutcomeVerdict.Drop)]
    // Several next hops, an unknown interface, the loopback interface, an address of one link.
    [InlineData("10.244.3.5", "eth0", OutcomeVerdict.Unknown)]
    [InlineData("203.0.113.9", null, OutcomeVerdict.Unknown)]
    [InlineData("203.0.113.9", "lo", OutcomeVerdict.Unknown)]
    [InlineData("169.254.1.5", "eth0", OutcomeVerdict.Unknown)]
    public void A_reverse_path_filter_is_decided_by_routes(string source, string? device, OutcomeVerdict verdict)
    {
        string[] filters =
        [
            Filter("fib saddr . iif oif missing drop"), Filter("fib saddr . mark . iif oif eq 0 drop"),
            Filter("fib saddr . iif check exists accept; drop"), Filter("fib saddr . iif oifname \"\" drop"),
            """
            {"nftables":[{"metainfo":{"json_schema_version":1}},{"table":{"family":"inet","name":"firewall","handle":1}},
             {"chain":{"family":"inet","table":"firewall","name":"pre","handle":1,"type":"filter","hook":"prerouting","prio":-10,"policy":"accept"}},
             {"rule":{"family":"inet","table":"firewall","chain":"pre","handle":2,"expr":[{"match":{"op":"==",
              "left":{"fib":{"result":"oif","flags":["saddr","mark","iif"]}},"right":false}},{"drop":null}]}}]}
            """,
        ];
        foreach (string filter in filters)
        {
            Ruleset rules = RulesOf(filter, TextOfIPv4, TextOfRules);
            var packet = new PacketSpec
            {
                Source = InetAddress.Parse(source),
                Destination = InetAddress.Parse("10.244.2.5"),
                Protocol = IpProtocol.Tcp,
                DestinationPort = 80,
                InInterface = device,
                Routes = Routes.Of(rules),
            };
            var simulator = new PacketSimulator(rules, new NodeAddresses(null, [InetAddress.Parse("192.0.2.10")]));
            Assert.Equal((filter, verdict), (filter, Assert.Single(simulator.Trace(packet).Outcomes).Verdict));
        }

        static string Filter(string rule) =>
            $"table inet firewall {{\n\tchain pre {{\n\t\ttype filter hook prerouting priority -10; policy accept;\n\t\t"
            + $"{rule.Replace("; ", "\n\t\t", StringComparison.Ordinal)}\n\t}}\n}}\n";
    }

    private static Routes ReadJson(string rules) => Read(OfIPv4, OfIPv6, rules, RulesOfIPv6);

    private static Routes Read(params string[] inputs) => Routes.Of(RulesOf(inputs));

    private static Ruleset RulesOf(params string[] inputs) =>
        RulesetReader.Read(inputs.Select(static text => new SourceText("input", Encoding.UTF8.GetBytes(text))));
}
