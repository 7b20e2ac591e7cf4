using System.Globalization;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Packets;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The probabilities that trace gives, against how often the kernel does each thing: thousands of connections through rules that choose at
/// random, in turn or by a hash.
/// </summary>
public sealed class TraceFrequencyTests(ITestOutputHelper output)
{
    /// <summary>Five standard deviations of one share in seven are then a tenth of it.</summary>
    private const int ConnectionsOfChance = 12_000;

    private const int ConnectionsInTurn = 4000;
    private const int BatchSize = 200;

    /// <summary>How far a count may be from what is expected of it: about two of a million fair counts are further.</summary>
    private const double Sigmas = 5;

    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(200);

    [Theory]
    [InlineData("iptables-nft")]
    [InlineData("iptables-legacy")]
    public void The_statistic_match_chooses_at_random_as_often_as_trace_says(string tool)
    {
        // Seven equal shares as kube-proxy writes them, and a rule that loses some.
        string rules = Endpoints(7, left => left == 1 ? ""
            : string.Create(CultureInfo.InvariantCulture, $"-m statistic --mode random --probability {1.0 / left:F11}"))
            + "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m statistic --mode random ! --probability 0.9 -j DROP\nCOMMIT\n";
        Compare(tool, () => LoadIptables(tool, rules), Sigmas);
    }

    [Theory]
    [InlineData("iptables-nft")]
    [InlineData("iptables-legacy")]
    public void The_statistic_match_counts_to_every_nth_packet_as_often_as_trace_says(string tool)
    {
        string rules = Endpoints(5, left => left == 1 ? ""
            : string.Create(CultureInfo.InvariantCulture, $"-m statistic --mode nth --every {left} --packet {left - 1}"));
        Compare(tool, () => LoadIptables(tool, rules), sigmas: 0);
    }

    [Fact]
    public void Numgen_random_chooses_as_often_as_trace_says() => Compare("nft", () => LoadNft(
        "numgen random mod 100 < 15 drop",
            "dnat to numgen random mod 5 map { 0 : 10.180.0.10, 1 : 10.180.0.11, 2-3 : 10.180.0.12, 4 : 10.180.0.13 }"), Sigmas);

    [Fact]
    public void Numgen_inc_takes_turns_as_often_as_trace_says() => Compare("nft", () => LoadNft(
        "", "dnat to numgen inc mod 3 map { 0 : 10.180.0.10, 1 : 10.180.0.11, 2 : 10.180.0.12 }"), sigmas: 0);

    [Fact]
    public void A_hash_chooses_for_each_client_as_trace_says() => Compare("nft", () => LoadNft(
        "jhash ip saddr . ip daddr mod 8 seed 0x5eed 3 drop",
            "dnat to jhash ip saddr . udp sport mod 4 seed 0xcafe map { 0 : 10.180.0.10, 1 : 10.180.0.11, 2 : 10.180.0.12, 3 : " +
            "10.180.0.13 }"), sigmas: 0);

    /// <summary>Compares counts with the sums of probabilities.</summary>
    /// <param name="what">For the report.</param>
    /// <param name="load">Loads the rules, and returns them as the kernel lists them.</param>
    /// <param name="sigmas">How many standard deviations a count may be off; 0 for what is no chance, where a count may miss by a last
    /// round that is not full.</param>
    private void Compare(string what, Func<string> load, double sigmas)
    {
        if (what == "nft")
            Lab.SkipWithout("nft");
        else
            Lab.SkipWithout($"{what}-restore", $"{what}-save");
        Lab.SkipWithoutTunDevices();
        using NodeLab lab = TruthWorld.Site.MakeLab();
        using LabProbes probes = lab.Namespace.Run(() => new LabProbes(lab));
        var simulator = new PacketSimulator(RulesetReader.Read([new SourceText("dump", Encoding.UTF8.GetBytes(lab.Namespace.Run(load)))]),
            TruthWorld.Site.Addresses);
        var expected = new SortedDictionary<string, (double Sum, double Variance)>(StringComparer.Ordinal);
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int connections = sigmas == 0 ? ConnectionsInTurn : ConnectionsOfChance;
        for (int first = 0; first < connections; first += BatchSize)
        {
            TruthPacket[] batch = [.. Enumerable.Range(first, BatchSize).Select(Packet)];
            foreach (Outcome outcome in batch.SelectMany(packet => simulator.Trace(packet.Premise(NodeLab.PodDevice)).Outcomes))
            {
                string end = outcome.Verdict == OutcomeVerdict.Drop ? "dropped" : $"{outcome.Verdict} {outcome.DestinationText}";
                (double sum, double variance) = expected.GetValueOrDefault(end);
                expected[end] = (sum + outcome.Probability, variance + outcome.Probability * (1 - outcome.Probability));
            }
            foreach (ProbeEnd end in lab.Namespace.Run(() =>
                probes.Send([.. batch.Select(packet => (packet.Origin, packet.User, packet.Probe))], s_patience)))
            {
                string name = end.End switch
                {
                    PacketEnd.Vanished => "dropped",
                    PacketEnd.Forwarded => $"{OutcomeVerdict.Forward} {end.Destination}",
                    _ => end.ToString()
                };
                counts[name] = counts.GetValueOrDefault(name) + 1;
            }
        }
        foreach ((string end, (double sum, double variance)) in expected)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{what}: {end}: expected {sum:F1} +- {Math.Sqrt(variance):F1}, counted {counts.GetValueOrDefault(end)}"));
        Assert.Equal(expected.Keys, counts.Keys);
        Assert.True(expected.Count > 2, "rules that leave no choice prove nothing");
        Assert.All(expected, pair => Assert.InRange(
            Math.Abs(counts[pair.Key] - pair.Value.Sum), 0, sigmas == 0 ? 1 : sigmas * Math.Sqrt(pair.Value.Variance)));
    }

    private static TruthPacket Packet(int number) => new(FlowOrigin.External, 0, new Probe(
        new InetEndpoint(InetAddress.Parse(TruthWorld.IPv4.External(1 + number % 200)), (ushort)(10_000 + number)),
        new InetEndpoint(InetAddress.Parse("172.30.0.10"), 80), IpProtocol.Udp, 0x1000_0000 + (uint)number * 4), IsFresh: true);

    /// <summary>A nat table that chooses one of several endpoints, each with the condition for the number that is left.</summary>
    private static string Endpoints(int count, Func<int, string> condition) =>
        "*nat\n:PREROUTING ACCEPT [0:0]\n" + string.Concat(Enumerable.Range(0, count)
        .Select(index => string.Create(CultureInfo.InvariantCulture,
            $"-A PREROUTING -p udp {condition(count - index)} -j DNAT --to-destination 10.180.0.{10 + index}\n"))) + "COMMIT\n";

    private static string LoadIptables(string tool, string rules)
    {
        Tool.Run($"{tool}-restore", [], rules);
        return Tool.Run($"{tool}-save", []);
    }

    private static string LoadNft(string filter, string nat)
    {
        Tool.Run("nft", ["-f", "-"], $$"""
            table ip truth {
              chain nat { type nat hook prerouting priority -100; policy accept;
                {{nat}}
              }
              chain filter { type filter hook forward priority 0; policy accept;
                {{filter}}
              }
            }
            """);
        return Tool.Run("nft", ["list", "ruleset"]);
    }
}
