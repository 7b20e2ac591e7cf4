namespace Portolan.Sources.Api;

/// <summary>Ends the reading of a response that pauses for too long.</summary>
internal sealed class IdleWatchdog : IDisposable
{
    private readonly TimeSpan _idle;
    private readonly CancellationToken _cancel;
    private readonly CancellationTokenSource _either;
    private readonly ITimer _timer;

    public IdleWatchdog(TimeSpan idle, TimeProvider time, CancellationToken cancel)
    {
        _idle = idle;
        _cancel = cancel;
        _either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _timer = time.CreateTimer(
            static source => ((CancellationTokenSource)source!).Cancel(), _either, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The next frame.</summary>
    /// <exception cref="TimeoutException">None came in time.</exception>
    public async ValueTask<FrameKind> ReadAsync(JsonFramer frames)
    {
        _timer.Change(_idle, Timeout.InfiniteTimeSpan);
        try
        {
            return await frames.ReadAsync(_either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"no data for {_idle.TotalSeconds:0.#} s in the middle of a response");
        }
        finally
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _either.Dispose();
    }
}
