using CsCheck;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Sync;

namespace Portolan.DataPlanes.Tests.Loop;

public sealed class SyncScheduleTests
{
    private static readonly SyncLoopOptions s_options = new();
    private static readonly PlaneSchedule s_plane = new(TimeSpan.FromSeconds(30));

    /// <summary>What can happen to a schedule: a number and how much time goes by before it.</summary>
    private static readonly Gen<List<(int Event, TimeSpan After)>> s_histories = Gen
        .Select(Gen.Int[0, 7], Gen.OneOf(Gen.Int[0, 2_000].Select(static ms => TimeSpan.FromMilliseconds(ms)),
            Gen.Int[0, 200].Select(static minutes => TimeSpan.FromMinutes(minutes)),
            Gen.Int[0, 60].Select(static days => TimeSpan.FromDays(days))))
        .List[1, 40];

    private static readonly Gen<TimeSpan> s_periods = Gen.OneOf(
        Gen.Const(TimeSpan.FromSeconds(30)), Gen.Const(TimeSpan.FromHours(1200)), Gen.Const(TimeSpan.MaxValue),
        Gen.Int[1, 100_000].Select(static seconds => TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Nothing_is_due_before_the_first_change()
    {
        var schedule = new SyncSchedule(s_options, s_plane);

        Assert.Equal(SyncAction.Wait, schedule.WithModification("a rule was changed").ActionAt(TimeSpan.FromDays(50)));
        Assert.Null(schedule.WaitAt(TimeSpan.Zero));
        Assert.Equal(SyncAction.Apply, schedule.WithChange().ActionAt(TimeSpan.Zero));
    }

    [Fact]
    public void Retries_of_a_failure_double_up_to_the_longest_wait_and_start_over_after_a_success()
    {
        SyncSchedule schedule = new SyncSchedule(s_options, s_plane).WithChange().Applying(TimeSpan.Zero);
        List<double> waits = [];
        for (TimeSpan now = TimeSpan.Zero; waits.Count < 10; now += schedule.TimeToRetry(now))
        {
            schedule = schedule.Failed(now, SyncAction.Apply);
            Assert.Equal(SyncAction.Wait, schedule.WithChange().WithModification("x")
                .ActionAt(now + schedule.TimeToRetry(now) - TimeSpan.FromTicks(1)));
            Assert.Equal(SyncAction.Apply, schedule.ActionAt(now + schedule.TimeToRetry(now)));
            waits.Add(schedule.TimeToRetry(now).TotalSeconds);
        }

        Assert.Equal([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60], waits);
        schedule = schedule.Applied(TimeSpan.FromHours(1), hasRefusals: false).Failed(TimeSpan.FromHours(1), SyncAction.Reconcile);
        Assert.Equal(TimeSpan.FromMilliseconds(500), schedule.TimeToRetry(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void What_is_held_back_is_tried_again_by_reconciling_and_a_busy_cluster_does_not_put_it_off()
    {
        SyncSchedule schedule = new SyncSchedule(s_options, s_plane).WithChange().Applying(TimeSpan.Zero)
            .Applied(TimeSpan.Zero, hasRefusals: true);
        for (int ms = 0; ms < 500; ms += 10)
        {
            TimeSpan now = TimeSpan.FromMilliseconds(ms);
            schedule = schedule.WithChange();
            Assert.Equal(SyncAction.Apply, schedule.ActionAt(now));
            schedule = schedule.Applying(now).Applied(now, hasRefusals: ms % 20 == 0);
        }

        Assert.Equal(SyncAction.Wait, schedule.ActionAt(TimeSpan.FromMilliseconds(499)));
        Assert.Equal(SyncAction.Reconcile, schedule.ActionAt(TimeSpan.FromMilliseconds(500)));
        schedule = schedule.Reconciled(TimeSpan.FromMilliseconds(500), hasRefusals: true);
        Assert.Equal(TimeSpan.FromSeconds(1), schedule.TimeToNextTry(TimeSpan.FromMilliseconds(500)));
    }

    [Fact]
    public void Two_changes_are_a_minimum_period_apart_and_a_modification_does_not_wait_for_it()
    {
        SyncSchedule schedule = new SyncSchedule(new() { MinSyncPeriod = TimeSpan.FromSeconds(10) }, s_plane)
            .WithChange().Applying(TimeSpan.Zero).Applied(TimeSpan.Zero, hasRefusals: false).WithChange();

        Assert.Equal(SyncAction.Wait, schedule.ActionAt(TimeSpan.FromSeconds(9)));
        Assert.Equal(TimeSpan.FromSeconds(1), schedule.WaitAt(TimeSpan.FromSeconds(9)));
        Assert.Equal(SyncAction.Reconcile, schedule.WithModification("x").ActionAt(TimeSpan.FromSeconds(9)));
        Assert.Equal(SyncAction.Apply, schedule.ActionAt(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void A_plane_that_wants_to_be_looked_at_is_and_a_reconcile_counts_as_a_look()
    {
        SyncSchedule schedule = new SyncSchedule(s_options, new PlaneSchedule(TimeSpan.FromHours(1), TimeSpan.FromSeconds(30)))
            .WithChange().Applying(TimeSpan.Zero).Applied(TimeSpan.Zero, hasRefusals: false);

        Assert.Equal(SyncAction.Check, schedule.ActionAt(TimeSpan.FromSeconds(30)));
        Assert.Equal(SyncAction.Check, schedule.Checked(TimeSpan.FromSeconds(30)).ActionAt(TimeSpan.FromSeconds(60)));
        Assert.Equal(SyncAction.Wait, schedule.Reconciled(TimeSpan.FromSeconds(29), hasRefusals: false).ActionAt(TimeSpan.FromSeconds(58)));
        Assert.Equal(SyncAction.Reconcile, schedule.ActionAt(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Whatever_happens_waits_fit_a_timer_and_end_at_the_moment_at_which_something_is_due() =>
        Gen.Select(s_histories, s_periods, s_periods, Gen.Int[0, 60]).Sample((history, reconcile, check, minimum) =>
        {
            var options = new SyncLoopOptions { MinSyncPeriod = TimeSpan.FromSeconds(minimum) };
            var schedule = new SyncSchedule(options, new PlaneSchedule(reconcile, check));
            TimeSpan now = TimeSpan.Zero;
            foreach ((int kind, TimeSpan after) in history)
            {
                now += after;
                schedule = Happen(schedule, kind, now);
                if (schedule.ActionAt(now) != SyncAction.Wait)
                    continue;
                TimeSpan? wait = schedule.WaitAt(now);
                if (wait is not { } known)
                {
                    // Nothing will ever be due by itself.
                    Assert.Equal(SyncAction.Wait, schedule.ActionAt(TimeSpan.FromDays(1_000_000)));
                    continue;
                }
                Assert.InRange(known, TimeSpan.FromMilliseconds(1), SyncSchedule.LongestWait);
                // Not earlier, a millisecond's rounding aside; and no later.
                Assert.Equal(SyncAction.Wait, schedule.ActionAt(now + known - TimeSpan.FromMilliseconds(1)));
                if (known < SyncSchedule.LongestWait)
                    Assert.NotEqual(SyncAction.Wait, schedule.ActionAt(now + known));
            }
        });

    [Fact]
    public void A_loop_that_does_what_is_due_never_spins_and_never_waits_for_ever_with_a_change_at_hand() =>
        Gen.Select(s_histories, Gen.Int[0, 60]).Sample((history, minimum) =>
        {
            var plane = new PlaneSchedule(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30));
            var schedule = new SyncSchedule(new() { MinSyncPeriod = TimeSpan.FromSeconds(minimum) }, plane);
            TimeSpan now = TimeSpan.Zero;
            foreach ((int kind, TimeSpan after) in history)
            {
                now += after;
                schedule = kind % 2 == 0 ? schedule.WithChange() : schedule.WithModification("x");
                int actions = 0;
                for (SyncAction action; (action = schedule.ActionAt(now)) != SyncAction.Wait; actions++)
                    schedule = Do(schedule, action, now, succeeds: kind > 2);
                // A change, a reconcile and a look at most: then something has to happen, or time has to go by.
                Assert.InRange(actions, 0, 3);
                if (kind % 2 == 0)
                    Assert.True(schedule.WaitAt(now) is not null, "a change waits and no timer is set");
            }
        });

    private static SyncSchedule Do(SyncSchedule schedule, SyncAction action, TimeSpan now, bool succeeds) => (action, succeeds) switch
    {
        (SyncAction.Apply, true) => schedule.Applying(now).Applied(now, hasRefusals: false),
        (SyncAction.Reconcile, true) => schedule.Reconciled(now, hasRefusals: false),
        (SyncAction.Check, true) => schedule.Checked(now),
        (SyncAction.Apply, false) => schedule.Applying(now).Failed(now, action),
        _ => schedule.Failed(now, SyncAction.Reconcile),
    };

    private static SyncSchedule Happen(SyncSchedule schedule, int kind, TimeSpan now) => kind switch
    {
        0 => schedule.WithChange(),
        1 => schedule.WithModification("x"),
        2 => schedule.Applying(now).Applied(now, hasRefusals: false),
        3 => schedule.Applying(now).Applied(now, hasRefusals: true),
        4 => schedule.HasApplied ? schedule.Reconciled(now, hasRefusals: true) : schedule,
        5 => schedule.HasApplied ? schedule.Reconciled(now, hasRefusals: false) : schedule,
        6 => schedule.Failed(now, schedule.HasApplied ? SyncAction.Reconcile : SyncAction.Apply),
        _ => schedule.HasApplied ? schedule.Checked(now) : schedule,
    };
}
