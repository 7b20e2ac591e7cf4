using System.Collections.Concurrent;
using System.Diagnostics;
using Portolan.DataPlanes.IpTables;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>
/// A change by others is noticed within a second or so, long before the next look at all rules; a change of our own is none.
/// </summary>
public sealed class NoticedAtOnceTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("-F")]
    [InlineData("-F KUBE-SERVICES")]
    [InlineData("-D PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES")]
    [InlineData("-A KUBE-MARK-MASQ -j RETURN")]
    public void The_kernel_reports_a_change_of_iptables_nft(string change)
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft, CheckPeriod = TimeSpan.FromHours(1) });
        ConcurrentQueue<string> findings = [];
        plane.Plane.ExternallyModified += findings.Enqueue;
        plane.Sync();

        plane.Restore($"*nat\n{change}\nCOMMIT\n");

        Assert.True(SpinWait.SpinUntil(() => !findings.IsEmpty, s_patience), "nothing was noticed");
        Assert.Contains("IPv4", findings.First(), StringComparison.Ordinal);
        Assert.Contains("iptables", findings.First(), StringComparison.Ordinal);
        Assert.True(plane.Reconcile().Transactions > 0);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    [Theory]
    [InlineData("nat")]
    [InlineData("filter")]
    public void A_table_that_is_switched_off_is_noticed_and_switched_on_again(string table)
    {
        Assert.SkipWhen(Tool.Find("nft") is null, "not installed: nft");
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft, CheckPeriod = TimeSpan.FromHours(1) });
        ConcurrentQueue<string> findings = [];
        plane.Plane.ExternallyModified += findings.Enqueue;
        plane.Sync();
        List<string> looks = [];
        plane.Check(looks);
        Assert.Empty(looks);

        plane.Namespace.Run(() => Tool.Run("nft", ["add", "table", "ip", table, "{ flags dormant; }"]));

        Assert.True(SpinWait.SpinUntil(() => !findings.IsEmpty, s_patience), "nothing was noticed");
        Assert.Contains($"table {table} was switched off", findings.First(), StringComparison.Ordinal);
        Assert.Equal(1, plane.Reconcile().Written);
        Assert.DoesNotContain("dormant", plane.Namespace.Run(() => Tool.Run("nft", ["list", "ruleset"])), StringComparison.Ordinal);
        Assert.Equal(0, plane.Reconcile().Written);
    }

    [Fact]
    public void Our_own_changes_and_what_others_do_elsewhere_are_no_finding()
    {
        using var plane = new PlaneUnderTest(
            new() { Backend = IpTablesBackend.Nft, CheckPeriod = TimeSpan.FromHours(1) }, TestCluster.Of(services: 20, endpoints: 2));
        ConcurrentQueue<string> findings = [];
        plane.Plane.ExternallyModified += findings.Enqueue;
        plane.Sync();
        for (int i = 0; i < 5; i++)
            plane.Sync(TestCluster.Slice(i, 1 + i));
        plane.Reconcile();
        plane.Restore("*nat\n:MINE - [0:0]\n-A MINE -j RETURN\n-A PREROUTING -j MINE\nCOMMIT\n");
        plane.Restore("*nat\n-D PREROUTING -j MINE\n-F MINE\n-X MINE\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n");

        // The one that comes last is the first that counts.
        plane.Restore("*nat\n-A KUBE-MARK-MASQ -j RETURN\nCOMMIT\n");
        Assert.True(SpinWait.SpinUntil(() => !findings.IsEmpty, s_patience), "nothing was noticed");
        Assert.Contains("KUBE-MARK-MASQ", Assert.Single(findings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-F")]
    [InlineData("-F KUBE-SERVICES")]
    [InlineData("-A KUBE-MARK-MASQ -j RETURN")]
    public void The_size_of_a_table_of_iptables_legacy_shows_a_change_at_the_next_check(string change)
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Legacy, CheckPeriod = TimeSpan.FromHours(1) });
        plane.Sync();
        Assert.Equal(TimeSpan.FromSeconds(1), plane.Plane.Schedule.CheckPeriod);
        // The first is the look at all rules.
        Assert.Null(plane.Namespace.Run(plane.Plane.Check));

        plane.Restore($"*nat\n{change}\nCOMMIT\n");

        Assert.Contains("KUBE-", plane.Namespace.Run(plane.Plane.Check), StringComparison.Ordinal);
        Assert.True(plane.Reconcile().Transactions > 0);
        // A repair is the size to go by from here on.
        Assert.Null(CheckAfterRest());
        plane.Restore("*nat\n-A KUBE-MARK-MASQ -j RETURN\nCOMMIT\n");
        Assert.NotNull(CheckAfterRest());

        string? CheckAfterRest()
        {
            for (int i = 0; i < 60; i++)
            {
                if (plane.Namespace.Run(plane.Plane.Check) is { } finding)
                    return finding;
            }
            return null;
        }
    }

    [Fact]
    public void A_check_of_iptables_legacy_costs_no_process()
    {
        const int Checks = 1000;
        using var plane = new PlaneUnderTest(
            new() { Backend = IpTablesBackend.Legacy, CheckPeriod = TimeSpan.FromHours(1) }, TestCluster.Of(services: 300, endpoints: 5));
        plane.Sync();
        plane.Namespace.Run(plane.Plane.Check);

        long runs = plane.Plane.ToolRuns;
        TimeSpan elapsed = plane.Namespace.Run(() =>
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Checks; i++)
                Assert.Null(plane.Plane.Check());
            return Stopwatch.GetElapsedTime(start);
        });

        Assert.Equal(runs, plane.Plane.ToolRuns);
        TestContext.Current.SendDiagnosticMessage($"one check: {elapsed.TotalMicroseconds / Checks:F1} us");
    }
}
