using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Portolan.Http;

/// <summary>
/// A transport for Kestrel that looks like one listener and is any number of them. A Kestrel of its own for each health check node port
/// would cost a thread each.
/// </summary>
internal sealed class ListenerSet(ILogger logger, OpenConnections open) : IConnectionListenerFactory, IConnectionListener
{
    private const int Backlog = 128;
    private static readonly TimeSpan s_waitWithoutDescriptors = TimeSpan.FromMilliseconds(200);

    // As many as may be open.
    private readonly Channel<ConnectionContext> _accepted = Channel.CreateUnbounded<ConnectionContext>();
    private readonly SocketConnectionContextFactory _connections = new(new SocketConnectionFactoryOptions(), logger);

    /// <summary>Never bound.</summary>
    public static IPEndPoint Placeholder { get; } = new(IPAddress.Loopback, 0);

    public EndPoint EndPoint => Placeholder;

    /// <summary>Listens until the result is disposed.</summary>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public IDisposable Open(OpenConnections.Listener listener) => Open(listener, isDual: false);

    /// <summary>
    /// The same for a page of the proxy's own, to which others leave a place; and 0.0.0.0 and [::] both mean all addresses of both
    /// families.
    /// </summary>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public IDisposable OpenForPages(IPEndPoint address, RequestDelegate handler)
    {
        bool isAll = address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any);
        bool isDual = isAll && Socket.OSSupportsIPv6;
        if (isAll)
            address = new IPEndPoint(isDual ? IPAddress.IPv6Any : IPAddress.Any, address.Port);
        return Open(new OpenConnections.Listener(address, handler, hasOwnPlaces: true), isDual);
    }

    private Socket Open(OpenConnections.Listener listener, bool isDual)
    {
        IPEndPoint address = listener.Address;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Unless both are asked for, each family is bound for itself: a service of one family is not answered on the other.
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = isDual;
            socket.Bind(address);
            socket.Listen(Backlog);
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
        _ = AcceptConnectionsAsync(socket, listener);
        return socket;
    }

    public void Close() => _accepted.Writer.TryComplete();

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        Close();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _connections.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptConnectionsAsync(Socket socket, OpenConnections.Listener listener)
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await socket.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception closed) when (closed is ObjectDisposedException
                || closed is SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.InvalidArgument })
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, or the client went away before we looked: the listener itself is sound.
                await Task.Delay(s_waitWithoutDescriptors).ConfigureAwait(false);
                continue;
            }
            ConnectionContext connection = _connections.Create(accepted);
            if (!open.TryAdd(connection, listener) || !_accepted.Writer.TryWrite(connection))
                await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
