using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Portolan.Testing.FakeApiServer;

/// <summary>How a fake API server is set up.</summary>
public sealed record FakeServerOptions
{
    /// <summary>Port on 127.0.0.1; 0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>Serve TLS with certificates of this authority, and accept clients it has signed.</summary>
    public FakeAuthority? Authority { get; init; }

    /// <summary>Tokens that are accepted; null accepts everybody.</summary>
    public Func<string, bool>? AcceptsToken { get; init; }

    /// <summary>Offer networking.k8s.io/v1 ServiceCIDR.</summary>
    public bool HasServiceCidrs { get; init; } = true;

    /// <summary>Time between bookmarks; infinite for none.</summary>
    public TimeSpan BookmarkEvery { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Most items in a page where the client asks for pages; the client's limit counts if it is lower.</summary>
    public int LargestPage { get; init; } = int.MaxValue;
}

/// <summary>
/// An API server as far as a service proxy can tell: lists in pages, watches with bookmarks, 410 after compaction, TLS, tokens and client
/// certificates, over plain sockets so that it can also misbehave: cut, stall, send garbage.
/// </summary>
public sealed class FakeServer : IAsyncDisposable
{
    private readonly FakeServerOptions _options;
    private readonly ConcurrentDictionary<FakeConnection, Task> _connections = [];
    private readonly Lock _lock = new();
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private CancellationTokenSource _stop = new();
    private int _execs;
    private int _mostExecs;

    public FakeServer(FakeServerOptions? options = null, FakeCluster? cluster = null)
    {
        _options = options ?? new FakeServerOptions();
        Cluster = cluster ?? new FakeCluster();
        Port = _options.Port;
        Start();
    }

    public FakeCluster Cluster { get; }

    public int Port { get; private set; }

    public Uri Address =>
        new(string.Create(CultureInfo.InvariantCulture, $"{(_options.Authority is null ? "http" : "https")}://127.0.0.1:{Port}"));

    /// <summary>Asked for each request: what goes wrong with it, or null.</summary>
    public Func<FakeRequest, FakeFault?> Fault { get; set; } = _ => null;

    /// <summary>Every request taken, in order.</summary>
    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    /// <summary>Bodies of the events that were created.</summary>
    public ConcurrentQueue<string> Events { get; } = new();

    /// <summary>The pods in which commands can be run.</summary>
    public ConcurrentBag<FakePod> Pods { get; } = [];

    /// <summary>How many commands run in pods at this moment, and how many did at most.</summary>
    public (int Now, int Most) Execs
    {
        get
        {
            lock (_lock)
                return (_execs, _mostExecs);
        }
    }

    /// <summary>Answers a path that is none of Kubernetes', for a control port; null for 404.</summary>
    public Func<string, string, string?>? Control { get; set; }

    /// <summary>Starts to listen, on the same port as before if it was stopped.</summary>
    public void Start()
    {
        lock (_lock)
        {
            _stop = new CancellationTokenSource();
            _listener = new TcpListener(IPAddress.Loopback, Port);
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _accepting = AcceptAsync(_listener, _stop.Token);
        }
    }

    /// <summary>Stops listening and cuts every connection; does nothing when stopped already.</summary>
    public async Task StopAsync()
    {
        Task accepting;
        lock (_lock)
        {
            if (_listener is null)
                return;
            _listener.Dispose();
            _listener = null;
            accepting = _accepting;
        }
        await _stop.CancelAsync();
        CutAll();
        await accepting;
        await Task.WhenAll(_connections.Values);
        _stop.Dispose();
    }

    /// <summary>As an API server that is restarted: all connections cut, watch history gone, resource versions moved on.</summary>
    public async Task RestartAsync(long versionsLater)
    {
        await StopAsync();
        Cluster.Advance(versionsLater);
        Cluster.Compact();
        Start();
    }

    /// <summary>Cuts every connection in the middle of what it does.</summary>
    public void CutAll()
    {
        foreach (FakeConnection connection in _connections.Keys)
            connection.Cut();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    internal FakeServerOptions Options => _options;

    internal void CountExec(int by)
    {
        lock (_lock)
        {
            _execs += by;
            _mostExecs = Math.Max(_mostExecs, _execs);
        }
    }

    private async Task AcceptAsync(TcpListener listener, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptSocketAsync(stop);
            }
            catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
            socket.NoDelay = true;
            var connection = new FakeConnection(this, socket);
            Task serving = ServeAsync(connection, stop);
            _connections[connection] = serving;
            if (serving.IsCompleted)
                _connections.TryRemove(connection, out _);
        }
    }

    private async Task ServeAsync(FakeConnection connection, CancellationToken stop)
    {
        await Task.Yield();
        try
        {
            await connection.ServeAsync(stop);
        }
        catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException or ObjectDisposedException
            or AuthenticationException or InvalidOperationException)
        {
            // The client went away, or the connection was cut on purpose.
        }
        finally
        {
            connection.Cut();
            _connections.TryRemove(connection, out _);
        }
    }
}
