using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Portolan.Testing.Traffic;

/// <summary>Asks <see cref="NamedServer"/>s for their names, over one connection for as long as it is kept.</summary>
public sealed class NamedClient : IDisposable
{
    private static readonly byte[] s_request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: service\r\n\r\n");
    private static readonly byte[] s_lastRequest = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n");

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[2048];

    private NamedClient(Socket socket) => _socket = socket;

    /// <summary>The client's end of the connection.</summary>
    public IPEndPoint Local => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>What the client connected to.</summary>
    public IPEndPoint Remote => (IPEndPoint)_socket.RemoteEndPoint!;

    /// <summary>Makes sockets of a family and type in some network namespace.</summary>
    public delegate Socket SocketSource(AddressFamily family, SocketType type);

    /// <summary>Sockets of the calling thread's own namespace.</summary>
    public static Socket OwnNamespace(AddressFamily family, SocketType type) =>
        new(family, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);

    /// <summary>Opens a connection.</summary>
    /// <exception cref="SocketException">It was refused or reset.</exception>
    /// <exception cref="OperationCanceledException">Nobody answered in time.</exception>
    public static async Task<NamedClient> ConnectAsync(SocketSource sockets, IPEndPoint server, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(sockets);
        ArgumentNullException.ThrowIfNull(server);
        Socket socket = sockets(server.AddressFamily, SocketType.Stream);
        try
        {
            socket.NoDelay = true;
            using var deadline = new CancellationTokenSource(patience);
            await socket.ConnectAsync(server, deadline.Token);
            return new NamedClient(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The server's name, by one request over a connection of its own.</summary>
    public static async Task<string> AskOnceAsync(SocketSource sockets, IPEndPoint server, TimeSpan patience)
    {
        using NamedClient client = await ConnectAsync(sockets, server, patience);
        return await client.AskLastAsync(patience);
    }

    /// <summary>The server's name, by the last request over this connection.</summary>
    public Task<string> AskLastAsync(TimeSpan patience) => AskAsync(s_lastRequest, patience);

    /// <summary>The server's name, by one datagram; the answer must come from the address that was asked.</summary>
    public static async Task<string> AskByDatagramAsync(SocketSource sockets, IPEndPoint server, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(sockets);
        ArgumentNullException.ThrowIfNull(server);
        using Socket socket = sockets(server.AddressFamily, SocketType.Dgram);
        using var deadline = new CancellationTokenSource(patience);
        // A connected socket takes nothing from other addresses.
        await socket.ConnectAsync(server, deadline.Token);
        await socket.SendAsync(s_request, deadline.Token);
        byte[] buffer = new byte[512];
        int length = await socket.ReceiveAsync(buffer, deadline.Token);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>The server's name, by one more request over this connection.</summary>
    public Task<string> AskAsync(TimeSpan patience) => AskAsync(s_request, patience);

    public void Dispose() => _socket.Dispose();

    private async Task<string> AskAsync(byte[] request, TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        await _socket.SendAsync(request, deadline.Token);
        int held = 0;
        while (true)
        {
            int received = await _socket.ReceiveAsync(_buffer.AsMemory(held), deadline.Token);
            if (received == 0)
                throw new IOException("The connection ended before the answer was complete.");
            held += received;
            if (TryReadAnswer(_buffer.AsSpan(0, held), out string name))
                return name;
        }
    }

    private static bool TryReadAnswer(ReadOnlySpan<byte> answer, out string name)
    {
        name = string.Empty;
        ReadOnlySpan<byte> lengthField = "Content-Length: "u8;
        int headEnd = answer.IndexOf("\r\n\r\n"u8);
        int field = answer.IndexOf(lengthField);
        if (headEnd < 0 || field < 0)
            return false;
        ReadOnlySpan<byte> digits = answer[(field + lengthField.Length)..headEnd];
        int lineEnd = digits.IndexOf((byte)'\r');
        if (!int.TryParse(lineEnd < 0 ? digits : digits[..lineEnd], out int length) || answer.Length < headEnd + 4 + length)
            return false;
        name = Encoding.UTF8.GetString(answer.Slice(headEnd + 4, length));
        return true;
    }
}
