using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>Other users of iptables at work at the same time: nothing is lost, of theirs or of ours.</summary>
public sealed class ContentionTests
{
    [Fact]
    public void A_lock_held_for_longer_than_we_wait_costs_time_and_no_change()
    {
        using var plane = new PlaneUnderTest(
            new() { Backend = IpTablesBackend.Legacy, ServesIPv6 = false, LockSeconds = 1 }, TestCluster.Of(services: 3, endpoints: 2));
        plane.Sync();
        List<string> findings = [];

        using (XtablesLock.Hold())
        {
            SyncReport first = plane.Sync(TestCluster.Service(4), TestCluster.Slice(4, 2));
            Assert.False(first.IsInForce);
            Assert.Contains("xtables lock", Assert.Single(first.Refusals).Subject, StringComparison.Ordinal);
            Assert.False(plane.Sync(new ClusterEvent.ServiceGone(TestCluster.NameOf(2))).IsInForce);
            Assert.False(plane.Reconcile().IsInForce);
            Assert.Equal(3, plane.Plane.Statistics.LockTimeouts);

            // That nobody answers is no sign that rules are gone.
            plane.Check(findings);
            Assert.Empty(findings);
        }
        SyncReport last = plane.Reconcile();

        Assert.True(last.IsInForce, string.Join('\n', last.Refusals));
        Assert.Contains("test/service-4:http", plane.Save(), StringComparison.Ordinal);
        Assert.DoesNotContain("test/service-2:http", plane.Save(), StringComparison.Ordinal);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    [Fact]
    public void The_tools_of_nf_tables_do_not_wait_for_the_lock()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft, LockSeconds = 1 },
            TestCluster.Of(services: 3, endpoints: 2));
        using (XtablesLock.Hold())
        {
            Assert.True(plane.Sync().IsInForce);
        }
    }

    // Legacy tools take turns by the lock; those of nf_tables are told by the kernel that their view is stale, and begin again.
    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public async Task Two_who_write_at_the_same_time_both_find_their_rules(IpTablesBackend backend)
    {
        const int Chains = 60;
        using var plane = new PlaneUnderTest(new() { Backend = backend }, TestCluster.Of(services: 20, endpoints: 2));
        plane.Sync();
        using var release = new ManualResetEventSlim();
        Task<int> other = plane.InBackground(restore =>
        {
            release.Wait();
            for (int i = 0; i < Chains; i++)
                restore($"*nat\n:OTHER-{i} - [0:0]\n-A OTHER-{i} -j RETURN\n-A PREROUTING -j OTHER-{i}\nCOMMIT\n*filter\n:OTHER-{i} - " +
                    "[0:0]\nCOMMIT\n");
            return Chains;
        });
        release.Set();
        int ours = 0;
        while (ours < 30 || !other.IsCompleted)
        {
            SyncReport report = plane.Sync(TestCluster.Slice(ours % 20, endpoints: 1 + ours % 3));
            Assert.Empty(report.Refusals);
            Assert.True(report.IsInForce);
            ours++;
        }

        Assert.Equal(Chains, await other);
        Assert.Equal(0, plane.Reconcile().Transactions);
        string saved = plane.Save();
        for (int i = 0; i < Chains; i++)
        {
            Assert.Contains($"-A PREROUTING -j OTHER-{i}\n", saved, StringComparison.Ordinal);
            Assert.Contains($"-A OTHER-{i} -j RETURN", saved, StringComparison.Ordinal);
        }
    }
}
