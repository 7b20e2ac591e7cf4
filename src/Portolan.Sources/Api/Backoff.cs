namespace Portolan.Sources.Api;

/// <summary>Waiting times of the API source.</summary>
/// <param name="FirstRetry">Wait after a first failure; doubled for each further one.</param>
/// <param name="LongestRetry">Most it grows to.</param>
/// <param name="AnswerTime">Most a server may take until it begins to answer.</param>
/// <param name="ListIdle">Most a list may pause while it is sent.</param>
/// <param name="WatchIdle">
/// How long a watch may be silent before it is reopened. API servers send a bookmark about once a minute, even if nothing changes.
/// </param>
/// <param name="WatchTime">Least life of a watch asked of the server, which closes it between this and twice this.</param>
/// <param name="LongestAsked">Most that is waited because the server asked for it (Retry-After), whatever it asks for.</param>
/// <param name="UnavailableRetry">Wait before asking again for a kind the server does not have.</param>
internal sealed record ApiTimings(
    TimeSpan FirstRetry, TimeSpan LongestRetry, TimeSpan AnswerTime, TimeSpan ListIdle, TimeSpan WatchIdle, TimeSpan WatchTime,
    TimeSpan LongestAsked, TimeSpan UnavailableRetry)
{
    /// <summary>For production: client-go's orders of magnitude.</summary>
    public static ApiTimings Default { get; } = new(
        TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30),
        TimeSpan.FromSeconds(150), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10));
}

/// <summary>Growing delays with jitter, so that five thousand nodes do not return to a restarted server at the same time.</summary>
internal sealed class Backoff(ApiTimings timings, TimeProvider time, Random random)
{
    private int _failures;

    /// <summary>Resets after a success.</summary>
    public void Reset() => _failures = 0;

    /// <summary>Waits after a failure: half to one and a half times the growing wait, and never less than the server asked for.</summary>
    public Task WaitAsync(TimeSpan? atLeast, CancellationToken cancel)
    {
        double grown = Math.Min(timings.FirstRetry.TotalMilliseconds * Math.Pow(2, _failures), timings.LongestRetry.TotalMilliseconds);
        _failures = Math.Min(_failures + 1, 30);
        TimeSpan wait = TimeSpan.FromMilliseconds(grown * (0.5 + random.NextDouble()));
        TimeSpan asked = atLeast is { } given ? (given < timings.LongestAsked ? given : timings.LongestAsked) : TimeSpan.Zero;
        return Task.Delay(asked > wait ? asked : wait, time, cancel);
    }
}
