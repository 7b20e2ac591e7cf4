using Portolan.DataPlanes.Contract;

namespace Portolan.DataPlanes.Sync;

/// <summary>What <see cref="SyncLoop"/> does next.</summary>
internal enum SyncAction : byte
{
    /// <summary>Wait until <see cref="SyncSchedule.WaitAt"/> has passed or something happens.</summary>
    Wait,

    /// <summary>Pass the plane what changed.</summary>
    Apply,

    /// <summary>Have the plane compare everything with the kernel.</summary>
    Reconcile,

    /// <summary>Have the plane run its cheap check.</summary>
    Check,
}

/// <summary>
/// What is to be done when: a value, and pure functions from one to the next. It reads no clock; every moment is given as the
/// time since the loop was created, measured by a monotonic clock.
/// </summary>
/// <remarks>
/// After a failure nothing happens but the retry of what failed, whatever else is due: the kernel's state is not known. What was
/// refused for single objects is retried by reconciling and delays nothing else.
/// </remarks>
internal sealed record SyncSchedule
{
    /// <summary>Timers take at most 49.7 days (uint.MaxValue - 1 ms); a longer wait is split into several.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private static readonly TimeSpan s_never = TimeSpan.MaxValue;

    private readonly SyncLoopOptions _options;
    private readonly PlaneSchedule _plane;

    // Null if nothing has failed; otherwise what failed.
    private Retry? Failure { get; init; }

    // Null if nothing is quarantined.
    private Retry? HeldBack { get; init; }

    private bool HasChange { get; init; }

    private TimeSpan EarliestApply { get; init; } = TimeSpan.MinValue;

    private TimeSpan NextReconcile { get; init; } = s_never;

    private TimeSpan NextCheck { get; init; } = s_never;

    /// <summary>The schedule of a new loop: it waits for the first change.</summary>
    public SyncSchedule(SyncLoopOptions options, PlaneSchedule plane) => (_options, _plane) = (options, plane);

    /// <summary>True once a complete state is in force: from then on there is something to reconcile.</summary>
    public bool HasApplied { get; private init; }

    /// <summary>What another program changed and is not reconciled yet; null for nothing.</summary>
    public string? Modification { get; private init; }

    /// <summary>A change of what is served waits for the plane.</summary>
    public SyncSchedule WithChange() => this with { HasChange = true };

    /// <summary>Another program changed the plane's rules. Only the first of several reports is kept.</summary>
    public SyncSchedule WithModification(string what) => this with { Modification = Modification ?? what };

    /// <summary>What to do at a moment.</summary>
    public SyncAction ActionAt(TimeSpan now)
    {
        if (Failure is { } failure)
            return now >= failure.At ? failure.Action : SyncAction.Wait;
        if (HasChange && now >= EarliestApply)
            return SyncAction.Apply;
        if (!HasApplied)
            return SyncAction.Wait;
        if (Modification is not null || now >= NextReconcile || now >= HeldBack?.At)
            return SyncAction.Reconcile;
        return now >= NextCheck ? SyncAction.Check : SyncAction.Wait;
    }

    /// <summary>
    /// How long to wait when <see cref="ActionAt"/> says to: at least a millisecond, at most a day; null for as long as
    /// nothing happens.
    /// </summary>
    public TimeSpan? WaitAt(TimeSpan now)
    {
        TimeSpan next = s_never;
        if (Failure is { } failure)
        {
            next = failure.At;
        }
        else
        {
            if (HasChange)
                next = EarliestApply;
            if (HasApplied)
                next = Earlier(next, Earlier(NextReconcile, Earlier(HeldBack?.At ?? s_never, NextCheck)));
        }
        if (next == s_never)
            return null;
        // A timer may fire a little early, and a change may have become due since the caller checked.
        TimeSpan wait = next <= now ? TimeSpan.Zero : next - now;
        return wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : Earlier(wait, LongestWait);
    }

    /// <summary>The change turned out to make no difference to the plane: nothing was passed to it.</summary>
    public SyncSchedule NothingToApply() => this with { HasChange = false, Failure = null };

    /// <summary>A change is about to be passed to the plane.</summary>
    public SyncSchedule Applying(TimeSpan now) => this with { HasChange = false, EarliestApply = After(now, _options.MinSyncPeriod) };

    /// <summary>The plane applied the change.</summary>
    /// <param name="now">The moment at which it was done.</param>
    /// <param name="hasRefusals">Single objects were refused and are quarantined.</param>
    public SyncSchedule Applied(TimeSpan now, bool hasRefusals) => this with
    {
        Failure = null,
        // What is already quarantined keeps its time: a busy cluster must not postpone the retry.
        HeldBack = HeldBack ?? (hasRefusals ? RetryAfter(now, null, SyncAction.Reconcile) : null),
        HasApplied = true,
        NextReconcile = HasApplied ? NextReconcile : After(now, _plane.ReconcilePeriod),
        NextCheck = HasApplied ? NextCheck : After(now, _plane.CheckPeriod),
    };

    /// <summary>The plane compared everything with the kernel, which now holds what it should.</summary>
    /// <param name="now">The moment at which it was done.</param>
    /// <param name="hasRefusals">Single objects were refused (again) and are quarantined.</param>
    public SyncSchedule Reconciled(TimeSpan now, bool hasRefusals) => this with
    {
        Failure = null,
        HeldBack = hasRefusals ? RetryAfter(now, HeldBack, SyncAction.Reconcile) : null,
        Modification = null,
        NextReconcile = After(now, _plane.ReconcilePeriod),
        NextCheck = After(now, _plane.CheckPeriod),
    };

    /// <summary>The check found nothing, or what was passed to <see cref="WithModification"/>.</summary>
    public SyncSchedule Checked(TimeSpan now) => this with { Failure = null, NextCheck = After(now, _plane.CheckPeriod) };

    /// <summary>The plane failed as a whole. The wait before the retry doubles with each failure in a row.</summary>
    /// <param name="now">The moment at which it was done.</param>
    /// <param name="action">What failed.</param>
    public SyncSchedule Failed(TimeSpan now, SyncAction action) => this with { Failure = RetryAfter(now, Failure, action) };

    /// <summary>Time until what failed is retried; zero if nothing failed.</summary>
    public TimeSpan TimeToRetry(TimeSpan now) => Failure is { } failure && failure.At > now ? failure.At - now : TimeSpan.Zero;

    /// <summary>Time until quarantined objects are retried; zero if there are none.</summary>
    public TimeSpan TimeToNextTry(TimeSpan now) => HeldBack is { } held && held.At > now ? held.At - now : TimeSpan.Zero;

    private Retry RetryAfter(TimeSpan now, Retry? before, SyncAction action)
    {
        int attempt = before?.Attempt + 1 ?? 0;
        double factor = Math.Pow(2, Math.Min(attempt, 62));
        TimeSpan wait = _options.FirstRetry.Ticks * factor < _options.LongestRetry.Ticks
            ? _options.FirstRetry * factor : _options.LongestRetry;
        return new(After(now, wait), attempt, action);
    }

    private static TimeSpan After(TimeSpan now, TimeSpan? period) =>
        period is not { } wait || wait >= s_never - now ? s_never : now + wait;

    private static TimeSpan Earlier(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private readonly record struct Retry(TimeSpan At, int Attempt, SyncAction Action);
}
