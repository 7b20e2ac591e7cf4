using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Testing.Packets;

namespace Portolan.Testing.Lab;

/// <summary>Sees what is delivered to the node's own stack: raw sockets get a copy of each packet after all input rules.</summary>
internal sealed class LocalDelivery : IDisposable
{
    private static readonly IpProtocol[] s_protocolsV4 =
        [IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Sctp, IpProtocol.Icmp, LabProbes.OtherProtocol];
    private static readonly IpProtocol[] s_protocolsV6 =
        [IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Sctp, IpProtocol.IcmpV6, LabProbes.OtherProtocol];

    private readonly List<(Socket Socket, IpProtocol Protocol, bool Six)> _sockets = [];
    private readonly byte[] _buffer = new byte[65536];

    /// <summary>Opens the sockets in the calling thread's network namespace.</summary>
    public LocalDelivery()
    {
        foreach (IpProtocol protocol in s_protocolsV4)
            Open(IpFamily.IPv4, protocol);
        foreach (IpProtocol protocol in s_protocolsV6)
            Open(IpFamily.IPv6, protocol);
    }

    /// <summary>For poll(2).</summary>
    public IEnumerable<int> Descriptors => _sockets.Select(static entry => (int)entry.Socket.Handle);

    /// <summary>Hands all waiting packets that belong to probes to <paramref name="seen"/>.</summary>
    public void Drain(Action<SeenPacket> seen)
    {
        foreach ((Socket socket, IpProtocol protocol, bool six) in _sockets)
        {
            while (socket.Available > 0)
            {
                if (Receive(socket, protocol, six) is { } packet)
                    seen(packet);
            }
        }
    }

    public void Dispose()
    {
        foreach ((Socket socket, _, _) in _sockets)
            socket.Dispose();
    }

    private void Open(IpFamily family, IpProtocol protocol)
    {
        bool six = family == IpFamily.IPv6;
        Socket socket = RawSocket.Open(family, protocol);
        socket.ReceiveBufferSize = 1 << 20;
        if (six)
            RawSocket.ShowDestinations(socket);
        _sockets.Add((socket, protocol, six));
    }

    private SeenPacket? Receive(Socket socket, IpProtocol protocol, bool six)
    {
        SeenPacket? packet;
        if (!six)
            return SeenPacket.TryRead(_buffer.AsSpan(0, socket.Receive(_buffer)), out packet) ? packet : null;
        int length = RawSocket.ReceiveV6(socket, _buffer, out InetAddress source, out InetAddress destination);
        return SeenPacket.TryRead(source, destination, protocol, _buffer.AsSpan(0, length), out packet) ? packet : null;
    }
}
