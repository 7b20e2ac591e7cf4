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

        await _test.SendAsync([.. Enumerable.Range(0, 50).Select(number => LoopUnderTest.Service($"later-{number}")), LoopUnderTest.Gone("later-7")]);
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
        Assert.Contains(_test.Log, line => line.Contains("Service shop/web, port http is no longer held back", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_kernel_is_compared_after_each_sync_period()
    {
        await _test.SyncAsync(LoopUnderTest.Service("web"));
        await _test.UntilIdleAsync(2);

        await AdvanceUntilComparedAsync(new SyncLoopOptions().SyncPeriod);
    }

    [Fact]
    public async Task An_address_that_appears_on_the_node_is_given_to_the_plane()
    {
        await _test.SyncAsync();
        await _test.UntilIdleAsync(1);

        _test.HaveAddresses("127.0.0.1", "192.168.10.11");

        PlaneCall call = await _test.Plane.NextCallAsync();
        Assert.Empty(call.Services);
        Assert.Equal(["192.168.10.11"], call.Node?.NodePortAddresses.Select(address => address.ToString()));
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
        Assert.Contains("no longer so", lines[1], StringComparison.Ordinal);
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
