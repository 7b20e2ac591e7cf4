using System.Globalization;
using System.Text;
using CsCheck;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>
/// The picture says what trace says: every end of a traced packet is a path of arrows for its client, and every path an end, also where
/// rules of others come first.
/// </summary>
public sealed class GraphAgreementTests
{
    private static readonly string[] s_sources =
    [
        "203.0.113.0/24",
        "203.0.113.9/32",
        "10.244.0.0/16",
        "10.244.1.0/24",
        "10.244.2.54/32",
        "198.51.100.7/32",
        "0.0.0.0/0",
        "8.0.0.0/7",
    ];

    private static readonly string[] s_destinations =
    [
        "172.30.10.1/32",
        "172.30.10.3/32",
        "172.6.6.7/32",
        "172.30.0.0/16",
        "10.244.1.0/24",
        "10.244.2.0/24",
        "10.244.1.30/32",
        "0.0.0.0/0",
    ];

    private static readonly string[] s_interfaces = ["", "", "", "-i docker0 ", "! -i cni0 "];

    private static readonly string[] s_chances =
    [
        "",
        "",
        "",
        "-m statistic --mode random --probability 0.25000000000 ",
        "-m mark ! --mark 0x4000/0x4000 ",
    ];

    private static readonly (string Table, string Chain, string[] Targets)[] s_places =
    [
        ("nat", "PREROUTING", ["-p tcp -j DNAT --to-destination 10.9.9.9:99", "-j ACCEPT", "-p tcp -j REDIRECT --to-ports 15001"]),
        ("nat", "OUTPUT", ["-p tcp -j DNAT --to-destination 10.9.9.9:99", "-j ACCEPT"]),
        ("nat", "POSTROUTING", ["-j MASQUERADE", "-j ACCEPT", "-j SNAT --to-source 192.0.2.77"]),
        ("filter", "FORWARD", ["-j DROP", "-j ACCEPT", "-j REJECT --reject-with icmp-host-prohibited"]),
        ("filter", "OUTPUT", ["-j DROP", "-j ACCEPT"]),
        ("raw", "PREROUTING", ["-j NOTRACK", "-j DROP"]),
    ];

    private static Gen<T> Any<T>(T[] choices) => Gen.Int[0, choices.Length - 1].Select(index => choices[index]);

    private static readonly Gen<(string Table, string Rule)> s_rule =
        from place in Any(s_places)
        from target in Any(place.Targets)
        from source in Any(s_sources)
        from destination in Any(s_destinations)
        from arrival in Any(s_interfaces)
        from chance in Any(s_chances)
        select (place.Table, $"-A {place.Chain} -s {source} -d {destination} "
            + $"{(place.Chain is "PREROUTING" or "FORWARD" ? arrival : "")}{(place.Table == "nat" ? "" : chance)}{target}\n");

    private static readonly Gen<(string Table, string Rule)[]> s_rules = s_rule.Array[0, 3];

    [Theory]
    [InlineData(Dumps.Save136)]
    [InlineData(Dumps.Save120)]
    public void The_picture_is_what_trace_says_with_rules_of_others_first(string file)
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", file)));
        Gen.Select(s_rules, Gen.Int).Sample((rules, seed) => Agree(Dumps.Text(Mix(text, rules)), new Random(seed),
            string.Concat(rules.Select(static rule => rule.Table + rule.Rule))), iter: 60, threads: 1);
    }

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("portolan/nft-1.1.7.txt")]
    [InlineData("portolan/nft-1.1.7.json")]
    [InlineData("pastes/04-hostport-before-services.txt")]
    [InlineData("pastes/07-docker-forward-drop.txt")]
    [InlineData("pastes/10-nodelocaldns.txt")]
    [InlineData("pastes/18-two-backends.txt")]
    [InlineData("pastes/22-nft-kubeproxy-firewalld.txt")]
    [InlineData("pastes/26-lb-source-ranges.txt")]
    [InlineData("pastes/30-unequal-leftover.txt")]
    [InlineData(Dumps.Article)]
    public void The_picture_is_what_trace_says(string file) => Agree(Dumps.Read(file), new Random(1), file);

    private static string Mix(string text, (string Table, string Rule)[] rules)
    {
        foreach ((string table, string rule) in rules)
        {
            if (!text.Contains($"*{table}\n", StringComparison.Ordinal))
                text += $"*{table}\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
            int start = text.IndexOf($"*{table}\n", StringComparison.Ordinal),
                first = text.IndexOf("\n-A ", start, StringComparison.Ordinal),
                end = text.IndexOf("COMMIT\n", start, StringComparison.Ordinal);
            text = text.Insert(first < 0 || first > end ? end : first + 1, rule);
        }
        return text;
    }

    private static void Agree(Ruleset rules, Random random, string what)
    {
        var services = ServiceCatalogue.Read(rules);
        NodeAddresses node = RemoteAddresses.Apply(Dumps.NodeA, rules, services);
        var walker = new FrontendWalker(rules, services, node);
        ServiceGraph graph = new DecisionGraphBuilder(rules, services, node, new ChainGuide(services)).Build("all", services.Services);
        int compared = 0;
        foreach (ProgrammedService service in services.Services)
        {
            foreach (ProgrammedFrontend frontend in service.Frontends)
            {
                foreach ((InetAddress source, ClientPlace place) in Sources(service, walker, random))
                {
                    TraceResult trace = walker.Walk(service, frontend, place, source, "").Trace;
                    List<string> differences = GraphPaths.Differences(
                        GraphPaths.Of(graph, service, frontend, source, place == ClientPlace.Node), GraphPaths.Of(trace));
                    Assert.True(differences.Count == 0, $"{what}\n{service.DisplayName} {frontend.Text} from {source}:\n"
                        + string.Join('\n', differences) + "\ntrace:\n" + string.Join('\n', trace.Outcomes.Select(OutcomeText.Of)));
                    compared++;
                }
            }
        }
        Assert.NotEqual(0, compared);
    }

    private static IEnumerable<(InetAddress, ClientPlace)> Sources(ProgrammedService service, FrontendWalker walker, Random random)
    {
        ProgrammedFrontend any = service.Frontends[0];
        yield return (walker.SourceOf(ClientPlace.Node, service, any)!.Value, ClientPlace.Node);
        var sources = new List<InetAddress>();
        if (walker.SourceOf(ClientPlace.Pod, service, any) is { } pod)
            sources.Add(pod);
        sources.AddRange(
            service.Endpoints.Select(static endpoint => endpoint.Address).Where(static address => address.Family != IpFamily.None)
        );
        sources.AddRange(
            service.Family == IpFamily.IPv4
                ? s_sources
                    .Select(text => Inside(text, random))
                    .Append($"10.244.{random.Next(4)}.{random.Next(1, 255)}")
                    .Append($"{random.Next(1, 200)}.{random.Next(255)}.7.7")
                    .Where(static text => !text.StartsWith("127.", StringComparison.Ordinal))
                    .Select(static text => InetAddress.Parse(text))
                : [InetAddress.Parse("2001:db8:7::7"), InetAddress.Parse("fd00:244:1::77")]
        );
        foreach (InetAddress source in sources.Distinct())
        {
            if (!Dumps.NodeA.Known.Contains(source))
                yield return (source, walker.PlaceOf(source));
        }
    }

    private static string Inside(string range, Random random)
    {
        string[] parts = range.Split('/');
        string[] bytes = parts[0].Split('.');
        int length = int.Parse(parts[1], CultureInfo.InvariantCulture);
        for (int index = (length + 7) / 8; index < 4; index++)
            bytes[index] = random.Next(1, 220).ToString(CultureInfo.InvariantCulture);
        return string.Join('.', bytes);
    }
}
