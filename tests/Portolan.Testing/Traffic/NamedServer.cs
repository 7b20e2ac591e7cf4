using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Portolan.Testing.Traffic;

/// <summary>
/// A server that says its name: to every HTTP request on a TCP port, connections kept open as HTTP/1.1 has it, and to every datagram on
/// the UDP port of the same number.
/// </summary>
public sealed class NamedServer : IDisposable
{
    private readonly Socket _listener;
    private readonly Socket _datagrams;
    private readonly byte[] _name;
    private readonly byte[] _answer;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Listens on all addresses of both families, in the calling thread's network namespace.</summary>
    public NamedServer(string name, int port)
    {
        _name = Encoding.UTF8.GetBytes(name);
        _answer = Encoding.UTF8.GetBytes(
            $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {_name.Length}\r\n\r\n{name}");
        _listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        _datagrams = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
        try
        {
            _listener.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            _listener.Listen(backlog: 4096);
            _datagrams.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        }
        catch
        {
            Dispose();
            throw;
        }
        _ = AcceptAsync();
        _ = AnswerDatagramsAsync();
    }

    /// <summary>Stops listening; connections end.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _datagrams.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        CancellationToken stop = _stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                _ = ServeAsync(await _listener.AcceptAsync(stop), stop);
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // A connection that was reset before it was accepted must not end the server.
            }
        }
    }

    private async Task ServeAsync(Socket connection, CancellationToken stop)
    {
        using (connection)
        {
            byte[] buffer = new byte[2048];
            int held = 0;
            try
            {
                connection.NoDelay = true;
                while (true)
                {
                    int received = await connection.ReceiveAsync(buffer.AsMemory(held), stop);
                    if (received == 0)
                        return;
                    held += received;
                    int end = buffer.AsSpan(0, held).IndexOf("\r\n\r\n"u8);
                    if (end < 0 && held == buffer.Length)
                        return;
                    if (end < 0)
                        continue;
                    held = 0;
                    await connection.SendAsync(_answer, stop);
                    if (buffer.AsSpan(0, end).IndexOf("Connection: close"u8) >= 0)
                        return;
                }
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The client went away, or the server was stopped.
            }
        }
    }

    private async Task AnswerDatagramsAsync()
    {
        byte[] buffer = new byte[2048];
        CancellationToken stop = _stop.Token;
        var anyone = new IPEndPoint(IPAddress.IPv6Any, 0);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult received = await _datagrams.ReceiveFromAsync(buffer, anyone, stop);
                await _datagrams.SendToAsync(_name, received.RemoteEndPoint, stop);
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // An ICMP error for an earlier answer shows up here; it says nothing about the next datagram.
            }
        }
    }
}
