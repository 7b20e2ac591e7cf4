using System.Buffers;
using System.Runtime.InteropServices;
using static Portolan.Netlink.Uapi.NetlinkHeader;

namespace Portolan.Netlink.Core;

/// <summary>Receives the messages of an answer.</summary>
internal interface INetlinkVisitor
{
    /// <summary>Called before the first message, and again when the answer starts over.</summary>
    void Start();

    /// <summary>One message; false when it is malformed.</summary>
    bool Visit(ReadOnlySpan<byte> payload);
}

/// <summary>Requests a list, or one object, from the kernel and reads the whole answer.</summary>
internal sealed class NetlinkDump(NetlinkSocket socket)
{
    // netlink_dump creates datagrams of up to 32 KiB; a single object can have 64 KiB.
    private const int BufferLength = 128 * 1024;

    // A list of some 100,000 entries takes tens of milliseconds to read; if it changes more often than that, the read fails.
    private const int MaxAttempts = 20;

    internal int Restarts { get; private set; }

    internal delegate void WriteAttributes<in TState>(MessageWriter writer, TState state);

    /// <summary>Sends a request, whose content the caller writes, and visits the answer.</summary>
    /// <exception cref="NetlinkException">The kernel refused, its answer is malformed or lost, or the list kept changing.</exception>
    internal void Run<TState, TVisitor>(
        string operation, ushort type, bool dump, WriteAttributes<TState> content, TState state, ref TVisitor visitor)
        where TVisitor : INetlinkVisitor
    {
        using var writer = new MessageWriter();
        uint sequence = socket.NextSequence++;
        // A list ends with NLMSG_DONE; for a single object the acknowledgement is its end.
        int start = writer.BeginMessage(type, dump ? NLM_F_DUMP : NLM_F_ACK, sequence);
        content(writer, state);
        writer.EndMessage(start);

        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            for (int attempt = 1; ; attempt++)
            {
                visitor.Start();
                Errno sent = socket.Send(writer.Written);
                if (sent.Number != 0)
                    throw new NetlinkException(operation, sent);
                if (!ReadAnswer(operation, sequence, buffer, ref visitor))
                    return;
                Restarts++;
                if (attempt == MaxAttempts)
                    throw new NetlinkException(operation, Errno.EINTR, "the list changed each time it was read");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // True if the list changed meanwhile. The answer is still read to its end: the rest would be mistaken for the next one.
    private bool ReadAnswer<TVisitor>(string operation, uint sequence, byte[] buffer, ref TVisitor visitor)
        where TVisitor : INetlinkVisitor
    {
        bool interrupted = false;
        NetlinkException? failure = null;
        for (; ; )
        {
            Errno error = socket.TryReceive(buffer, out int received);
            if (error.Number != 0)
                throw failure ?? new NetlinkException(operation, error, "the kernel's answer was truncated");
            var messages = new MessageReader(buffer.AsSpan(0, received));
            while (messages.MoveNext())
            {
                // Left over from a request whose answer was not read to its end.
                if (messages.Sequence != sequence)
                    continue;
                interrupted |= (messages.Flags & NLM_F_DUMP_INTR) != 0;
                if (messages.Type is NLMSG_DONE or NLMSG_ERROR)
                {
                    failure ??= EndError(operation, messages, ref interrupted);
                    return failure is null ? interrupted : throw failure;
                }
                if (failure is null && messages.Type != NLMSG_NOOP && !visitor.Visit(messages.Payload))
                    failure = new NetlinkException($"The kernel's answer to '{operation}' is malformed.");
            }
            if (messages.IsMalformed)
                failure ??= new NetlinkException($"The kernel's answer to '{operation}' is malformed.");
        }
    }

    private static NetlinkException? EndError(string operation, MessageReader message, ref bool interrupted)
    {
        NetlinkError error = default;
        if (message.Type == NLMSG_ERROR)
            message.TryGetError(out error);
        else if (message.Payload.Length >= sizeof(int))
            error = error with { Errno = new Errno(-MemoryMarshal.Read<int>(message.Payload)) };
        if (error.Errno.Number == 0)
            return null;
        if (error.Errno == Errno.EINTR)
        {
            interrupted = true;
            return null;
        }
        return new NetlinkException(operation, error.Errno, error.Message, error.Offset >= 0 ? error.Offset : null);
    }
}
