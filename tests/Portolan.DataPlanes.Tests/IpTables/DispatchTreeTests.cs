using CsCheck;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
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
            tree.Fill(present.Select(Entry));
            Dictionary<string, string> kernel = Show(tree);
            List<string> root = Texts(tree.Root());
            foreach (InetAddress[] step in steps)
            {
                HashSet<InetAddress> toggled = [.. step];
                TreeChange change = tree.Change(
                    [.. toggled.Where(present.Contains).Select(Entry)],
                    [.. toggled.Where(address => !present.Contains(address)).Select(Entry)]);
                present.SymmetricExceptWith(toggled);
                foreach (ChainId deleted in change.Deleted)
                    Assert.True(kernel.Remove(deleted.Name), $"{deleted} is deleted and was not there");
                foreach (DispatchTree.Branch branch in change.Written)
                    kernel[branch.Name] = Show(branch);
                foreach (string removed in Texts(change.RootRemoved))
                    Assert.True(root.Remove(removed), $"{removed} is removed and was not there");
                root.AddRange(Texts(change.RootAdded));
                var fresh = new DispatchTree(IpFamily.IPv4);
                fresh.Fill(present.Select(Entry));
                Assert.Equal(Show(fresh), kernel);
                Assert.Equal(Texts(fresh.Root()).Order(), root.Order());
            }
        });

    private static SharedRule Entry(InetAddress address) => new(
        ChainId.Nat("KUBE-SERVICES"), new() { Destination = PrefixMatch.Host(address), Target = new JumpTarget("found") },
            s_owner, address);

    private static Dictionary<string, string> Show(DispatchTree tree) =>
        tree.AllBranches().ToDictionary(static branch => branch.Name, Show);

    private static string Show(DispatchTree.Branch branch) =>
        string.Join('\n', branch.Rules().Select(static rule => rule.ToString()).Order());

    private static List<string> Texts(IEnumerable<OwnedRule> rules) => [.. rules.Select(static rule => rule.Rule.ToString())];

    /// <summary>The longest walk to a service's rule, with all chains read as the kernel does.</summary>
    private static int WorstWalk(int services)
    {
        var tree = new DispatchTree(IpFamily.IPv4);
        tree.Fill(Enumerable.Range(0, services).Select(AddressOf).Select(Entry));
        Dictionary<string, IReadOnlyList<IpRule>> chains = tree.AllBranches()
            .ToDictionary(static branch => branch.Name, static branch => branch.Rules());
        List<IpRule> root = [.. tree.Root().Select(static rule => rule.Rule)];
        return Enumerable.Range(0, services).Max(i => Walk(root, chains, AddressOf(i)));
    }

    private static InetAddress AddressOf(int i) => InetAddress.FromIPv4(0xac1e_0000 + (uint)(i / 250 * 256 + i % 250));

    private static int Walk(IReadOnlyList<IpRule> chain, Dictionary<string, IReadOnlyList<IpRule>> chains, InetAddress address)
    {
        int walked = 0;
        foreach (IpRule rule in chain)
        {
            walked++;
            if (!rule.Destination!.Value.Prefix.Contains(address))
                continue;
            string target = rule.Target!.Name;
            return target == "found" ? walked : walked + Walk(chains[target], chains, address);
        }
        throw new InvalidOperationException($"{address} is not found.");
    }
}
