using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Netlink.Core;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Cleans connection tracking up after each change that is in force, on a thread of its own: a large table takes the kernel a second to
/// walk, in which the loop goes on.
/// </summary>
public sealed partial class ConntrackObserver(ConntrackCleaner cleaner, ILogger<ConntrackObserver> logger)
{
    // Far longer than it takes from a commit until it is told of, far shorter than a client's patience.
    private static readonly TimeSpan s_untilSecondLook = TimeSpan.FromSeconds(1);

    private readonly ILogger _logger = logger;
    private readonly Channel<SyncRecord> _records = Channel.CreateUnbounded<SyncRecord>(new() { SingleReader = true });
    private long _followed, _noted, _cleaned;

    /// <summary>True while something that is in force waits to be cleaned up after; any thread.</summary>
    public bool IsPending => Volatile.Read(ref _cleaned) != Volatile.Read(ref _followed);

    /// <summary>Is told how long each clean-up took and what it removed.</summary>
    public Action<TimeSpan, CleanedConnections>? Cleaned { get; init; }

    /// <summary>Takes what the loop did; quick.</summary>
    public void Follow(SyncRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        Interlocked.Increment(ref _followed);
        _records.Writer.TryWrite(record);
    }

    /// <summary>
    /// Cleans up until cancelled. What an exception left undone stays noted: called again, it begins with that.
    /// </summary>
    /// <exception cref="NetlinkException">The table cannot be read or changed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        do
        {
            NoteAll();
            while (cleaner.IsDue)
            {
                await OnOwnThread(cleaner.Clean, cancel).ConfigureAwait(false);
                Volatile.Write(ref _cleaned, _noted);
                if (!cleaner.HasSuspects)
                    continue;
                await Task.Delay(s_untilSecondLook, cancel).ConfigureAwait(false);
                NoteAll();
                await OnOwnThread(cleaner.CleanSuspects, cancel).ConfigureAwait(false);
            }
            Volatile.Write(ref _cleaned, _noted);
        }
        while (await _records.Reader.WaitToReadAsync(cancel).ConfigureAwait(false));
    }

    private void NoteAll()
    {
        for (; _records.Reader.TryRead(out SyncRecord? record); _noted++)
            cleaner.Note(record);
    }

    // The kernel's answers are waited for without giving the thread back.
    private Task OnOwnThread(Func<CleanedConnections> clean, CancellationToken cancel) =>
        Task.Factory.StartNew(() => Clean(clean), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Clean(Func<CleanedConnections> clean)
    {
        long start = Stopwatch.GetTimestamp();
        CleanedConnections removed = clean();
        Cleaned?.Invoke(Stopwatch.GetElapsedTime(start), removed);
        if (removed.Stale > 0)
            LogStale(removed.Stale);
        if (removed.Stuck > 0)
            LogStuck(removed.Stuck);
    }

    [LoggerMessage(1013, LogLevel.Debug, "conntrack: removed {Count} UDP flows to endpoints that no longer exist")]
    private partial void LogStale(int count);

    [LoggerMessage(1014, LogLevel.Information,
        "conntrack: {Count} connections without an answer, which began while rules were missing, were removed; their next packets " +
        "start again")]
    private partial void LogStuck(int count);
}
