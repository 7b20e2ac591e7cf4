using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Sync;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.Tests.Loop;

public sealed class SyncLoopTests : IAsyncDisposable
{
    private readonly LoopUnderTest _test = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    [Fact]
    public async Task Nothing_is_programmed_before_the_whole_picture_is_there()
    {
        await _test.SendAsync(LoopUnderTest.Service("web"), LoopUnderTest.Service("api"));
        await _test.UntilAsync(_ => _test.Loop.Status.PendingSince is not null);
        Assert.False(_test.Plane.HasMoreCalls);
        Assert.False(_test.Loop.Status.IsSynced);

        await _test.SendAsync(new ClusterEvent.Synced());

        Assert.Equal(["api", "web"], (await _test.Plane.NextCallAsync()).Services);
        SyncStatus status = await _test.UntilIdleAsync(3);
        Assert.True(status.IsSynced);
        Assert.Equal(2, status.Services);
    }

    [Fact]
    public async Task Events_that_come_while_the_plane_works_become_one_change()
    {
        using var isInPlane = new SemaphoreSlim(0);
        using var mayLeave = new SemaphoreSlim(0);
        await _test.SyncAsync();
        _test.Plane.Answer = _ =>
        {
            isInPlane.Release();
            mayLeave.Wait(Cancel);
            return SyncReport.UpToDate;
        };
        await _test.SendAsync(LoopUnderTest.Service("first"));
        await isInPlane.WaitAsync(Cancel);

        await _test.SendAsync([.. Enumerable.Range(0, 50).Select(number => LoopUnderTest.Service($"later-{number}")),
            LoopUnderTest.Gone("later-7")]);
        mayLeave.Release(2);

        Assert.Equal(["first"], (await _test.Plane.NextCallAsync()).Services);
        PlaneCall second = await _test.Plane.NextCallAsync();
        Assert.Equal(49, second.Services.Count());
        Assert.DoesNotContain("later-7", second.Services);
    }

    [Fact]
    public async Task A_change_the_plane_failed_to_take_is_given_again_with_what_came_since()
    {
        await _test.SyncAsync();
        _test.Plane.Answer = _ => throw new IOException("the kernel is out of memory");
        await _test.SendAsync(LoopUnderTest.Service("web"));
        await _test.Plane.NextCallAsync();
        SyncStatus failed = await _test.UntilAsync(status => status.Failures == 1);
        Assert.Equal("the kernel is out of memory", failed.LastError);
        Assert.NotNull(failed.PendingSince);

        _test.Plane.Answer = _ => SyncReport.UpToDate;
        await _test.SendAsync(LoopUnderTest.Service("api"));
        await AdvanceUntilCalledAsync(TimeSpan.FromSeconds(1));

        List<string> given = [];
        while (!given.Contains("api"))
            given.AddRange((await _test.Plane.NextCallAsync()).Services);
        Assert.Contains("web", given);
        SyncStatus healed = await _test.UntilIdleAsync(3);
        Assert.Null(healed.LastError);
        Assert.Contains(_test.Log, line => line.Contains("the kernel is out of memory", StringComparison.Ordinal)
            && line.Contains("traffic still follows the rules of 12:00:00", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_disturbance_is_repaired_at_once_and_its_author_is_named()
    {
        await _test.SyncAsync(LoopUnderTest.Service("web"));

        _test.Plane.ModifyExternally("nft (process 4711) removed table ip portolan");

        Assert.Null((await _test.Plane.NextCallAsync()).Delta);
        await _test.UntilAsync(_ => _test.Log.Any(line => line.Contains("rules differed", StringComparison.Ordinal)));
        Assert.Contains(_test.Log, line => line.Contains("nft (process 4711) removed table ip portolan", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_kernel_refused_is_named_once_and_tried_again_after_growing_waits()
    {
        var refusal = new Refusal("Service shop/web, port http", "add element endpoints", "ENOSPC: the set is full");
        _test.Plane.Answer = _ => new SyncReport { Refusals = [refusal] };
        await _test.SyncAsync(LoopUnderTest.Service("web"));
        await _test.UntilAsync(status => status.Refusals.Length == 1 && status.PendingSince is null);

        await AdvanceUntilComparedAsync(TimeSpan.FromMilliseconds(500));
        await AdvanceUntilComparedAsync(TimeSpan.FromSeconds(1));
        _test.Plane.Answer = _ => SyncReport.UpToDate;
        await AdvanceUntilComparedAsync(TimeSpan.FromSeconds(2));

        await _test.UntilAsync(status => status.Refusals.IsEmpty);
        Assert.Single(_test.Log, line => line.Contains("ENOSPC: the set is full", StringComparison.Ordinal));
        Assert.Contains(_test.Log, line => line.Contains("Service shop/web, port http is no longer quarantined", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_kernel_is_compared_after_each_sync_period()
    {
        await _test.SyncAsync(LoopUnderTest.Service("web"));
        await _test.UntilIdleAsync(2);

        await AdvanceUntilComparedAsync(_test.Plane.Schedule.ReconcilePeriod);
    }

    [Fact]
    public async Task An_address_that_appears_on_the_node_is_given_to_the_plane()
    {
        await _test.SyncAsync();
        await _test.UntilIdleAsync(1);

        _test.HaveAddresses("127.0.0.1", "192.168.10.11");

        PlaneCall call = await _test.Plane.NextCallAsync();
        Assert.Empty(call.Services);
        Assert.Equal(["192.168.10.11"], call.Delta?.Node?.Addresses.NodePortAddresses.Select(address => address.ToString()));
    }

    [Fact]
    public async Task A_problem_of_an_object_is_logged_when_it_comes_and_when_it_goes()
    {
        var problem = new Problem("Service", "shop/web", "spec.ports[0].port", "70000 is no port; the entry is left out");
        await _test.SyncAsync(LoopUnderTest.Service("web", problem));
        await _test.SendAsync(LoopUnderTest.Service("web", problem), LoopUnderTest.Service("api"));
        await _test.UntilIdleAsync(4);
        await _test.SendAsync(LoopUnderTest.Service("web"));
        await _test.UntilIdleAsync(5);

        string[] lines = [.. _test.Log.Where(line => line.Contains("70000 is no port", StringComparison.Ordinal))];
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("Service shop/web, spec.ports[0].port: 70000", lines[0], StringComparison.Ordinal);
        Assert.Contains("resolved", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_least_time_between_syncs_is_kept_when_it_is_set()
    {
        await using var slow = new LoopUnderTest(new SyncLoopOptions { MinSyncPeriod = TimeSpan.FromSeconds(10) });
        await slow.SyncAsync();
        await slow.UntilIdleAsync(1);

        await slow.SendAsync(LoopUnderTest.Service("web"));
        await slow.UntilAsync(status => status.PendingSince is not null && slow.Loop.IsPending);
        slow.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(slow.Plane.HasMoreCalls);
        await AdvanceUntilCalledAsync(TimeSpan.FromSeconds(1), slow);

        Assert.Contains("web", (await slow.Plane.NextCallAsync()).Services);
    }

    [Fact]
    public async Task A_Node_that_leaves_the_cluster_is_not_eligible_and_one_that_never_was_is()
    {
        await _test.SyncAsync(new ClusterEvent.NodeSet(null));
        Assert.True((await _test.UntilIdleAsync(2)).IsNodeEligible);

        await _test.SendAsync(new ClusterEvent.NodeSet(new NodeObject { Name = "node-a", IsBeingDeleted = true }));
        await _test.UntilAsync(status => !status.IsNodeEligible);
        await _test.SendAsync(new ClusterEvent.NodeSet(new NodeObject { Name = "node-a" }));
        await _test.UntilAsync(status => status.IsNodeEligible);
        await _test.SendAsync(new ClusterEvent.NodeSet(null));
        await _test.UntilAsync(status => !status.IsNodeEligible);
    }

    /// <summary>With the wall clock set back, changes waited until it caught up, and 50 days ended the process.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(-50 * 24)]
    [InlineData(50 * 24)]
    public async Task A_wall_clock_that_is_set_delays_nothing(int hours)
    {
        await using var slow = new LoopUnderTest(new SyncLoopOptions { MinSyncPeriod = TimeSpan.FromSeconds(1) });
        await slow.SyncAsync();
        await slow.UntilIdleAsync(1);
        slow.Time.SetWallClock(TimeSpan.FromHours(hours));

        await slow.SendAsync(LoopUnderTest.Service("web"));
        await AdvanceUntilCalledAsync(TimeSpan.FromSeconds(1), slow);

        Assert.Contains("web", (await slow.Plane.NextCallAsync()).Services);
        Assert.False((await slow.UntilIdleAsync(2)).IsOverdue(TimeSpan.FromSeconds(60), slow.Time));
        await AdvanceUntilCalledAsync(slow.Plane.Schedule.ReconcilePeriod, slow);
        Assert.Null((await slow.Plane.NextCallAsync()).Delta);
    }

    [Fact]
    public async Task A_sync_period_of_1200_hours_is_waited_for_in_pieces()
    {
        await using var patient = new LoopUnderTest(schedule: new PlaneSchedule(TimeSpan.FromHours(1200)));
        await patient.SyncAsync(LoopUnderTest.Service("web"));
        await patient.UntilIdleAsync(2);

        for (int day = 0; day < 49; day++)
        {
            patient.Time.Advance(TimeSpan.FromDays(1));
            await Task.Delay(2, Cancel);
        }
        Assert.False(patient.Plane.HasMoreCalls);
        await AdvanceUntilCalledAsync(TimeSpan.FromDays(1), patient);
        Assert.Null((await patient.Plane.NextCallAsync()).Delta);
    }

    /// <summary>On Linux 6.1 the kernel refused every transaction, and status and health said that all was well.</summary>
    [Fact]
    public async Task While_the_kernel_refuses_everything_failures_grow_the_error_is_named_and_the_time_out_makes_it_overdue()
    {
        var refusal = new Refusal("the tables as a whole", "add rule 3 to chain services of table ip portolan", "EINVAL");
        _test.Plane.Answer = _ => new SyncReport { IsInForce = false, Refusals = [refusal] };
        await _test.SyncAsync(LoopUnderTest.Service("web"));

        SyncStatus status = await _test.UntilAsync(status => status.Failures == 1);
        Assert.False(status.IsSynced);
        Assert.Contains("add rule 3 to chain services", status.LastError, StringComparison.Ordinal);
        Assert.Contains("EINVAL", status.LastError, StringComparison.Ordinal);
        Assert.False(status.IsOverdue(TimeSpan.FromSeconds(60), _test.Time));
        _test.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.True((await _test.UntilAsync(status => status.Failures == 2)).IsOverdue(TimeSpan.FromSeconds(60), _test.Time));
        Assert.Contains(_test.Log,
            line => line.Contains("EINVAL; no rules are in force yet; will retry in 0.5 s", StringComparison.Ordinal));

        _test.Plane.Answer = _ => SyncReport.UpToDate;
        await AdvanceUntilAsync(TimeSpan.FromSeconds(1), static status => status.IsSynced);
        Assert.Null(_test.Loop.Status.LastError);
        Assert.Empty(_test.Loop.Status.Refusals);
        Assert.False(_test.Loop.Status.IsOverdue(TimeSpan.FromSeconds(60), _test.Time));
    }

    [Fact]
    public async Task What_is_held_back_counts_as_a_failure_and_is_the_last_error_while_it_lasts()
    {
        var refusal = new Refusal("Service shop/web, port http", "add element endpoints", "ENOSPC: the set is full");
        _test.Plane.Answer = _ => new SyncReport { Refusals = [refusal] };
        await _test.SyncAsync(LoopUnderTest.Service("web"));

        SyncStatus status = await _test.UntilAsync(status => status.IsSynced);
        Assert.Equal(1, status.Failures);
        Assert.Contains("ENOSPC", status.LastError, StringComparison.Ordinal);
        Assert.Null(status.PendingSince);

        _test.Plane.Answer = _ => SyncReport.UpToDate;
        await AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), static status => status.LastError is null);
    }

    [Fact]
    public async Task A_reconcile_that_fails_is_pending_until_it_succeeds()
    {
        await _test.SyncAsync(LoopUnderTest.Service("web"));
        await _test.UntilIdleAsync(2);
        _test.Plane.Answer = _ => throw new IOException("the kernel is out of memory");
        _test.Plane.ModifyExternally("table ip portolan was deleted by process 4711 (nft)");

        SyncStatus status = await _test.UntilAsync(status => status.Failures == 1);
        Assert.NotNull(status.PendingSince);
        _test.Plane.Answer = _ => SyncReport.UpToDate;
        await AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), static status => status.PendingSince is null);
    }

    [Fact]
    public async Task What_the_planes_cheap_look_finds_is_reconciled()
    {
        await using var test = new LoopUnderTest(schedule: new PlaneSchedule(TimeSpan.FromHours(1), TimeSpan.FromSeconds(30)));
        await test.SyncAsync(LoopUnderTest.Service("web"));
        await test.UntilIdleAsync(2);
        test.Plane.Finding = static () => "chain KUBE-PROXY-CANARY of table nat is gone";

        test.Time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(test.Plane.HasMoreCalls);
        await AdvanceUntilCalledAsync(TimeSpan.FromSeconds(1), test);

        Assert.Null((await test.Plane.NextCallAsync()).Delta);
        Assert.Contains(test.Log,
            static line => line.Contains("KUBE-PROXY-CANARY of table nat is gone; reconciling now", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_observer_that_throws_is_reported_once_and_keeps_nobody_from_being_called()
    {
        await using var test = new LoopUnderTest();
        int calls = 0;
        test.Loop.Observe("the first", static _ => throw new IOException("ENOBUFS"));
        test.Loop.Observe("the second", _ => calls++);
        await test.SyncAsync(LoopUnderTest.Service("web"));
        await test.UntilIdleAsync(2);
        await test.SendAsync(LoopUnderTest.Service("api"));
        await test.UntilIdleAsync(3);

        Assert.Equal(2, calls);
        Assert.Equal("ENOBUFS", test.Loop.Status.ObserverFailures["the first"]);
        Assert.Single(test.Log, static line => line.Contains("the first failed: ENOBUFS", StringComparison.Ordinal));
        Assert.Equal(0, test.Loop.Status.Failures);
    }

    private async Task AdvanceUntilAsync(TimeSpan wait, Func<SyncStatus, bool> condition)
    {
        for (; !condition(_test.Loop.Status); wait = TimeSpan.FromMilliseconds(50))
        {
            _test.Time.Advance(wait);
            await Task.Delay(5, Cancel);
        }
    }

    private async Task AdvanceUntilComparedAsync(TimeSpan wait)
    {
        await AdvanceUntilCalledAsync(wait);
        Assert.Null((await _test.Plane.NextCallAsync()).Delta);
    }

    private async Task AdvanceUntilCalledAsync(TimeSpan wait, LoopUnderTest? test = null)
    {
        test ??= _test;
        // The loop may set its timer only after the clock has moved; one that then stood still would never ring.
        for (; !test.Plane.HasMoreCalls; wait = TimeSpan.FromMilliseconds(1))
        {
            test.Time.Advance(wait);
            await Task.Delay(5, Cancel);
        }
    }
}
