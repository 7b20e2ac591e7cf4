using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Sync;

namespace Portolan.DataPlanes.Tests.Loop;

/// <summary>What the proxy can do without for a while ends nothing when it fails.</summary>
public sealed class BackgroundWorkTests : IDisposable
{
    private const string Work = "counting sheep";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly ManualTime _time = new();
    private readonly Lines _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly BackgroundWork _background;
    private volatile int _starts;

    public BackgroundWorkTests() => _background = new BackgroundWork(_log, _time);

    public void Dispose() => _stop.Dispose();

    [Fact]
    public async Task Work_that_fails_is_told_once_shown_and_started_again_until_it_is_well()
    {
        Task running = _background.RunAsync(
            Work, cancel => ++_starts <= 3 ? throw new IOException("no sheep") : Forever(cancel), _stop.Token);

        Assert.Equal(new KeyValuePair<string, string>(Work, "no sheep"), Assert.Single(_background.Failures));
        Assert.Equal(1, _starts);
        UntilStarts(4);
        Assert.Single(_background.Failures);
        Assert.Single(_log.All, static line => line.Contains("no sheep", StringComparison.Ordinal));

        Assert.True(SpinWait.SpinUntil(() => Advanced(() => !_background.Failures.Any()), s_patience), "still shown as failing");
        Assert.True(SpinWait.SpinUntil(
            () => _log.All.Any(static line => line.Contains("works again", StringComparison.Ordinal)), s_patience), "nobody says so");
        Assert.Equal(4, _starts);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Another_cause_is_told_and_waits_grow_to_a_minute()
    {
        Task running = _background.RunAsync(Work, _ => throw new IOException($"cause {++_starts / 3}"), _stop.Token);

        UntilStarts(4);
        Assert.Single(_log.All, static line => line.Contains("cause 0", StringComparison.Ordinal));
        Assert.Single(_log.All, static line => line.Contains("cause 1", StringComparison.Ordinal));
        // Seven waits: 1, 2, 4, 8, 16, 32 and 60 seconds. After them an hour has room for sixty more at most.
        UntilStarts(8);
        int before = _starts;
        for (int minute = 0; minute < 60; minute++)
            _time.Advance(TimeSpan.FromMinutes(1));
        Assert.InRange(_starts, before, before + 60);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private static async Task Forever(CancellationToken cancel) => await Task.Delay(Timeout.Infinite, cancel);

    private void UntilStarts(int count) =>
        Assert.True(SpinWait.SpinUntil(() => Advanced(() => _starts >= count), s_patience), $"started {_starts} times");

    private bool Advanced(Func<bool> isReached)
    {
        if (isReached())
            return true;
        _time.Advance(TimeSpan.FromSeconds(1));
        return false;
    }

    private sealed class Lines : ILogger<BackgroundWork>
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> All
        {
            get
            {
                lock (_lines)
                    return [.. _lines];
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel > LogLevel.Debug;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines)
                _lines.Add(formatter(state, exception));
        }
    }
}
