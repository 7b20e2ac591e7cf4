using System.Buffers;
using Portolan.Netlink.Core;
using Portolan.Netlink.Netfilter;
using Portolan.Netlink.NfTables.Expressions;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>Requests elements by key from the kernel (NFT_MSG_GETSETELEM without a dump).</summary>
internal sealed class NfElementFinder(NetlinkSocket socket)
{
    // The kernel answers each key with a datagram that takes some 10 KiB of receive buffer, and gives up when that is full.
    private const int KeysPerRequest = 256;
    private const int ReceiveBufferBytes = 8 << 20;
    private const int BufferLength = 8192;
    private const string Operation = "find elements";

    private bool _hasBuffer;

    // Bytes from the start of the request to the list of keys.
    private int _listOffset;

    internal int Find<TVisitor>(NfTableId table, string set, ReadOnlySpan<byte> keys, int keyLength, ref TVisitor visitor)
        where TVisitor : INfElementVisitor
    {
        if (!_hasBuffer)
            socket.RaiseReceiveBuffer(ReceiveBufferBytes);
        _hasBuffer = true;
        visitor.Start();
        int missing = 0;
        using var writer = new MessageWriter();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            while (!keys.IsEmpty)
            {
                int wanted = Math.Min(KeysPerRequest, keys.Length / keyLength);
                uint sequence = WriteRequest(writer, table, set, keys[..(wanted * keyLength)], keyLength);
                Errno sent = socket.Send(writer.Written);
                if (sent.Number != 0)
                    throw new NetlinkException(Operation, sent);
                // The kernel stops at the first key that does not exist; those after it are requested again.
                int found = ReadAnswer(sequence, buffer, ref visitor);
                if (found < wanted)
                    missing++;
                keys = keys[(Math.Min(found + 1, wanted) * keyLength)..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return missing;
    }

    private uint WriteRequest(MessageWriter writer, NfTableId table, string set, ReadOnlySpan<byte> keys, int keyLength)
    {
        uint sequence = socket.NextSequence++;
        writer.Truncate(0);
        int start = writer.BeginMessage((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETSETELEM, NLM_F_ACK, sequence);
        writer.PutNetfilterHeader((byte)table.Family);
        writer.PutString(NFTA_SET_ELEM_LIST_TABLE, table.Name);
        writer.PutString(NFTA_SET_ELEM_LIST_SET, set);
        int list = writer.BeginNest(NFTA_SET_ELEM_LIST_ELEMENTS);
        _listOffset = list - start;
        for (; !keys.IsEmpty; keys = keys[keyLength..])
        {
            int element = writer.BeginNest(NFTA_LIST_ELEM);
            writer.PutData(NFTA_SET_ELEM_KEY, keys[..keyLength]);
            writer.EndNest(element);
        }
        writer.EndNest(list);
        writer.EndMessage(start);
        return sequence;
    }

    private int ReadAnswer<TVisitor>(uint sequence, byte[] buffer, ref TVisitor visitor)
        where TVisitor : INfElementVisitor
    {
        int found = 0;
        for (; ; )
        {
            Errno error = socket.TryReceive(buffer, out int received);
            if (error.Number != 0)
                throw new NetlinkException(Operation, error, "the kernel's answer was truncated");
            var messages = new MessageReader(buffer.AsSpan(0, received));
            while (messages.MoveNext())
            {
                if (messages.Sequence != sequence)
                    continue;
                if (messages.TryGetError(out NetlinkError end))
                {
                    // ENOENT is about a key unless the offset points at the name of the table or the set, which precede the list.
                    bool isKey = end.Errno == Errno.ENOENT && (end.Offset < 0 || end.Offset > _listOffset);
                    return end.Errno.Number == 0 || isKey
                        ? found
                        : throw new NetlinkException(Operation, end.Errno, end.Message, end.Offset >= 0 ? end.Offset : null);
                }
                if (!NfElementCodec.TryVisit(messages.Payload, ref visitor, out int count))
                    throw new NetlinkException("The kernel's answer to 'find elements' is malformed.");
                found += count;
            }
        }
    }
}
