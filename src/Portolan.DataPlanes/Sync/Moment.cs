namespace Portolan.DataPlanes.Sync;

/// <summary>A moment on both clocks: the monotonic one, which ages are measured by, and the wall clock, for display.</summary>
/// <param name="Timestamp"><see cref="TimeProvider.GetTimestamp"/>, which is never set back.</param>
/// <param name="WallClock">What the wall clock showed.</param>
public readonly record struct Moment(long Timestamp, DateTimeOffset WallClock)
{
    /// <summary>This moment.</summary>
    public static Moment Now(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return new(time.GetTimestamp(), time.GetUtcNow());
    }

    /// <summary>Time since then, even if the wall clock was set.</summary>
    public TimeSpan Age(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return time.GetElapsedTime(Timestamp);
    }
}
