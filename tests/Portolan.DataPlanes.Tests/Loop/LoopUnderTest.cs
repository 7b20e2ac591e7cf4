using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Sync;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Tests.Loop;

/// <summary>A running loop with a plane, a clock and a machine that the test holds in its hands.</summary>
internal sealed class LoopUnderTest : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Addresses _addresses = new();
    private readonly ListLogger _log = new();
    private readonly Task _run;

    public LoopUnderTest(SyncLoopOptions? options = null, PlaneSchedule? schedule = null)
    {
        Plane = new FakePlane { Schedule = schedule ?? new PlaneSchedule(TimeSpan.FromSeconds(30)) };
        Loop = new SyncLoop(
            Plane, new ServiceTable(new ProxyPolicy { NodeName = "node-a" }), _addresses, options ?? new SyncLoopOptions(), _log, Time);
        _run = Task.Run(() => Loop.RunAsync(_end.Token));
    }

    public FakePlane Plane { get; }

    public ManualTime Time { get; } = new();

    public SyncLoop Loop { get; }

    public IEnumerable<string> Log => _log.Lines;

    public async Task SendAsync(params ClusterEvent[] events)
    {
        foreach (ClusterEvent change in events)
            await Loop.Events.WriteAsync(change, TestContext.Current.CancellationToken);
    }

    /// <summary>Gives the loop its first whole picture and takes the call it makes of it.</summary>
    public async Task<PlaneCall> SyncAsync(params ClusterEvent[] events)
    {
        await SendAsync([.. events, new ClusterEvent.Synced()]);
        return await Plane.NextCallAsync();
    }

    public void HaveAddresses(params string[] addresses) => _addresses.Set([.. addresses.Select(text => InetAddress.Parse(text)).Order()]);

    /// <summary>Waits until the loop has done what it was given.</summary>
    public async Task<SyncStatus> UntilAsync(Func<SyncStatus, bool> condition)
    {
        while (!condition(Loop.Status))
            await Task.Delay(1, TestContext.Current.CancellationToken);
        return Loop.Status;
    }

    public Task<SyncStatus> UntilIdleAsync(long sequence) =>
        UntilAsync(status => status.AppliedSequence == sequence && status.PendingSince is null);

    public static ClusterEvent Service(string name, params Problem[] problems) => new ClusterEvent.ServiceSet(new ServiceObject
    {
        Name = new ObjectName("shop", name),
        ClusterIPs = [AddressOf(name)],
        Ports = [new ServicePortObject("http", IpProtocol.Tcp, 80, 0)],
        Problems = [.. problems],
    });

    // One of its own for each name, and the same in every run.
    private static InetAddress AddressOf(string name) =>
        InetAddress.FromIPv4(0xac1e0000 + (name.Aggregate(0u, static (hash, letter) => (hash * 31) + letter) & 0xffff));

    public static ClusterEvent Gone(string name) => new ClusterEvent.ServiceGone(new ObjectName("shop", name));

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        try
        {
            await _run;
        }
        catch (OperationCanceledException)
        {
            // It was asked to end.
        }
        Loop.Dispose();
        _end.Dispose();
    }

    private sealed class Addresses : ILocalAddresses
    {
        public ImmutableArray<InetAddress> Current { get; private set; } = [];

        public event Action? Changed;

        public void Set(ImmutableArray<InetAddress> addresses)
        {
            Current = addresses;
            Changed?.Invoke();
        }
    }

    private sealed class ListLogger : ILogger<SyncLoop>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IEnumerable<string> Lines => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));
    }
}
