namespace Portolan.Sources.Api;

/// <summary>
/// The most requests a client makes: some at once, then so many a second (clientConnection.qps and burst, as client-go's flowcontrol).
/// </summary>
internal sealed class RequestRate
{
    private readonly Lock _lock = new();
    private readonly double _perSecond;
    private readonly int _atOnce;
    private readonly TimeProvider _time;
    private double _tokens;
    private long _filled;

    /// <param name="perSecond">Requests per second; below zero for no limit, as in client-go.</param>
    /// <param name="atOnce">Requests at once; at least one.</param>
    /// <param name="time">The clock.</param>
    public RequestRate(double perSecond, int atOnce, TimeProvider time)
    {
        (_perSecond, _atOnce, _time, _filled) = (perSecond, Math.Max(1, atOnce), time, time.GetTimestamp());
        _tokens = _atOnce;
    }

    /// <summary>No limit.</summary>
    public static RequestRate Unlimited { get; } = new(-1, 1, TimeProvider.System);

    /// <summary>Waits until one more request may be made; requests are let through in the order in which they came.</summary>
    public Task WaitAsync(CancellationToken cancel)
    {
        if (_perSecond <= 0)
            return Task.CompletedTask;
        TimeSpan wait;
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            _tokens = Math.Min(_atOnce, _tokens + (_time.GetElapsedTime(_filled, now).TotalSeconds * _perSecond));
            _filled = now;
            // Below zero are the places of those that wait already.
            _tokens--;
            wait = TimeSpan.FromSeconds(Math.Max(0, -_tokens / _perSecond));
        }
        return wait > TimeSpan.Zero ? Task.Delay(wait, _time, cancel) : Task.CompletedTask;
    }
}
