using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Portolan.DataPlanes.Sync;

/// <summary>
/// Runs what the proxy can do without for a while (following the node's addresses, conntrack clean-up): an exception of it does not end the
/// process, it is logged once, shown in the status until the work has run well for a minute, and the work is started again after growing
/// waits.
/// </summary>
public sealed partial class BackgroundWork(ILogger<BackgroundWork> logger, TimeProvider time)
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(1);

    private readonly ILogger _logger = logger;
    private readonly ConcurrentDictionary<string, string> _failures = new(StringComparer.Ordinal);

    /// <summary>What does not work at the moment, with the reason; any thread.</summary>
    public IEnumerable<KeyValuePair<string, string>> Failures => _failures.OrderBy(static failure => failure.Key, StringComparer.Ordinal);

    /// <summary>Runs until cancelled.</summary>
    /// <param name="name">What it is, for the log: "following the node's addresses".</param>
    /// <param name="work">Runs as long as nothing fails.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(string name, Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(work);
        TimeSpan wait = s_firstWait;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                Task running = work(cancel);
                if (_failures.ContainsKey(name) && await IsWellAsync(running, cancel).ConfigureAwait(false))
                {
                    _failures.TryRemove(name, out _);
                    wait = s_firstWait;
                    LogWorks(name);
                }
                await running.ConfigureAwait(false);
                return;
            }
            catch (Exception failure) when (failure is not OutOfMemoryException && !cancel.IsCancellationRequested)
            {
                if (_failures.GetValueOrDefault(name) != failure.Message)
                {
                    LogFailed(name, failure.Message, wait.TotalSeconds);
                    LogDetails(failure);
                }
                _failures[name] = failure.Message;
            }
            await Task.Delay(wait, time, cancel).ConfigureAwait(false);
            wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait;
        }
    }

    /// <summary>Returns when the work has run for long enough to be called well, or has ended before.</summary>
    private async Task<bool> IsWellAsync(Task running, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task first = await Task.WhenAny(running, Task.Delay(s_longestWait, time, end.Token)).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        return first != running && !cancel.IsCancellationRequested;
    }

    [LoggerMessage(1020, LogLevel.Error,
        "{What} failed: {Reason}; the proxy goes on; will retry in {Seconds:0.0} s, then after growing waits")]
    private partial void LogFailed(string what, string reason, double seconds);

    [LoggerMessage(1021, LogLevel.Information, "{What} works again")]
    private partial void LogWorks(string what);

    [LoggerMessage(1022, LogLevel.Debug, "details of the failure")]
    private partial void LogDetails(Exception failure);
}
