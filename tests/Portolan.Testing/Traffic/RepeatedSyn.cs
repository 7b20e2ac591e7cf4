using System.Net;
using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Packets;

namespace Portolan.Testing.Traffic;

/// <summary>
/// The first segment of an open IPv4 connection once more, as it comes when the answer to it took longer than the client waited. An
/// endpoint only acknowledges what it has.
/// </summary>
public static class RepeatedSyn
{
    // Its acknowledgement says where the connection stands, whatever the number.
    private const uint Sequence = 0x22222222;

    /// <summary>Sends it from the calling thread's network namespace.</summary>
    public static void Send(NamedClient connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using Socket socket = RawSocket.Open(IpFamily.IPv4, IpProtocol.Tcp);
        socket.Bind(new IPEndPoint(connection.Local.Address, 0));
        var probe = new Probe(EndpointOf(connection.Local), EndpointOf(connection.Remote), IpProtocol.Tcp, Sequence);
        socket.SendTo(PacketWriter.Transport(probe), new IPEndPoint(connection.Remote.Address, 0));
    }

    private static InetEndpoint EndpointOf(IPEndPoint endpoint) =>
        new(InetAddress.TryFromBytes(endpoint.Address.GetAddressBytes(), out InetAddress address) ? address
            : throw new ArgumentException($"{endpoint} is no address.", nameof(endpoint)), (ushort)endpoint.Port);
}
