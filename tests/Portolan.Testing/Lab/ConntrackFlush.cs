using System.Buffers.Binary;
using System.Diagnostics;
using Portolan.Netlink.Core;

namespace Portolan.Testing.Lab;

/// <summary>Makes a network namespace forget all its tracked connections.</summary>
internal sealed class ConntrackFlush : IDisposable
{
    private const ushort IPCTNL_MSG_CT_DELETE = (1 << 8) | 2; // linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h
    private const ushort NLM_F_REQUEST_ACK = 0x1 | 0x4;       // linux/netlink.h
    private const int HeaderLength = 16;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly NetlinkSocket _socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
    private uint _sequence;

    /// <summary>Flushes, and returns when it is done. A delete request that names no connection means all of both families.</summary>
    public void Run()
    {
        Span<byte> request = stackalloc byte[HeaderLength + 4];
        request.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request[4..], IPCTNL_MSG_CT_DELETE);
        BinaryPrimitives.WriteUInt16LittleEndian(request[6..], NLM_F_REQUEST_ACK);
        BinaryPrimitives.WriteUInt32LittleEndian(request[8..], ++_sequence);
        Errno sent = _socket.Send(request);
        if (sent != default)
            throw new InvalidOperationException($"Flushing conntrack was refused: {sent}.");
        Span<byte> answer = stackalloc byte[256];
        long started = Stopwatch.GetTimestamp();
        while (_socket.TryReceive(answer, out int length) != default || length < HeaderLength + 4)
        {
            if (Stopwatch.GetElapsedTime(started) > s_patience)
                throw new InvalidOperationException("Flushing conntrack was not acknowledged.");
        }
        int error = BinaryPrimitives.ReadInt32LittleEndian(answer[HeaderLength..]);
        if (error != 0)
            throw new InvalidOperationException($"Flushing conntrack failed: {new Errno(-error)}.");
    }

    public void Dispose() => _socket.Dispose();
}
