using System.Runtime.InteropServices;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables.Expressions;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;
using static Portolan.Netlink.Uapi.UserDataHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>What a list of elements is for.</summary>
public enum NfElementChange
{
    /// <summary>Adds elements. An existing one with the same data is not changed; EEXIST if its data differs.</summary>
    Add,

    /// <summary>Adds elements that must not exist yet; EEXIST if one does.</summary>
    Create,

    /// <summary>Deletes elements; ENOENT if one does not exist.</summary>
    Delete,

    /// <summary>Deletes elements that exist (since Linux 6.3).</summary>
    Destroy,
}

/// <content>Lists of elements: the hot path, without allocation once the buffers have grown.</content>
public sealed partial class NfTransaction
{
    private const int MaxKeyLength = 64;
    private const int MaxChainLength = 255;

    // Attribute headers, nests, flags, timeout and expiration of one element, rounded up.
    private const int ElementOverhead = 96;

    private (NfElementChange Change, NfTableId Table, string Set)? _list;
    private int _listNest;
    private int _listFirstElement;

    /// <summary>Starts a list of elements of one set or map.</summary>
    /// <exception cref="InvalidOperationException">A list is open already.</exception>
    public void BeginElements(NfElementChange change, NfTableId table, string set)
    {
        if (_list is not null)
            throw new InvalidOperationException("A list of elements is open: call EndElements first.");
        _list = (change, table, set);
        BeginElementMessage();
    }

    /// <summary>An element that is only a key, of a set or to delete.</summary>
    /// <param name="key">The key, as <see cref="NfElement.Key"/>.</param>
    /// <param name="subject">The caller's number for it.</param>
    public void Element(ReadOnlySpan<byte> key, int subject = NoSubject) => Element(new NfElement { Key = key }, subject);

    /// <summary>An element of a map.</summary>
    /// <param name="key">The key, as <see cref="NfElement.Key"/>.</param>
    /// <param name="data">The data, as <see cref="NfElement.Data"/>.</param>
    /// <param name="subject">The caller's number for it.</param>
    public void Element(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, int subject = NoSubject) =>
        Element(new NfElement { Key = key, Data = data }, subject);

    /// <summary>An element.</summary>
    /// <param name="element">Its parts. When deleted, only the key counts.</param>
    /// <param name="subject">The caller's number for it.</param>
    /// <exception cref="InvalidOperationException">No list is open.</exception>
    /// <exception cref="ArgumentException">The key or the data has more than 64 bytes, or the comment more than 128.</exception>
    public void Element(in NfElement element, int subject = NoSubject)
    {
        if (_list is null)
            throw new InvalidOperationException("No list of elements is open: call BeginElements first.");
        if (element.Key.Length > MaxKeyLength || element.KeyEnd.Length > MaxKeyLength || element.Data.Length > MaxKeyLength)
            throw new ArgumentException($"Keys and data of elements have at most {MaxKeyLength} bytes.", nameof(element));
        if (element.Chain.Length > MaxChainLength)
            throw new ArgumentException($"A chain's name has at most {MaxChainLength} bytes.", nameof(element));
        NfUserData.CheckedCommentLength(element.Comment.Length);

        int bound = ElementOverhead + element.Key.Length + element.KeyEnd.Length + element.Data.Length
            + element.Chain.Length + element.Comment.Length;
        // nla_len of the list has 16 bits: continue in a new message.
        if (_writer.Length - _listNest + bound > ushort.MaxValue)
        {
            EndElementMessage();
            BeginElementMessage();
        }
        WriteElement(element);
        _elementSubjects.Add(subject);
    }

    /// <summary>Ends the list. A list without elements leaves no trace.</summary>
    /// <exception cref="InvalidOperationException">No list is open.</exception>
    public void EndElements()
    {
        if (_list is null)
            throw new InvalidOperationException("No list of elements is open: call BeginElements first.");
        if (_elementSubjects.Count > _listFirstElement)
            EndElementMessage();
        _list = null;
    }

    private void BeginElementMessage()
    {
        (NfElementChange change, NfTableId table, string set) = _list!.Value;
        (byte message, ushort flags) = change switch
        {
            NfElementChange.Add => (NFT_MSG_NEWSETELEM, NLM_F_CREATE),
            NfElementChange.Create => (NFT_MSG_NEWSETELEM, (ushort)(NLM_F_CREATE | NLM_F_EXCL)),
            NfElementChange.Delete => (NFT_MSG_DELSETELEM, (ushort)0),
            _ => (NFT_MSG_DESTROYSETELEM, (ushort)0),
        };
        BeginMessage(message, flags, table.Family);
        _writer.PutString(NFTA_SET_ELEM_LIST_TABLE, table.Name);
        _writer.PutString(NFTA_SET_ELEM_LIST_SET, set);
        _listNest = _writer.BeginNest(NFTA_SET_ELEM_LIST_ELEMENTS);
        _listFirstElement = _elementSubjects.Count;
    }

    private void EndElementMessage()
    {
        _writer.EndNest(_listNest);
        End(_elementSubjects[_listFirstElement], _listFirstElement);
    }

    private void WriteElement(in NfElement element)
    {
        int nest = _writer.BeginNest(NFTA_LIST_ELEM);
        if (element.Flags != 0)
            _writer.PutUInt32BigEndian(NFTA_SET_ELEM_FLAGS, (uint)element.Flags);
        if (element.Timeout > TimeSpan.Zero)
            _writer.PutUInt64BigEndian(NFTA_SET_ELEM_TIMEOUT, (ulong)element.Timeout.TotalMilliseconds);
        if (element.Expiration > TimeSpan.Zero)
            _writer.PutUInt64BigEndian(NFTA_SET_ELEM_EXPIRATION, (ulong)element.Expiration.TotalMilliseconds);
        if (!element.Key.IsEmpty)
            _writer.PutData(NFTA_SET_ELEM_KEY, element.Key);
        if (!element.KeyEnd.IsEmpty)
            _writer.PutData(NFTA_SET_ELEM_KEY_END, element.KeyEnd);
        if (element.Verdict is { } verdict)
            WriteVerdict(verdict, element.Chain);
        else if (!element.Data.IsEmpty)
            _writer.PutData(NFTA_SET_ELEM_DATA, element.Data);
        if (!element.Comment.IsEmpty)
            NfUserData.WriteComment(_writer, NFTA_SET_ELEM_USERDATA, NFTNL_UDATA_SET_ELEM_COMMENT, element.Comment);
        _writer.EndNest(nest);
    }

    private void WriteVerdict(NfVerdictCode verdict, ReadOnlySpan<byte> chain)
    {
        int data = _writer.BeginNest(NFTA_SET_ELEM_DATA);
        int nest = _writer.BeginNest(NFTA_DATA_VERDICT);
        _writer.PutUInt32BigEndian(NFTA_VERDICT_CODE, (uint)verdict);
        if (!chain.IsEmpty)
            _writer.PutString(NFTA_VERDICT_CHAIN, chain);
        _writer.EndNest(nest);
        _writer.EndNest(data);
    }

    // Which element of a refused message is at fault: the one whose attribute contains the offset reported by the kernel.
    private int FindElement(Message message, int end, int offset)
    {
        ReadOnlySpan<byte> bytes = _writer.Written[message.Offset..end];
        var attributes = new AttributeReader(bytes[(NLMSG_HDRLEN + Uapi.NfnetlinkHeader.NFGENMSG_LEN)..]);
        while (attributes.MoveNext())
        {
            if (attributes.Type != NFTA_SET_ELEM_LIST_ELEMENTS)
                continue;
            AttributeReader elements = attributes.Nested();
            for (int index = 0; elements.MoveNext(); index++)
            {
                int valueOffset = (int)Offset(bytes, elements.Value);
                if (offset >= valueOffset - NLA_HDRLEN && offset < valueOffset + elements.Value.Length)
                    return index;
            }
        }
        return -1;
    }

    private static nint Offset(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> part) =>
        System.Runtime.CompilerServices.Unsafe.ByteOffset(
            ref MemoryMarshal.GetReference(whole), ref MemoryMarshal.GetReference(part));
}
