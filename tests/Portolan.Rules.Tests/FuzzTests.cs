using System.Text;
using CsCheck;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Dumps;

namespace Portolan.Rules.Tests;

/// <summary>
/// Hostile input: never an exception, never more memory than a fixed multiple of the input. 6,000 runs; PORTOLAN_FUZZ_FACTOR in the
/// environment multiplies them.
/// </summary>
public sealed class FuzzTests
{
    [Fact]
    public void Noise_is_never_more_than_a_problem() => HostileDumps.Noise.Sample(ReadSafely, iter: 2000 * HostileDumps.Factor);

    [Fact]
    public void Damaged_dumps_are_never_more_than_a_problem() => HostileDumps.Damaged.Sample(ReadSafely, iter: 3000 * HostileDumps.Factor);

    [Fact]
    public void Damaged_dumps_beside_whole_ones_are_never_more_than_a_problem() =>
        Gen.Select(HostileDumps.Damaged, HostileDumps.Whole).Sample(
            (damaged, whole) => Check(RulesetReader.Read(new SourceText("whole", whole), new SourceText("damaged", damaged))),
                iter: 500 * HostileDumps.Factor);

    [Fact]
    public void A_dump_cut_at_any_line_or_in_the_middle_of_one_keeps_what_stands_before()
    {
        byte[] dump = File.ReadAllBytes(Dumps.PathOf("harbor/kube-proxy-1.36/iptables-save.txt"));
        Gen.Int[0, dump.Length].Sample(cut =>
        {
            Ruleset ruleset = Dumps.ReadBytes(dump[..cut]);
            Check(ruleset);
            int wholeRules = Encoding.UTF8.GetString(dump[..cut]).Split('\n')[..^1]
                .Count(line => line.StartsWith('[') && line.Contains("] -A "));
            int read = ruleset.Tables.Sum(table => table.Chains.Sum(chain => chain.Rules.Length));
            Assert.InRange(read, wholeRules, wholeRules + 1);
        }, iter: 500 * HostileDumps.Factor);
    }

    [Theory]
    [InlineData("-A X ", "-m comment --comment a ")]
    [InlineData("-A X -m bpf ", "-")]
    [InlineData("-A X -m string ", "a ")]
    [InlineData("-A X -m recent ", "! ")]
    [InlineData("-A X -m set --match-set a src ", "--x y ")]
    [InlineData("Chain X (1 references)\n", "ACCEPT  tcp  --  0.0.0.0/0  0.0.0.0/0  /* \n")]
    [InlineData("Chain X (1 references)\nACCEPT tcp -- 0.0.0.0/0 0.0.0.0/0 ", "/* ")]
    [InlineData("Chain X (1 references)\n", "Chain X (1 references)\n......\n")]
    [InlineData("", "Chain X (1 references)\n")]
    [InlineData("", "*nat\n")]
    [InlineData("", "table ip x {\n")]
    [InlineData("table ip x {\nchain y {\n", "a-")]
    [InlineData("table ip x {\nchain y {\n", "( ")]
    [InlineData("table ip x {\nchain y {\nip saddr ", "map { ")]
    [InlineData("table ip x {\nset y {\ntype ipv4_addr\nelements = { ", "1.1.1.1, ")]
    [InlineData("table ip x {\n", "chain y {\n}\n")]
    [InlineData("{\"nftables\": [", "[")]
    [InlineData("{\"nftables\": [", "{\"rule\": 1},\n")]
    [InlineData("create s hash:ip\n", "add s 10.0.0.1\n")]
    [InlineData("", "iptables -t nat -L ")]
    [InlineData("-A -t 1.1.1.1:1 -s rr\n", "-a -t 1.1.1.1:1 -r 1.1.1.2:1 -m -w 1\n")]
    [InlineData("Prot LocalAddress:Port Scheduler Flags\n", "TCP  1.1.1.1:1 rr\n  -> 1.1.1.2:1 Masq 1 0 0\n")]
    [InlineData("", "-A -t 1.1.1.1:1 -s ")]
    [InlineData("Name: s\nType: hash:ip\nMembers:\n", "10.0.0.1\n")]
    public void Twice_the_input_takes_no_more_than_about_twice_the_memory(string begin, string repeated)
    {
        long once = Allocated(begin, repeated, 20_000);
        long twice = Allocated(begin, repeated, 40_000);
        // Arrays that grow by doubling make steps; the square would be four times.
        Assert.InRange(twice, 0, once * 3 + 100_000);
    }

    private static long Allocated(string begin, string repeated, int times)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(new StringBuilder(begin).Insert(begin.Length, repeated, times).ToString());
        long before = GC.GetAllocatedBytesForCurrentThread();
        Check(Dumps.ReadBytes(bytes));
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void ReadSafely(byte[] bytes) => Check(Dumps.ReadBytes(bytes));

    // Everything that was read can be looked at: lines are in the file, texts can be shown, matches have values.
    private static void Check(Ruleset ruleset)
    {
        foreach (RuleTable table in ruleset.Tables)
        {
            foreach (Chain chain in table.Chains)
            {
                foreach (Rule rule in chain.Rules)
                {
                    Assert.True(rule.Source.Line > 0);
                    Assert.DoesNotContain('\n', table.Format == RuleFormat.NftJson ? "" : rule.Source.Text);
                    foreach (Statement statement in rule.Statements)
                        Assert.NotNull(statement);
                }
                foreach (int gap in chain.Gaps)
                    Assert.InRange(gap, 0, chain.Rules.Length);
            }
        }
        foreach (ReadProblem problem in ruleset.Problems)
            Assert.DoesNotContain(problem.Message, char.IsControl);
    }
}
