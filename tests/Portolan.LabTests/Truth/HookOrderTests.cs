using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
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
/// Chains of iptables-nft and of nftables at one hook, at various priorities and at equal ones: each writes into the packet's mark which of
/// the others came before it, some accept and some drop, and trace must know the mark that the packet had in the end.
/// </summary>
public sealed partial class HookOrderTests(ITestOutputHelper output)
{
    private const int Chains = 5;
    private const int PacketsPerRuleset = 12;

    private static readonly int s_rulesets = Lab.Setting("PORTOLAN_TRUTH_RULESETS", 8);
    private static readonly int s_firstSeed = Lab.Setting("PORTOLAN_TRUTH_SEED", 1);

    private static readonly Dictionary<string, string[]> s_tables = new()
    {
        ["prerouting"] = ["raw", "mangle", "nat"],
        ["input"] = ["mangle", "filter", "security", "nat"],
        ["forward"] = ["mangle", "filter", "security"],
        ["output"] = ["raw", "mangle", "nat", "filter", "security"],
        ["postrouting"] = ["mangle", "nat"],
    };

    [Theory]
    [InlineData("prerouting", false)]
    [InlineData("prerouting", true)]
    [InlineData("input", false)]
    [InlineData("input", true)]
    [InlineData("forward", false)]
    [InlineData("forward", true)]
    [InlineData("output", false)]
    [InlineData("output", true)]
    [InlineData("postrouting", false)]
    [InlineData("postrouting", true)]
    public void Chains_that_share_a_hook_are_called_in_the_order_that_trace_says(string hook, bool isIPv6)
    {
        Lab.SkipWithout("nft", "iptables-nft", "ip6tables-nft");
        Lab.SkipWithoutTunDevices();
        TruthWorld world = isIPv6 ? TruthWorld.IPv6 : TruthWorld.IPv4;
        using NodeLab lab = TruthWorld.Site.MakeLab();
        using LabProbes probes = lab.Namespace.Run(() => new LabProbes(lab));
        int dropped = 0;
        for (int seed = s_firstSeed; seed < s_firstSeed + s_rulesets; seed++)
        {
            lab.ForgetRules();
            lab.FlushConntrack();
            SourceText[] dumps = lab.Namespace.Run(() => Load(new Random(seed), hook, world));
            var simulator = new PacketSimulator(RulesetReader.Read(dumps).WithoutTranslations(), TruthWorld.Site.Addresses);
            TruthPacket[] packets = [.. Enumerable.Range(0, PacketsPerRuleset).Select(number => Packet(number, hook, world))];
            ImmutableArray<ProbeEnd> ends = lab.Namespace.Run(() => TruthComparison.Send(probes, packets));
            Dictionary<int, uint> marks = lab.Namespace.Run(Marks);
            for (int number = 0; number < packets.Length; number++)
            {
                Outcome outcome =
                    Assert.Single(simulator.Trace(packets[number].Premise(hook == "input" ? null : NodeLab.PodDevice)).Outcomes);
                string traced = outcome.Verdict == OutcomeVerdict.Drop
                    ? "dropped" : Text(outcome.Verdict == OutcomeVerdict.Local ? PacketEnd.Delivered : PacketEnd.Forwarded, outcome.Mark);
                string real = ends[number].End == PacketEnd.Vanished
                    ? "dropped" : Text(ends[number].End, marks.GetValueOrDefault(Port(number)));
                dropped += real == "dropped" ? 1 : 0;
                Assert.True(real == traced, $"{hook}, seed {seed}, {packets[number]}: the kernel: {real}; trace: " +
                    $"{traced}\n{string.Join('\n', dumps.Select(dump => Encoding.UTF8.GetString(dump.Bytes)))}");
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{hook} {(isIPv6 ? "ip6" : "ip")}: {s_rulesets * PacketsPerRuleset} packets, {dropped} of them dropped, 0 disagreements"));
        Assert.InRange(dropped, 1, s_rulesets * PacketsPerRuleset - 1);
    }

    [Fact]
    public void Of_a_chain_that_was_added_to_its_table_late_trace_says_what_else_may_be()
    {
        Lab.SkipWithout("nft");
        Lab.SkipWithoutTunDevices();
        using NodeLab lab = TruthWorld.Site.MakeLab();
        using LabProbes probes = lab.Namespace.Run(() => new LabProbes(lab));
        string dump = lab.Namespace.Run(static () =>
        {
            Tool.Run("nft", ["-f", "-"], "add table ip old\nadd table ip new\n"
                + "add chain ip new c { type filter hook forward priority 0; }\nadd rule ip new c meta mark set 1\n");
            Tool.Run("nft", ["-f", "-"],
                "add chain ip old c { type filter hook forward priority 0; }\nadd rule ip old c meta mark 1 drop\n");
            return Tool.Run("nft", ["list", "ruleset"]);
        });
        TruthPacket packet = Packet(1, "forward", TruthWorld.IPv4);

        ProbeEnd end = lab.Namespace.Run(() => TruthComparison.Send(probes, [packet]))[0];
        TraceResult trace = new PacketSimulator(RulesetReader.Read([new SourceText("dump", Encoding.UTF8.GetBytes(dump))]),
            TruthWorld.Site.Addresses).Trace(packet.Premise(NodeLab.PodDevice));

        // The listing is the same when "old" was made with its chain before "new", and then the kernel drops the packet.
        Assert.Equal(PacketEnd.Forwarded, end.End);
        Assert.Equal(OutcomeVerdict.Drop, Assert.Single(trace.Outcomes).Verdict);
        string note = Assert.Single(trace.Caveats);
        Assert.Contains("new c and old c", note, StringComparison.Ordinal);
        Assert.Contains("In the other order: 100 %  leaves untranslated", note, StringComparison.Ordinal);
    }

    private static string Text(PacketEnd end, uint mark) => string.Create(CultureInfo.InvariantCulture, $"{end} with mark 0x{mark:x}");

    private static int Port(int number) => 2000 + number;

    private static TruthPacket Packet(int number, string hook, TruthWorld world)
    {
        FlowOrigin origin = hook == "output" ? FlowOrigin.Node : FlowOrigin.External;
        return new TruthPacket(origin, 0, new Probe(
            new InetEndpoint(InetAddress.Parse(origin == FlowOrigin.Node ? world.Node : world.External(20)), (ushort)(30_000 + number)),
            new InetEndpoint(InetAddress.Parse(hook == "input" ? world.Node : world.PacketDestinations[3]), (ushort)Port(number)),
                IpProtocol.Udp, 0x2000_0000 + (uint)number * 4), IsFresh: true);
    }

    /// <summary>Loads tables of both kinds in a random order, each whole, and one at the end that notes each packet's mark.</summary>
    private static SourceText[] Load(Random random, string hook, TruthWorld world)
    {
        string iptables = world.IsIPv4 ? "iptables-nft" : "ip6tables-nft";
        string[] tables = s_tables[hook];
        random.Shuffle(tables = [.. tables]);
        int ofIptables = random.Next(1, Math.Min(3, tables.Length) + 1);
        int[] numbers = [.. Enumerable.Range(0, Chains)];
        random.Shuffle(numbers);
        var steps = new List<Action>();
        for (int i = 0; i < ofIptables; i++)
        {
            string chain = hook.ToUpperInvariant();
            string rules = string.Concat(Rules(random, numbers[i], tables[i] == "nat").Select(rule => $"-A {chain} {rule.Iptables}\n"));
            string text = $"*{tables[i]}\n:{chain} ACCEPT [0:0]\n{rules}COMMIT\n";
            steps.Add(() => Tool.Run($"{iptables}-restore", ["--noflush"], text));
        }
        int[] rest = numbers[ofIptables..];
        int cut = random.Next(0, rest.Length + 1);
        foreach ((string family, string name, int[] chains) in (
            ReadOnlySpan<(string, string, int[])>)[(world.IsIPv4 ? "ip" : "ip6", "one", rest[..cut]), ("inet", "two", rest[cut..])])
        {
            var text = new StringBuilder($"table {family} {name} {{\n");
            foreach (int number in chains)
            {
                bool isNat = hook != "forward" && random.Next(4) == 0;
                string priority = isNat ? Pick(random, "-100", "-90", "100") : Pick(random, "-300", "-150", "0", "0", "50", "150");
                text.Append(CultureInfo.InvariantCulture,
                    $"chain c{number} {{ type {(isNat ? "nat" : "filter")} hook {hook} priority {priority}; policy accept;\n");
                foreach ((_, string rule) in Rules(random, number, isNat))
                    text.Append(rule).Append('\n');
                text.Append("}\n");
            }
            steps.Add(() => Tool.Run("nft", ["-f", "-"], text + "}\n"));
        }
        Action[] order = [.. steps];
        random.Shuffle(order);
        foreach (Action step in order)
            step();
        Tool.Run("nft", ["-f", "-"], """
            table inet observer {
              set marks { type inet_service . mark; size 65535; flags dynamic; }
              chain in { type filter hook input priority 1000; add @marks { udp dport . meta mark }; }
              chain out { type filter hook postrouting priority 1000; add @marks { udp dport . meta mark }; }
            }
            """);
        string listing = random.Next(2) == 0 ? Tool.Run("nft", ["list", "ruleset"]) : Tool.Run("nft", ["-j", "list", "ruleset"]);
        return [new SourceText("iptables", Encoding.UTF8.GetBytes(Tool.Run($"{iptables}-save", []))),
            new SourceText("nft", Encoding.UTF8.GetBytes(listing))];
    }

    /// <summary>
    /// A chain's rules in both languages: for each other chain a bit when it came before this one, a bit that this one was there, an end
    /// for some ports, and a bit for those that came past it.
    /// </summary>
    private static IEnumerable<(string Iptables, string Nft)> Rules(Random random, int number, bool isNat)
    {
        for (int other = 0; other < Chains; other++)
        {
            if (other == number)
                continue;
            uint before = 1u << (Chains + number * (Chains - 1) + (other < number ? other : other - 1));
            yield return (string.Create(CultureInfo.InvariantCulture,
                $"-m mark --mark {1u << other}/{1u << other} -j MARK --or-mark {before}"),
                string.Create(CultureInfo.InvariantCulture,
                    $"meta mark & {1u << other} == {1u << other} meta mark set meta mark | {before}"));
        }
        yield return Or(1u << number);
        int port = Port(random.Next(PacketsPerRuleset));
        if (!isNat)
            yield return (string.Create(CultureInfo.InvariantCulture, $"-p udp -m udp --dport {port} -j DROP"),
                string.Create(CultureInfo.InvariantCulture, $"udp dport {port} drop"));
        int first = Port(random.Next(PacketsPerRuleset));
        string end = random.Next(2) == 0 ? "ACCEPT" : "RETURN";
        yield return (string.Create(CultureInfo.InvariantCulture, $"-p udp -m udp --dport {first}:{first + 5} -j {end}"),
            string.Create(CultureInfo.InvariantCulture, $"udp dport {first}-{first + 5} {end.ToLowerInvariant()}"));
        yield return Or(1u << (Chains * Chains + number));
    }

    private static (string Iptables, string Nft) Or(uint bit) => (string.Create(CultureInfo.InvariantCulture, $"-j MARK --or-mark {bit}"),
        string.Create(CultureInfo.InvariantCulture, $"meta mark set meta mark | {bit}"));

    /// <summary>The mark that each port's packet had in the end.</summary>
    private static Dictionary<int, uint> Marks() => Element().Matches(Tool.Run("nft", ["list", "set", "inet", "observer", "marks"]))
        .ToDictionary(
        match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match =>
            uint.Parse(match.Groups[2].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));

    private static string Pick(Random random, params string[] choices) => choices[random.Next(choices.Length)];

    [GeneratedRegex("([0-9]+) \\. 0x([0-9a-f]+)")]
    private static partial Regex Element();
}
