using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The simulator against the kernel: random rules are loaded into a namespace, random packets are sent through it, and what became of each
/// must be one of the outcomes that trace gives for it. PORTOLAN_TRUTH_RULESETS sets how many rulesets of each kind are tried,
/// PORTOLAN_TRUTH_SEED the first one's number, to try one again that a report names.
/// </summary>
public sealed partial class TraceTruthTests(ITestOutputHelper output)
{
    private const int PacketsPerOrigin = 40;

    private static readonly int s_rulesets = Lab.Setting("PORTOLAN_TRUTH_RULESETS", 8);
    private static readonly int s_firstSeed = Lab.Setting("PORTOLAN_TRUTH_SEED", 1);

    [Theory]
    [InlineData("iptables-nft")]
    [InlineData("iptables-legacy")]
    [InlineData("ip6tables-nft")]
    [InlineData("ip6tables-legacy")]
    public void What_the_kernel_does_under_random_iptables_rules_is_what_trace_says(string tool)
    {
        Lab.SkipWithout(tool, "ipset");
        TruthWorld world = tool.StartsWith("ip6", StringComparison.Ordinal) ? TruthWorld.IPv6 : TruthWorld.IPv4;
        Compare(tool, world, (lab, random) =>
        {
            string sets = new RandomIpSets(random, world).Restore();
            string rules = new RandomIptables(random, world).Ruleset();
            return lab.Namespace.Run(() =>
            {
                Tool.Run("ipset", ["restore"], sets);
                if (Tool.TryRun($"{tool}-restore", [], rules) is { Status: not 0 } refusal)
                    return new LoadedText([], refusal.Errors);
                ForgetRecentClients();
                return new LoadedText([Tool.Run($"{tool}-save", []), Tool.Run("ipset", ["save"])], string.Empty);
            });
        });
    }

    [Theory]
    [InlineData(false, "text")]
    [InlineData(false, "JSON")]
    [InlineData(true, "text")]
    [InlineData(true, "JSON")]
    public void What_the_kernel_does_under_random_nftables_rules_is_what_trace_says(bool isIPv6, string listing)
    {
        Lab.SkipWithout("nft");
        TruthWorld world = isIPv6 ? TruthWorld.IPv6 : TruthWorld.IPv4;
        Compare($"nft {(isIPv6 ? "ip6" : "ip")} {listing}", world, (lab, random) =>
        {
            string rules = new RandomNftables(random, world).Ruleset();
            return lab.Namespace.Run(() => LoadNft(rules) is { } refusal
                ? new LoadedText([], refusal)
                : new LoadedText([Tool.Run("nft", listing == "JSON" ? ["-j", "list", "ruleset"] : ["list", "ruleset"])], string.Empty));
        });
    }

    private void Compare(string what, TruthWorld world, Func<NodeLab, Random, LoadedText> load)
    {
        Lab.SkipWithoutTunDevices();
        using NodeLab lab = TruthWorld.Site.MakeLab();
        using LabProbes probes = lab.Namespace.Run(() => new LabProbes(lab));
        var comparison = new TruthComparison(TruthWorld.Site);
        var refusals = new List<string>();
        for (int seed = s_firstSeed; seed < s_firstSeed + s_rulesets && !comparison.HasEnough; seed++)
        {
            // Each kind has rulesets of its own.
            var random = new Random(HashCode(what) + seed);
            (string[] dumps, string refusal) = load(lab, random);
            if (dumps.Length == 0)
            {
                refusals.Add(refusal);
                continue;
            }
            lab.FlushConntrack();
            var simulator =
                new PacketSimulator(RulesetReader.Read(dumps.Select(dump => new SourceText("dump", Encoding.UTF8.GetBytes(dump)))),
                TruthWorld.Site.Addresses);
            var packets = new TruthPackets(random, world);
            foreach (FlowOrigin origin in (FlowOrigin[])[FlowOrigin.External, FlowOrigin.Pod, FlowOrigin.Node])
            {
                TruthPacket[] batch = [.. Enumerable.Range(0, PacketsPerOrigin).Select(_ => packets.Next(origin))];
                comparison.Judge(simulator, batch, lab.Namespace.Run(() => TruthComparison.Send(probes, batch)),
                    () => $"{what}, seed {seed}\n{string.Join("\n", dumps)}");
            }
        }
        output.WriteLine($"{comparison.Summary(what)}\n    {refusals.Count} of {s_rulesets} rulesets refused: {refusals.FirstOrDefault()}");
        Assert.True(comparison.Failures.Count == 0, string.Join("\n\n", comparison.Failures.Take(5)));
        Assert.True(comparison.Packets > 0 && refusals.Count < s_rulesets / 2,
            $"{refusals.Count} of {s_rulesets} rulesets were refused: {refusals.FirstOrDefault()}");
    }

    private static int HashCode(string text) => text.Aggregate(0, static (hash, letter) => (hash * 31 + letter) & 0xffffff);

    /// <summary>
    /// Loads rules without those that nft refuses: many random conditions exclude each other. Null, or why it could not be.
    /// </summary>
    private static string? LoadNft(string rules)
    {
        string[] lines = rules.Split('\n');
        string errors = string.Empty;
        for (int attempt = 0; attempt < 20; attempt++)
        {
            (int status, _, errors) = Tool.TryRun("nft", ["-f", "-"], string.Join('\n', lines));
            if (status == 0)
                return null;
            int[] refused =
                [.. RefusedLine().Matches(errors).Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) - 1)];
            if (refused.Length == 0)
                return errors;
            foreach (int line in refused)
            {
                // The line a chain or table begins on cannot be left out, nor those that let refusals through: the kernel refuses a circle
                // of chains with whole tables, and nft may name any line of these.
                if (lines[line].Contains(" hook ", StringComparison.Ordinal) || lines[line].StartsWith("table", StringComparison.Ordinal)
                    || RandomNftables.Guards.Contains(lines[line].Trim()))
                    return errors;
                lines[line] = string.Empty;
            }
        }
        return errors;
    }

    [GeneratedRegex("^/dev/stdin:([0-9]+):", RegexOptions.Multiline)]
    private static partial Regex RefusedLine();

    /// <summary>A list of the recent match lives on when rules that use it replace others.</summary>
    private static void ForgetRecentClients()
    {
        foreach (string list in Directory.GetFiles("/proc/thread-self/net/xt_recent"))
            File.WriteAllText(list, "/");
    }

    /// <summary>The rules as the kernel lists them; none, and why, when it refused them.</summary>
    private sealed record LoadedText(string[] Dumps, string Refusal);
}
