using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Portolan.Http;

/// <summary>
/// The open connections of all listeners, and how many there may be. Anybody on the network may reach a health check node port: whatever is
/// done there, the pages of the proxy's own listeners answer, and a listener that is full closes connections on which nothing happens in
/// favour of new ones.
/// </summary>
internal sealed class OpenConnections : IDisposable
{
    // A load balancer asks with a handful of connections, monitoring with a few.
    private const int MostOfListener = 128;

    // Of all listeners without a place of their own; the descriptors of a process are 1,024 where nobody raised them.
    private const int MostOfOthers = 384;

    /// <summary>The longest a client may take for the head of its first request; Kestrel has the same for those that follow.</summary>
    public static readonly TimeSpan HeadTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    // Runs while there is a connection that has not asked for anything: a proxy at rest has nothing to look at.
    private readonly ITimer _timer;
    private readonly Lock _gate = new();

    // The one that did nothing for longest first.
    private readonly LinkedList<Connection> _open = [];
    private int _others;
    private bool _isLooking;

    public OpenConnections(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(_ => CloseSilent(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Takes a connection in that was accepted; false when there is no place for it.</summary>
    public bool TryAdd(ConnectionContext context, Listener listener)
    {
        var connection = new Connection(this, context, listener);
        Connection? instead = null;
        using (_gate.EnterScope())
        {
            if (listener.Count >= MostOfListener)
                instead = FindIdle(other => other.Listener == listener);
            else if (!listener.HasOwnPlaces && _others >= MostOfOthers)
                instead = FindIdle(static other => !other.Listener.HasOwnPlaces);
            else
                instead = connection;
            if (instead is null)
                return false;
            if (instead != connection)
                Remove(instead);
            connection.Node = _open.AddLast(connection);
            if (!_isLooking)
                LookWhile(true);
            listener.Count++;
            _others += listener.HasOwnPlaces ? 0 : 1;
        }
        if (instead != connection)
            instead.Context.Abort();
        context.Features.Set(connection);
        context.ConnectionClosed.UnsafeRegister(static state => ((Connection)state!).Closed(), connection);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private Connection? FindIdle(Func<Connection, bool> isOneOf)
    {
        foreach (Connection connection in _open)
        {
            if (connection.IsIdle && isOneOf(connection))
                return connection;
        }
        return null;
    }

    private void CloseSilent()
    {
        List<Connection> silent = [];
        using (_gate.EnterScope())
        {
            foreach (Connection connection in _open)
            {
                if (!connection.HasAsked && _time.GetElapsedTime(connection.Since) >= HeadTime)
                    silent.Add(connection);
            }
            silent.ForEach(Remove);
            if (_open.All(static connection => connection.HasAsked))
                LookWhile(false);
        }
        silent.ForEach(static connection => connection.Context.Abort());
    }

    // Under the gate.
    private void LookWhile(bool isNeeded)
    {
        _isLooking = isNeeded;
        TimeSpan period = isNeeded ? s_betweenLooks : Timeout.InfiniteTimeSpan;
        _timer.Change(period, period);
    }

    private void Remove(Connection connection)
    {
        if (connection.Node is not { } node)
            return;
        connection.Node = null;
        _open.Remove(node);
        connection.Listener.Count--;
        _others -= connection.Listener.HasOwnPlaces ? 0 : 1;
    }

    /// <summary>What is listened on.</summary>
    /// <param name="address">The address.</param>
    /// <param name="handler">Answers requests.</param>
    /// <param name="hasOwnPlaces">Connections of other listeners take no place from this one's.</param>
    internal sealed class Listener(IPEndPoint address, RequestDelegate handler, bool hasOwnPlaces)
    {
        public IPEndPoint Address { get; } = address;

        public RequestDelegate Handler { get; } = handler;

        public bool HasOwnPlaces { get; } = hasOwnPlaces;

        // Under the gate.
        internal int Count { get; set; }
    }

    /// <summary>Goes with each connection as a feature, and so with its requests.</summary>
    internal sealed class Connection(OpenConnections owner, ConnectionContext context, Listener listener)
    {
        private int _requests;

        public Listener Listener { get; } = listener;

        internal ConnectionContext Context { get; } = context;

        internal long Since { get; } = owner._time.GetTimestamp();

        // Null when it is not counted (any more). Under the gate, as all that follows.
        internal LinkedListNode<Connection>? Node { get; set; }

        internal bool HasAsked { get; private set; }

        internal bool IsIdle => _requests == 0;

        /// <summary>Answers one request; the connection counts as busy meanwhile.</summary>
        public async Task AnswerAsync(HttpContext request)
        {
            Count(1);
            try
            {
                await Listener.Handler(request).ConfigureAwait(false);
            }
            finally
            {
                Count(-1);
            }
        }

        internal void Closed()
        {
            using Lock.Scope held = owner._gate.EnterScope();
            owner.Remove(this);
        }

        private void Count(int requests)
        {
            using Lock.Scope held = owner._gate.EnterScope();
            _requests += requests;
            HasAsked = true;
            if (Node is null)
                return;
            owner._open.Remove(Node);
            owner._open.AddLast(Node);
        }
    }
}
