using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Tests.Support;

/// <summary>A running source and the cluster as its events describe it.</summary>
internal sealed class SourceRun : IAsyncDisposable
{
    // Long enough for a machine that is busy with other tests; a source that works answers within milliseconds.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<ClusterEvent> _events = Channel.CreateBounded<ClusterEvent>(16);
    private readonly Task _running;

    private readonly Func<IReadOnlyList<string>> _lines;

    public SourceRun(IClusterSource source, Func<IReadOnlyList<string>> lines)
    {
        _lines = lines;
        Source = source;
        _running = Task.Run(() => source.RunAsync(_events.Writer, _stop.Token));
    }

    public IClusterSource Source { get; }

    public Dictionary<ObjectName, ServiceObject> Services { get; } = [];

    public Dictionary<ObjectName, EndpointSliceObject> Slices { get; } = [];

    public Dictionary<string, ServiceCidrObject> Cidrs { get; } = [];

    public NodeObject? Node { get; private set; }

    public bool IsSynced { get; private set; }

    public List<ClusterEvent> Log { get; } = [];

    /// <summary>Takes events until the cluster they describe is as wanted.</summary>
    public async Task Until(Func<SourceRun, bool> wanted, string what)
    {
        using var timeout = new CancellationTokenSource(s_patience);
        while (!wanted(this))
        {
            try
            {
                Task<ClusterEvent> next = _events.Reader.ReadAsync(timeout.Token).AsTask();
                if (await Task.WhenAny(next, _running) == _running && !next.IsCompleted)
                    await _running;
                Apply(await next);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"waited in vain for: {what}. Last events: {string.Join(", ", Log.TakeLast(5))}. Log: " +
                    $"{string.Join(" | ", _lines().TakeLast(5))}");
            }
        }
    }

    public Task Synced() => Until(run => run.IsSynced, "the first whole picture");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // A source ends by cancellation and by nothing else.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _stop.Dispose();
    }

    private void Apply(ClusterEvent change)
    {
        Log.Add(change);
        Follow(change);
    }

    private void Follow(ClusterEvent change)
    {
        switch (change)
        {
            case ClusterEvent.Together together:
                foreach (ClusterEvent one in together.Changes)
                    Follow(one);
                break;
            case ClusterEvent.ServiceSet set:
                Services[set.Service.Name] = set.Service;
                break;
            case ClusterEvent.ServiceGone gone:
                Assert.True(Services.Remove(gone.Name), $"{gone.Name} went without having come");
                break;
            case ClusterEvent.SliceSet set:
                Slices[set.Slice.Name] = set.Slice;
                break;
            case ClusterEvent.SliceGone gone:
                Assert.True(Slices.Remove(gone.Name), $"{gone.Name} went without having come");
                break;
            case ClusterEvent.ServiceCidrSet set:
                Cidrs[set.Cidr.Name] = set.Cidr;
                break;
            case ClusterEvent.ServiceCidrGone gone:
                Assert.True(Cidrs.Remove(gone.Name), $"{gone.Name} went without having come");
                break;
            case ClusterEvent.NodeSet set:
                Node = set.Node;
                break;
            case ClusterEvent.Synced:
                Assert.False(IsSynced, "Synced came twice");
                IsSynced = true;
                break;
        }
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class LogLines<T> : ILogger<T>
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
