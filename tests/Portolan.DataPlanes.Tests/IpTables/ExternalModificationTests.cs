using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>Rules that somebody changed are noticed and mended, with few lines; packets tell.</summary>
public sealed class ExternalModificationTests : IDisposable
{
    // A leaf of the tree has eight addresses with a mark and a jump each, then *nat, the chain and COMMIT; KUBE-SERVICES written anew would
    // be forty lines and more.
    private const int FewLines = 19;

    private ServedPod? _pod;

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void A_mark_that_was_put_behind_its_jump_goes_back_before_it(IpTablesBackend backend, IpTablesLayout layout,
        IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        Assert.Equal(ServedPod.Gateway, _pod!.SourceAtPod());
        string mark = plane.Save().Split('\n').Single(static line =>
            line.Contains($"-d {ServedPod.Service.Address}/32 ", StringComparison.Ordinal)
            && line.EndsWith("-j KUBE-MARK-MASQ", StringComparison.Ordinal));

        plane.Restore($"*nat\n-D{mark[2..]}\n{mark}\nCOMMIT\n");

        Assert.Equal(ServedPod.Outside, _pod!.SourceAtPod());
        AssertNoticedAndMended(plane);
        Assert.Equal(ServedPod.Gateway, _pod!.SourceAtPod());
    }

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void A_rule_of_somebody_else_among_ours_goes(IpTablesBackend backend, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend, Layout = layout, Dispatch = dispatch });

        plane.Restore($"*nat\n-I KUBE-SERVICES 3 -p udp -j ACCEPT\n-I KUBE-SERVICES 1 -d {ServedPod.Service.Address} -p udp -m multiport " +
            "--dports 80,81 -j ACCEPT\nCOMMIT\n");

        Assert.Null(_pod!.SourceAtPod());
        AssertNoticedAndMended(plane);
        Assert.Equal(ServedPod.Gateway, _pod!.SourceAtPod());
        Assert.DoesNotContain("-j ACCEPT", plane.Save(ipv6: false, "-t", "nat"), StringComparison.Ordinal);
    }

    /// <summary>
    /// iptables-legacy-save leaves out "! -o +", so that the rule cannot be deleted as it is shown: the chain is written as a whole.
    /// </summary>
    [Theory]
    [InlineData(IpTablesLayout.Modern, IpTablesDispatch.Linear)]
    [InlineData(IpTablesLayout.Classic, IpTablesDispatch.Tree)]
    public void A_rule_that_cannot_be_deleted_as_it_is_shown_goes_with_its_chain_and_comes_back_without_it(IpTablesLayout layout,
        IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = IpTablesBackend.Legacy, Layout = layout, Dispatch = dispatch });
        string[] before = ServicesRules(plane);
        plane.Restore($"*nat\n-I KUBE-SERVICES 1 ! -o + -p udp -j MARK --set-xmark 0x1/0x1\n-I KUBE-SERVICES 1 -d " +
            $"{ServedPod.Service.Address} -p udp -j ACCEPT\nCOMMIT\n");
        Assert.Throws<InvalidOperationException>(() =>
            plane.Restore("*nat\n-D KUBE-SERVICES -p udp -j MARK --set-xmark 0x1/0x1\nCOMMIT\n"));
        Assert.Null(_pod!.SourceAtPod());
        long restores = plane.Plane.Statistics.Restores;

        AssertNoticedAndMended(plane, lines: int.MaxValue);

        Assert.Equal(2, plane.Plane.Statistics.Restores - restores);
        Assert.Equal(before.Order(StringComparer.Ordinal), ServicesRules(plane).Order(StringComparer.Ordinal));
        Assert.Equal(ServedPod.Gateway, _pod!.SourceAtPod());
    }

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void The_rule_that_leads_to_node_ports_becomes_the_last_again(IpTablesBackend backend, IpTablesLayout layout,
        IpTablesDispatch dispatch)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        string last = ServicesRules(plane)[^1];
        Assert.EndsWith("-j KUBE-NODEPORTS", last, StringComparison.Ordinal);

        plane.Restore($"*nat\n-D{last[2..]}\n-I KUBE-SERVICES 1{last["-A KUBE-SERVICES".Length..]}\nCOMMIT\n");

        AssertNoticedAndMended(plane);
        Assert.Equal(last, ServicesRules(plane)[^1]);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_rule_that_is_there_twice_is_there_once_again(IpTablesBackend backend)
    {
        PlaneUnderTest plane = Start(new() { Backend = backend });
        string[] before = ServicesRules(plane);

        plane.Restore($"*nat\n{before[3]}\nCOMMIT\n");

        AssertNoticedAndMended(plane, lines: int.MaxValue);
        Assert.Equal(before.Order(StringComparer.Ordinal), ServicesRules(plane).Order(StringComparer.Ordinal));
    }

    public void Dispose() => _pod?.Dispose();

    private static void AssertNoticedAndMended(PlaneUnderTest plane, int lines = FewLines)
    {
        // Every tenth look compares rules.
        List<string?> findings = [];
        for (int look = 0; look < 10; look++)
            findings.Add(plane.Namespace.Run(plane.Plane.Check));
        Assert.Single(findings, static finding => finding is not null);
        SyncReport report = plane.Reconcile();
        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        Assert.InRange(plane.Plane.Statistics.LastLines, 1, lines);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    private static string[] ServicesRules(PlaneUnderTest plane) =>
        [.. plane.Save(ipv6: false, "-t", "nat").Split('\n')
        .Where(static line => line.StartsWith("-A KUBE-SERVICES ", StringComparison.Ordinal))];

    private PlaneUnderTest Start(IpTablesOptions options)
    {
        _pod = new(options);
        return _pod.Plane;
    }
}
