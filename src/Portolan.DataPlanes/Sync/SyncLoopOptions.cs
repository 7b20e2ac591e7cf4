namespace Portolan.DataPlanes.Sync;

/// <summary>Times of <see cref="SyncLoop"/>. The plane itself says how often it needs reconciling (its Schedule).</summary>
public sealed record SyncLoopOptions
{
    /// <summary>Least time between the starts of two syncs (minSyncPeriod); zero for none.</summary>
    public TimeSpan MinSyncPeriod { get; init; } = TimeSpan.Zero;

    /// <summary>Wait before the first retry after a failure or a refusal; doubles each time.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest wait between two retries.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Number of events that may be queued before their source has to wait.</summary>
    public int QueueLength { get; init; } = 4096;
}
