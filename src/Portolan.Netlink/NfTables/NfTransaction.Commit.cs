using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Netlink.Core;
using Portolan.Netlink.Netfilter;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;

namespace Portolan.Netlink.NfTables;

/// <content>Sending and reading the kernel's answers.</content>
public sealed partial class NfTransaction
{
    // The kernel replays a batch by itself after it has loaded a module; these are for answers that ask user space to do so.
    private const int MaxAttempts = 3;

    // One acknowledgement has some 40 bytes, one refusal with its text at most a few hundred; each is a datagram.
    private const int AnswerBufferLength = 8192;

    /// <summary>Sends the transaction and reads the kernel's answer. The changes stay in the buffer until <see cref="Reset"/>.</summary>
    /// <param name="socket">A socket of <see cref="NetlinkProtocol.Netfilter"/> that joined no group.</param>
    /// <returns>
    /// The outcome. Either every change is in force or none is. The send buffer is enlarged to what the transaction needs, if that
    /// is allowed.
    /// </returns>
    /// <exception cref="InvalidOperationException">A list of elements is open.</exception>
    public CommitResult Commit(NetlinkSocket socket)
    {
        if (_list is not null)
            throw new InvalidOperationException("A list of elements is open: call EndElements first.");
        if (IsEmpty)
            return CommitResult.Committed;

        WriteBatchEnd();
        // One acknowledgement for all: answers arrive in the order of messages, so that of the last message is the end.
        int last = _messages[^1].Offset;
        _writer.SetMessageFlags(last, NLM_F_ACK, on: true);
        try
        {
            for (int attempt = 1; ; attempt++)
            {
                CommitResult result = CommitOnce(socket);
                if (attempt == MaxAttempts || !IsWorthAnotherTry(result))
                    return result;
            }
        }
        finally
        {
            _writer.SetMessageFlags(last, NLM_F_ACK, on: false);
        }
    }

    /// <summary>Closes the batch and returns it: what a commit sends, without the flag that requests the acknowledgement.</summary>
    internal ReadOnlySpan<byte> WriteBatchEnd()
    {
        _writer.Truncate(_end);
        int batchEnd = _writer.BeginMessage(NFNL_MSG_BATCH_END, 0, (uint)_messages.Count + 1);
        _writer.PutNetfilterHeader(0, NFNL_SUBSYS_NFTABLES);
        _writer.EndMessage(batchEnd);
        return _writer.Written;
    }

    private static bool IsWorthAnotherTry(CommitResult result) =>
        result.Refusals is [{ MessageIndex: -1 } refusal]
        && result.Outcome == CommitOutcome.Refused
        && (refusal.Errno == Errno.EAGAIN || refusal.Errno == Errno.EINTR || refusal.Errno == Errno.ERESTART);

    private CommitResult CommitOnce(NetlinkSocket socket)
    {
        Errno sent = socket.Send(_writer.Written);
        if (sent == Errno.EMSGSIZE)
        {
            socket.RaiseSendLimit(_writer.Length);
            sent = socket.Send(_writer.Written);
        }
        if (sent == Errno.EMSGSIZE)
            return new CommitResult(CommitOutcome.TooLarge, sendLimitBytes: socket.SendLimitBytes);
        return sent.Number != 0
            ? new CommitResult(CommitOutcome.Refused, [new CommitRefusal(NoSubject, -1, -1, sent, null, -1)])
            : ReadAnswers(socket);
    }

    private CommitResult ReadAnswers(NetlinkSocket socket)
    {
        ImmutableArray<CommitRefusal>.Builder? refusals = null;
        bool acknowledged = false, lost = false;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(AnswerBufferLength);
        try
        {
            while (!acknowledged || lost)
            {
                Errno error = socket.TryReceive(buffer, out int received);
                // No more answers: normal after a refusal, because then the kernel may stop before the message to be acknowledged.
                if (error == Errno.EAGAIN)
                    break;
                if (error.Number != 0)
                {
                    // Hundreds of refusals overrun the buffer. The first ones can still be read.
                    lost = true;
                    continue;
                }
                var answers = new MessageReader(buffer.AsSpan(0, received));
                while (answers.MoveNext())
                {
                    if (!answers.TryGetError(out NetlinkError answer))
                        continue;
                    acknowledged |= answer.Sequence == (uint)_messages.Count;
                    if (answer.Errno.Number != 0)
                        (refusals ??= ImmutableArray.CreateBuilder<CommitRefusal>()).Add(ToRefusal(answer));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (refusals is null)
            return acknowledged && !lost ? CommitResult.Committed : CommitResult.Unknown;
        bool generation = Generation is not null && refusals is [{ MessageIndex: -1 } only] && only.Errno == Errno.ERESTART;
        return new CommitResult(generation ? CommitOutcome.GenerationChanged : CommitOutcome.Refused, refusals.DrainToImmutable());
    }

    private CommitRefusal ToRefusal(in NetlinkError answer)
    {
        // Sequence 0 is the start of the batch, the one after the last its end: both mean the whole batch.
        int index = answer.Sequence is > 0 && answer.Sequence <= _messages.Count ? (int)answer.Sequence - 1 : -1;
        if (index < 0)
            return new CommitRefusal(NoSubject, -1, -1, answer.Errno, answer.Message, answer.Offset);
        Message message = _messages[index];
        int element = -1;
        int subject = message.Subject;
        if (message.FirstElement >= 0 && answer.Offset >= 0)
        {
            int end = index + 1 < _messages.Count ? _messages[index + 1].Offset : _end;
            element = FindElement(message, end, answer.Offset);
            if (element >= 0)
                subject = CollectionsMarshal.AsSpan(_elementSubjects)[message.FirstElement + element];
        }
        return new CommitRefusal(subject, index, element, answer.Errno, answer.Message, answer.Offset) { Change = Describe(index) };
    }
}
