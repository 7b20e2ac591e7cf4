using System.Buffers;
using static Portolan.Netlink.Uapi.NetlinkHeader;

namespace Portolan.Netlink.Core;

/// <summary>
/// Requests that are independent of each other, sent many at a time: each takes effect or is refused by itself, in their order.
/// </summary>
/// <remarks>
/// Only the last request of each system call asks for an acknowledgement: the kernel reports errors anyway, and thousands of
/// acknowledgements would overrun the receive buffer.
/// </remarks>
internal sealed class RequestBatch : IDisposable
{
    // A refusal takes about 1 KiB of the receive buffer, which has more than 200 KiB.
    private const int RequestsPerCall = 128;
    private const int AnswerBufferLength = 64 * 1024;

    private readonly List<int> _starts = [];

    internal MessageWriter Writer { get; } = new();

    /// <summary>Number of requests.</summary>
    internal int Count => _starts.Count;

    /// <summary>Starts a request; its content is written to <see cref="Writer"/>.</summary>
    internal void Begin(ushort type, ushort flags)
    {
        _starts.Add(Writer.Length);
        Writer.BeginMessage(type, flags, 0);
    }

    /// <summary>Ends the request that was begun.</summary>
    internal void End() => Writer.EndMessage(_starts[^1]);

    /// <summary>Discards all requests.</summary>
    internal void Clear()
    {
        _starts.Clear();
        Writer.Truncate(0);
    }

    /// <summary>Sends all requests.</summary>
    /// <returns>Those the kernel refused, in order; all others took effect.</returns>
    /// <exception cref="NetlinkException">The kernel cannot be reached, or its answers were lost: what took effect is unknown.</exception>
    internal List<RequestRefusal> Send(NetlinkSocket socket, string operation)
    {
        List<RequestRefusal> refusals = [];
        byte[] buffer = ArrayPool<byte>.Shared.Rent(AnswerBufferLength);
        try
        {
            for (int first = 0; first < Count; first += RequestsPerCall)
                SendSome(socket, operation, first, Math.Min(first + RequestsPerCall, Count), buffer, refusals);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return refusals;
    }

    /// <inheritdoc/>
    public void Dispose() => Writer.Dispose();

    private void SendSome(NetlinkSocket socket, string operation, int first, int end, byte[] buffer, List<RequestRefusal> refusals)
    {
        uint sequence = socket.NextSequence;
        socket.NextSequence += (uint)(end - first);
        for (int i = first; i < end; i++)
            Writer.SetMessageSequence(_starts[i], sequence + (uint)(i - first));
        Writer.SetMessageFlags(_starts[end - 1], NLM_F_ACK, on: true);
        int stop = end < Count ? _starts[end] : Writer.Length;
        Errno sent = socket.Send(Writer.Written[_starts[first]..stop]);
        if (sent.Number != 0)
            throw new NetlinkException(operation, sent);
        bool isEnded = false;
        while (!isEnded)
        {
            Errno error = socket.TryReceive(buffer, out int received);
            if (error.Number != 0)
                throw new NetlinkException(operation, error, "the kernel's answers were lost");
            var answers = new MessageReader(buffer.AsSpan(0, received));
            while (answers.MoveNext())
            {
                uint place = answers.Sequence - sequence;
                if (place >= (uint)(end - first) || !answers.TryGetError(out NetlinkError answer))
                    continue;
                isEnded |= place == (uint)(end - first - 1);
                if (answer.Errno.Number != 0)
                    refusals.Add(new RequestRefusal(first + (int)place, answer.Errno, answer.Message));
            }
        }
    }
}
