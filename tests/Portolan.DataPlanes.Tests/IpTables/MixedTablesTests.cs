using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>
/// Somebody has rules made with nft in the tables of iptables-nft, as many a nftables.conf does: iptables-nft-save then shows nothing of
/// the table. Services are served all the same, and no rule comes up twice.
/// </summary>
public sealed class MixedTablesTests
{
    private const int Gone = 7;

    [Theory]
    [InlineData("add chain ip nat mine; add rule ip nat mine fib daddr type local accept", IpTablesLayout.Modern, IpTablesDispatch.Linear)]
    [InlineData("add chain ip filter mine; add rule ip filter mine log prefix \"hm\"", IpTablesLayout.Modern, IpTablesDispatch.Tree)]
    [InlineData("insert rule ip nat PREROUTING ip daddr 192.0.2.77 fib daddr type local accept", IpTablesLayout.Classic,
        IpTablesDispatch.Tree)]
    [InlineData("insert rule ip nat POSTROUTING counter log prefix \"hm\"", IpTablesLayout.Modern, IpTablesDispatch.Linear)]
    [InlineData("insert rule ip filter FORWARD counter log prefix \"hm\"", IpTablesLayout.Classic, IpTablesDispatch.Linear)]
    [InlineData("insert rule ip filter KUBE-FIREWALL counter log prefix \"hm\"", IpTablesLayout.Modern, IpTablesDispatch.Linear)]
    [InlineData("insert rule ip nat KUBE-SERVICES udp length 1-65535 counter accept; insert rule ip nat KUBE-SERVICES ip daddr " +
        "192.0.2.77 fib daddr type local accept", IpTablesLayout.Modern, IpTablesDispatch.Linear)]
    public void Rules_stay_complete_and_single(string foreign, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        using var pod = new ServedPod(new() { Backend = IpTablesBackend.Nft, Layout = layout, Dispatch = dispatch });
        PlaneUnderTest plane = pod.Plane;
        string[] before = Jumps(plane);
        string[] owned = Owned(plane);
        Assert.InRange(before.Length, 6, 20);

        foreach (string command in foreign.Split("; "))
            plane.Namespace.Run(() => Tool.Run("nft", [command]));
        Assert.Contains("is incompatible", plane.Save(), StringComparison.Ordinal);
        List<string> findings = [];
        for (int look = 0; look < 10; look++)
            plane.Check(findings);
        Assert.Empty(findings);

        for (int sync = 0; sync < 3; sync++)
            AssertComplete(plane.Reconcile());
        Assert.Equal(before, Jumps(plane));
        ServiceTable smaller = ServedPod.Table();
        smaller.Apply(new ClusterEvent.ServiceGone(TestCluster.NameOf(Gone)));
        AssertComplete(plane.Restart(smaller));

        Assert.Equal(before, Jumps(plane));
        string[] left = Owned(plane);
        Assert.NotEqual(owned, left);
        Assert.Empty(left.Except(owned));
        plane.Sync(TestCluster.Slice(20, endpoints: 3));
        plane.Namespace.Run(() => Tool.Run("nft", ["insert rule ip nat KUBE-SERVICES ip daddr 192.0.2.200 counter accept"]));
        AssertComplete(plane.Reconcile());
        Assert.Equal(ServedPod.Gateway, pod.SourceAtPod());

        void AssertComplete(SyncReport report)
        {
            Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
            Assert.Empty(report.Refusals);
            // Where the rule was among ours it is gone, and with it what hid the table.
            if (plane.Save().Contains("is incompatible", StringComparison.Ordinal))
                Assert.Contains("written with nft", Assert.Single(report.Warnings), StringComparison.Ordinal);
        }
    }

    // "chain jump target" for each jump between chains that are not one service's, as the kernel has them.
    private static string[] Jumps(PlaneUnderTest plane)
    {
        List<string> jumps = [];
        foreach (string table in (string[])["nat", "filter"])
        {
            string chain = "";
            foreach (string line in plane.Namespace.Run(() => Tool.Run("nft", ["list", "table", "ip", table]))
                .Split('\n', StringSplitOptions.TrimEntries))
            {
                if (line.StartsWith("chain ", StringComparison.Ordinal))
                    chain = line.Split(' ')[1];
                int jump = line.IndexOf("jump KUBE-", StringComparison.Ordinal);
                if (jump > 0 && chain is "PREROUTING" or "INPUT" or "FORWARD" or "OUTPUT" or "POSTROUTING")
                    jumps.Add($"{table} {chain} {line[jump..]}");
            }
        }
        return [.. jumps.Order(StringComparer.Ordinal)];
    }

    private static string[] Owned(PlaneUnderTest plane) =>
        [.. plane.Namespace.Run(static () => Tool.Run("nft", ["list", "table", "ip", "nat"])).Split('\n', StringSplitOptions.TrimEntries)
        .Where(static line => line.StartsWith("chain KUBE-SVC-", StringComparison.Ordinal)
            || line.StartsWith("chain KUBE-SEP-", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}
