using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Packets;

namespace Portolan.Testing.Traffic;

/// <summary>
/// TCP segments of an open IPv4 connection whose sequence numbers are far from where it stands, as delayed or forged ones are. Connection
/// tracking calls those ahead of the window invalid.
/// </summary>
public sealed class StraySegments : IDisposable
{
    private const byte Acknowledgement = 0x10;

    // A third of the number space apart: one or two of them are in the half that is ahead, wherever the connection stands.
    private static readonly uint[] s_sequences = [0x11111111, 0x66666666, 0xbbbbbbbb];

    private readonly Socket _receiver;
    private readonly byte[] _buffer = new byte[2048];

    /// <summary>Watches for them in the calling thread's network namespace.</summary>
    public StraySegments() => _receiver = RawSocket.Open(IpFamily.IPv4, IpProtocol.Tcp);

    /// <summary>Number of segments that <see cref="Send"/> sends.</summary>
    public static int Count => s_sequences.Length;

    /// <summary>Sends from the calling thread's network namespace.</summary>
    public static void Send(InetEndpoint from, InetEndpoint to)
    {
        using Socket socket = RawSocket.Open(IpFamily.IPv4, IpProtocol.Tcp);
        socket.Bind(new IPEndPoint(from.Address.ToIPAddress(), 0));
        foreach (uint sequence in s_sequences)
        {
            var probe = new Probe(from, to, IpProtocol.Tcp, sequence) { TcpFlags = Acknowledgement };
            socket.SendTo(PacketWriter.Transport(probe), new IPEndPoint(to.Address.ToIPAddress(), 0));
        }
    }

    /// <summary>Sources of those that have arrived since the last call, until there are as many as are waited for or time is up.</summary>
    public IReadOnlyList<InetEndpoint> Take(int expected, TimeSpan patience)
    {
        List<InetEndpoint> sources = [];
        for (long started = Stopwatch.GetTimestamp(); sources.Count < expected && Stopwatch.GetElapsedTime(started) < patience;)
        {
            if (!_receiver.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead))
                continue;
            int length = _receiver.Receive(_buffer);
            ReadOnlySpan<byte> packet = _buffer.AsSpan(0, length);
            ReadOnlySpan<byte> segment = packet[((packet[0] & 0x0f) * 4)..];
            if (segment.Length >= 20 && s_sequences.Contains(BinaryPrimitives.ReadUInt32BigEndian(segment[4..]))
                && InetAddress.TryFromBytes(packet.Slice(12, 4), out InetAddress source))
                sources.Add(new InetEndpoint(source, BinaryPrimitives.ReadUInt16BigEndian(segment)));
        }
        return sources;
    }

    public void Dispose() => _receiver.Dispose();
}
