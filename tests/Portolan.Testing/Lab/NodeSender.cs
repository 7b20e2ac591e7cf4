using System.Net;
using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Testing.Packets;

namespace Portolan.Testing.Lab;

/// <summary>Sends one probe from the node itself, with a socket as a program on the node would.</summary>
internal sealed class NodeSender : IDisposable
{
    private readonly Socket _socket;
    private readonly IpProtocol _protocol;

    /// <summary>Opens the socket in the calling thread's network namespace and sends.</summary>
    /// <param name="source">Local address, or none for the kernel's choice.</param>
    /// <param name="sourcePort">Local port, or 0 for the kernel's choice.</param>
    /// <param name="destination">Destination.</param>
    /// <param name="protocol">Protocol.</param>
    /// <param name="token">The probe's token; TCP carries none, as its sequence number is the kernel's.</param>
    public NodeSender(InetAddress source, ushort sourcePort, InetEndpoint destination, IpProtocol protocol, uint token)
    {
        _protocol = protocol;
        AddressFamily family = destination.Address.Family == IpFamily.IPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        _socket = protocol switch
        {
            IpProtocol.Tcp => new Socket(family, SocketType.Stream, ProtocolType.Tcp),
            IpProtocol.Udp => new Socket(family, SocketType.Dgram, ProtocolType.Udp),
            _ => RawSocket.Open(destination.Address.Family, protocol),
        };
        try
        {
            Send(source, sourcePort, destination, token);
        }
        catch (SocketException refusal)
            when (refusal.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress or SocketError.IOPending)
        {
            // TCP goes on connecting.
        }
        catch (SocketException refusal)
        {
            // Rules that drop a packet of the node's own make its send fail (EPERM): an outcome like others.
            Failure = refusal.SocketErrorCode;
        }
    }

    /// <summary>The address and port from which it was sent.</summary>
    public InetEndpoint Source { get; private set; }

    /// <summary>Why sending failed at once, or null.</summary>
    public SocketError? Failure { get; }

    /// <summary>True when the answer to the probe has arrived at the socket: connected, or a datagram with the reply's token.</summary>
    public bool HasReply()
    {
        if (_protocol == IpProtocol.Udp)
        {
            Span<byte> buffer = stackalloc byte[64];
            return _socket.Poll(TimeSpan.Zero, SelectMode.SelectRead)
                && _socket.Receive(buffer, SocketFlags.None, out SocketError error) > 0
                && error == SocketError.Success;
        }
        return _socket.Poll(TimeSpan.Zero, SelectMode.SelectWrite)
            && _socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error) is 0;
    }

    public void Dispose()
    {
        // A reset in place of FIN: no connection must outlive its flow.
        if (_protocol == IpProtocol.Tcp)
            _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    private void Send(InetAddress source, ushort sourcePort, InetEndpoint destination, uint token)
    {
        _socket.Blocking = false;
        bool six = destination.Address.Family == IpFamily.IPv6;
        IPAddress local = source.Family != IpFamily.None ? source.ToIPAddress() : six ? IPAddress.IPv6Any : IPAddress.Any;
        bool raw = _protocol is not (IpProtocol.Tcp or IpProtocol.Udp);
        if (sourcePort != 0)
            _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _socket.Bind(new IPEndPoint(local, raw ? 0 : sourcePort));
        var target = new IPEndPoint(destination.Address.ToIPAddress(), raw ? 0 : destination.Port);
        Source = new(source, sourcePort);
        if (_protocol != IpProtocol.Tcp)
            _socket.Connect(target);
        if (_protocol == IpProtocol.Tcp)
        {
            try
            {
                _socket.Connect(target);
            }
            finally
            {
                NoteSource(raw, sourcePort);
            }
            return;
        }
        NoteSource(raw, sourcePort == 0 ? (ushort)(1024 + token % 60000) : sourcePort);
        var probe = new Probe(Source, destination, _protocol, token);
        if (raw)
            _socket.Send(PacketWriter.Transport(probe));
        else
            _socket.Send(BitConverter.GetBytes(IPAddress.HostToNetworkOrder((int)token)));
    }

    private void NoteSource(bool raw, ushort rawPort)
    {
        if (_socket.LocalEndPoint is IPEndPoint bound)
            Source = new(InetAddress.From(bound.Address), raw ? rawPort : (ushort)bound.Port);
    }
}
