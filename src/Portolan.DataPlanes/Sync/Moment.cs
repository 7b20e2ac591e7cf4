namespace Portolan.DataPlanes.Sync;

/// <summary>A moment by both clocks: the monotonic one, by which ages are measured, and the wall clock, for people to read.</summary>
/// <param name="Timestamp"><see cref="TimeProvider.GetTimestamp"/>, which nobody sets back.</param>
/// <param name="WallClock">What the wall clock showed.</param>
public readonly record struct Moment(long Timestamp, DateTimeOffset WallClock)
{
    /// <summary>This moment.</summary>
    public static Moment Now(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return new(time.GetTimestamp(), time.GetUtcNow());
    }

    /// <summary>Time since then, whatever became of the wall clock.</summary>
    public TimeSpan Age(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return time.GetElapsedTime(Timestamp);
    }
}
