using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Portolan.Testing.Traffic;

/// <summary>Receives datagrams and answers none, as a log or metrics server does; counts them by the number their senders put in.</summary>
public sealed class DatagramSink : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
    private readonly ConcurrentDictionary<int, int> _received;

    /// <summary>Listens on all addresses of both families, in the calling thread's network namespace.</summary>
    /// <param name="port">The port.</param>
    /// <param name="received">Datagrams by number of the sender; several sinks may count into one.</param>
    public DatagramSink(int port, ConcurrentDictionary<int, int> received)
    {
        _received = received;
        _socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        _ = ReceiveAsync();
    }

    /// <summary>Stops listening.</summary>
    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[16];
        try
        {
            while (true)
            {
                int length = await _socket.ReceiveAsync(buffer);
                if (length == sizeof(int))
                    _received.AddOrUpdate(BitConverter.ToInt32(buffer), 1, static (_, count) => count + 1);
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }
}
