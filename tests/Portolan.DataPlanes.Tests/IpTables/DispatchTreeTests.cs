using CsCheck;
using Portolan.DataPlanes.IpTables.State;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.Tests.IpTables;

public sealed class DispatchTreeTests
{
    private static readonly ObjectName s_owner = new("test", "service");

    private static readonly Gen<InetAddress> s_clustered = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 120],
        (network, host) => InetAddress.FromIPv4(0xac1e_0000 + (uint)network * 0x0001_4000 + (uint)host));

    [Theory]
    [InlineData(100, 24)]
    [InlineData(1_000, 32)]
    [InlineData(10_000, 40)]
    public void Every_address_is_found_by_a_number_of_rules_that_grows_with_the_logarithm(int services, int limit) =>
        Assert.InRange(WorstWalk(services), 1, limit);

    [Fact]
    public void Changes_lead_to_the_tree_of_a_fresh_start() => Gen.Select(s_clustered.Array[0, 80], s_clustered.Array[1, 6].Array[1, 20])
        .Sample((start, steps) =>
        {
            var tree = new DispatchTree(IpFamily.IPv4);
            HashSet<InetAddress> present = [.. start];
            tree.Fill(present.Select(address => (address, s_owner, $"rule {address}")));
            Dictionary<string, string> kernel = Show(tree);
            foreach (InetAddress[] step in steps)
            {
                HashSet<InetAddress> toggled = [.. step];
                ChangeSet change = new(null!);
                FamilyTables.ChangeTree(change, tree, [.. toggled.Where(present.Contains).Select(Entry)],
                    [.. toggled.Where(address => !present.Contains(address)).Select(Entry)]);
                present.SymmetricExceptWith(toggled);
                foreach (string deleted in change.Deleted)
                    Assert.True(kernel.Remove(deleted), $"{deleted} is deleted and was not there");
                foreach (DispatchTree.Branch branch in change.Branches)
                    kernel[branch.Name] = string.Join('\n', branch.Rules.Select(static rule => rule.Rule).Order());
                var fresh = new DispatchTree(IpFamily.IPv4);
                fresh.Fill(present.Select(Entry));
                Assert.Equal(Show(fresh), kernel);
            }
        });

    private static (InetAddress Address, ObjectName Owner, string Rule) Entry(InetAddress address) => (address, s_owner, $"rule {address}");

    private static Dictionary<string, string> Show(DispatchTree tree) =>
        tree.AllBranches().ToDictionary(static branch => branch.Name, static branch => string.Join('\n', branch.Rules.Select(static rule => rule.Rule).Order()));

    /// <summary>The longest walk to a service's rule, with all chains read as the kernel does.</summary>
    private static int WorstWalk(int services)
    {
        var tree = new DispatchTree(IpFamily.IPv4);
        tree.Fill(Enumerable.Range(0, services).Select(i => Entry(InetAddress.FromIPv4(0xac1e_0000 + (uint)(i / 250 * 256 + i % 250)))));
        Dictionary<string, List<string>> chains = tree.AllBranches().ToDictionary(static branch => branch.Name,
            static branch => branch.Rules.Select(static rule => rule.Rule).ToList());
        List<string> root = [.. tree.Root().Select(static rule => rule.Rule)];
        return Enumerable.Range(0, services).Max(i => Walk(root, chains, InetAddress.FromIPv4(0xac1e_0000 + (uint)(i / 250 * 256 + i % 250))));
    }

    private static int Walk(List<string> chain, Dictionary<string, List<string>> chains, InetAddress address)
    {
        int walked = 0;
        foreach (string rule in chain)
        {
            walked++;
            if (rule == $"rule {address}")
                return walked;
            string[] words = rule.Split(' ');
            if (words[0] == "-d" && InetPrefix.Parse(words[1]).Contains(address))
                return walked + Walk(chains[words[3]], chains, address);
        }
        throw new InvalidOperationException($"{address} is not found.");
    }
}
