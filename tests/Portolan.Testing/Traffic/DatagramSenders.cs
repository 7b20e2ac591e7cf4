using System.Net;
using System.Net.Sockets;

namespace Portolan.Testing.Traffic;

/// <summary>Clients that send datagrams from a port of their own, again and again, and listen for nothing.</summary>
public sealed class DatagramSenders : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(200);

    private readonly NamedClient.SocketSource _sockets;
    private readonly IPEndPoint _server;
    private readonly List<Socket> _open = [];
    private readonly Timer _timer;

    /// <param name="sockets">Where their sockets come from.</param>
    /// <param name="server">Where they send to.</param>
    public DatagramSenders(NamedClient.SocketSource sockets, IPEndPoint server)
    {
        (_sockets, _server) = (sockets, server);
        _timer = new Timer(_ => SendAll(), null, s_period, s_period);
    }

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_open)
                return _open.Count;
        }
    }

    /// <summary>One more, which sends at once. Its number is that of those before it.</summary>
    public void Add()
    {
        Socket socket = _sockets(_server.AddressFamily, SocketType.Dgram);
        lock (_open)
        {
            _open.Add(socket);
            Send(socket, _open.Count - 1);
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_open)
        {
            _open.ForEach(static socket => socket.Dispose());
            _open.Clear();
        }
    }

    private void SendAll()
    {
        lock (_open)
        {
            for (int number = 0; number < _open.Count; number++)
                Send(_open[number], number);
        }
    }

    private void Send(Socket socket, int number)
    {
        try
        {
            socket.SendTo(BitConverter.GetBytes(number), _server);
        }
        catch (SocketException)
        {
            // An ICMP error for an earlier datagram shows up here; it says nothing about the next.
        }
    }
}
