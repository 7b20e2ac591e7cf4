using System.Collections.Concurrent;

namespace Portolan.Proxy;

/// <summary>
/// Runs work that the proxy can do without for a while (following the node's addresses): an exception in it does not end the process, it is
/// logged once, shown in the status, and the work is restarted with growing delays.
/// </summary>
internal sealed class BackgroundWork(ProxyLog log, TimeProvider time)
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, string> _failures = new(StringComparer.Ordinal);

    /// <summary>What does not work at the moment, with the reason; any thread.</summary>
    public IEnumerable<KeyValuePair<string, string>> Failures => _failures.OrderBy(static failure => failure.Key, StringComparer.Ordinal);

    /// <summary>Runs until cancelled.</summary>
    /// <param name="name">What it is, for the log: "following the node's addresses".</param>
    /// <param name="work">Runs as long as nothing fails.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task RunAsync(string name, Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        TimeSpan wait = s_firstWait;
        while (!cancel.IsCancellationRequested)
        {
            long start = time.GetTimestamp();
            try
            {
                await work(cancel).ConfigureAwait(false);
                return;
            }
            catch (Exception failure) when (failure is not OutOfMemoryException && !cancel.IsCancellationRequested)
            {
                // It worked for long enough: this is another failure, not the same one again.
                if (time.GetElapsedTime(start) > s_longestWait)
                {
                    wait = s_firstWait;
                    _failures.TryRemove(name, out _);
                }
                if (_failures.GetValueOrDefault(name) != failure.Message)
                {
                    log.BackgroundFailed(name, failure.Message, wait.TotalSeconds);
                    log.FailureDetails(failure);
                }
                _failures[name] = failure.Message;
            }
            await Task.Delay(wait, time, cancel).ConfigureAwait(false);
            wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait;
        }
    }
}
