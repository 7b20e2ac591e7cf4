using System.Runtime.InteropServices;
using Portolan.Netlink.Core;
using Portolan.Netlink.Netfilter;
using Portolan.Netlink.NfTables.Expressions;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;
using static Portolan.Netlink.Uapi.UserDataHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>
/// Changes to nf_tables that take effect together: written one after the other into a buffer that is kept for the next transaction, then
/// committed in one system call. The kernel applies all of them or none.
/// </summary>
/// <remarks>
/// An object can be referred to by the messages after the one that adds it. Every message, and every
/// element, has a number assigned by the caller ("subject") so that a refusal can be reported in the caller's terms. A method that throws
/// leaves the transaction unchanged. Not thread-safe.
/// </remarks>
public sealed partial class NfTransaction : IDisposable
{
    /// <summary>The subject of refusals that concern the whole batch.</summary>
    public const int NoSubject = -1;

    private readonly MessageWriter _writer = new();
    private readonly List<Message> _messages = [];

    // Subjects of elements, message after message.
    private readonly List<int> _elementSubjects = [];

    // The end of the last complete message. Anything after it was started by a method that threw, and is overwritten by the next.
    private int _end;
    private uint _nextSetId;

    /// <summary>An empty transaction.</summary>
    public NfTransaction() => Reset();

    /// <summary>The generation given to <see cref="Reset"/>.</summary>
    public uint? Generation { get; private set; }

    /// <summary>True if there is nothing to commit.</summary>
    public bool IsEmpty => _messages.Count == 0;

    /// <summary>Number of messages; a list of elements counts as one until it exceeds 64 KiB.</summary>
    public int MessageCount => _messages.Count;

    /// <summary>Number of elements in all lists.</summary>
    public int ElementCount => _elementSubjects.Count;

    /// <summary>Number of bytes that will be sent.</summary>
    public int LengthBytes => _end + NLMSG_HDRLEN + NFGENMSG_LEN;

    /// <summary>Discards all changes; the memory is kept for the next ones.</summary>
    /// <param name="generation">
    /// If given, the kernel commits only if this is still its generation (<see cref="NfReader.ReadGeneration"/>), that is, if nobody
    /// changed nf_tables in this network namespace since.
    /// </param>
    public void Reset(uint? generation = null)
    {
        _writer.Truncate(0);
        _messages.Clear();
        _elementSubjects.Clear();
        _list = null;
        _nextSetId = 0;
        Generation = generation;
        int start = _writer.BeginMessage(NFNL_MSG_BATCH_BEGIN, 0, 0);
        _writer.PutNetfilterHeader(0, NFNL_SUBSYS_NFTABLES);
        if (generation is { } expected)
            _writer.PutUInt32BigEndian(NFNL_BATCH_GENID, expected);
        _writer.EndMessage(start);
        _end = _writer.Length;
    }

    /// <summary>Discards all changes and releases memory beyond <paramref name="keepBytes"/>.</summary>
    public void Trim(int keepBytes)
    {
        _writer.Truncate(0);
        _writer.Trim(keepBytes);
        Reset();
        _elementSubjects.Capacity = Math.Min(_elementSubjects.Capacity, keepBytes / sizeof(int));
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    /// <summary>Adds a table; an existing one gets the flags.</summary>
    public void AddTable(NfTable table, int subject = NoSubject)
    {
        Begin(NFT_MSG_NEWTABLE, 0, table.Id.Family);
        _writer.PutString(NFTA_TABLE_NAME, table.Id.Name);
        _writer.PutUInt32BigEndian(NFTA_TABLE_FLAGS, (uint)table.Flags);
        if (table.Comment is { } comment)
            NfUserData.WriteComment(_writer, NFTA_TABLE_USERDATA, NFTNL_UDATA_TABLE_COMMENT, comment);
        End(subject);
    }

    /// <summary>Deletes a table and everything in it; ENOENT if it does not exist.</summary>
    public void DeleteTable(NfTableId table, int subject = NoSubject) => RemoveTable(NFT_MSG_DELTABLE, table, subject);

    /// <summary>Deletes a table and everything in it if it exists (since Linux 6.3; before that, EINVAL).</summary>
    public void DestroyTable(NfTableId table, int subject = NoSubject) => RemoveTable(NFT_MSG_DESTROYTABLE, table, subject);

    /// <summary>Adds a chain; an existing one keeps its rules and gets the policy. EEXIST/EOPNOTSUPP if its hook differs.</summary>
    public void AddChain(NfChain chain, int subject = NoSubject)
    {
        Begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, chain.Table.Family);
        _writer.PutString(NFTA_CHAIN_TABLE, chain.Table.Name);
        _writer.PutString(NFTA_CHAIN_NAME, chain.Name);
        if (chain.Hook is { } hook)
        {
            _writer.PutString(NFTA_CHAIN_TYPE, hook.Type);
            _writer.PutUInt32BigEndian(NFTA_CHAIN_POLICY, (uint)hook.Policy);
            int nest = _writer.BeginNest(NFTA_CHAIN_HOOK);
            _writer.PutUInt32BigEndian(NFTA_HOOK_HOOKNUM, (uint)hook.Number);
            _writer.PutUInt32BigEndian(NFTA_HOOK_PRIORITY, (uint)hook.Priority);
            if (hook.Device is { } device)
                _writer.PutString(NFTA_HOOK_DEV, device);
            _writer.EndNest(nest);
        }
        if (chain.Comment is { } comment)
            NfUserData.WriteComment(_writer, NFTA_CHAIN_USERDATA, NFTNL_UDATA_CHAIN_COMMENT, comment);
        End(subject);
    }

    /// <summary>Deletes a chain; EBUSY if it has rules or something jumps to it.</summary>
    public void DeleteChain(NfTableId table, string name, int subject = NoSubject) =>
        Remove(NFT_MSG_DELCHAIN, table, name, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, subject);

    /// <summary>Deletes a chain if it exists (since Linux 6.3; before that, EINVAL).</summary>
    public void DestroyChain(NfTableId table, string name, int subject = NoSubject) =>
        Remove(NFT_MSG_DESTROYCHAIN, table, name, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, subject);

    /// <summary>Deletes all rules of a chain.</summary>
    public void FlushChain(NfTableId table, string name, int subject = NoSubject) =>
        Remove(NFT_MSG_DELRULE, table, name, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, subject);

    /// <summary>Adds a rule at the end of its chain, or after the rule with the given handle.</summary>
    public void AppendRule(NfRule rule, int subject = NoSubject, ulong afterHandle = 0) =>
        WriteRule(rule, NLM_F_CREATE | NLM_F_APPEND, afterHandle, subject);

    /// <summary>Adds a rule at the start of its chain, or before the rule with the given handle.</summary>
    public void InsertRule(NfRule rule, int subject = NoSubject, ulong beforeHandle = 0) =>
        WriteRule(rule, NLM_F_CREATE, beforeHandle, subject);

    /// <summary>Replaces the rule with the same <see cref="NfRule.Handle"/>.</summary>
    public void ReplaceRule(NfRule rule, int subject = NoSubject)
    {
        Begin(NFT_MSG_NEWRULE, NLM_F_REPLACE, rule.Table.Family);
        _writer.PutString(NFTA_RULE_TABLE, rule.Table.Name);
        _writer.PutString(NFTA_RULE_CHAIN, rule.Chain);
        _writer.PutUInt64BigEndian(NFTA_RULE_HANDLE, rule.Handle);
        WriteRuleContent(rule);
        End(subject);
    }

    /// <summary>Deletes the rule with a handle.</summary>
    public void DeleteRule(NfTableId table, string chain, ulong handle, int subject = NoSubject)
    {
        Begin(NFT_MSG_DELRULE, 0, table.Family);
        _writer.PutString(NFTA_RULE_TABLE, table.Name);
        _writer.PutString(NFTA_RULE_CHAIN, chain);
        _writer.PutUInt64BigEndian(NFTA_RULE_HANDLE, handle);
        End(subject);
    }

    /// <summary>Adds an empty set or map. An existing one is not changed; EEXIST if its type or flags differ.</summary>
    public void AddSet(NfSet set, int subject = NoSubject)
    {
        Begin(NFT_MSG_NEWSET, NLM_F_CREATE, set.Table.Family);
        NfSetCodec.Write(_writer, set, ++_nextSetId);
        End(subject);
    }

    /// <summary>Deletes a set or map with its elements; EBUSY if a rule uses it.</summary>
    public void DeleteSet(NfTableId table, string name, int subject = NoSubject) =>
        Remove(NFT_MSG_DELSET, table, name, NFTA_SET_TABLE, NFTA_SET_NAME, subject);

    /// <summary>Deletes a set or map if it exists (since Linux 6.3; before that, EINVAL).</summary>
    public void DestroySet(NfTableId table, string name, int subject = NoSubject) =>
        Remove(NFT_MSG_DESTROYSET, table, name, NFTA_SET_TABLE, NFTA_SET_NAME, subject);

    /// <summary>Deletes all elements of a set or map.</summary>
    public void FlushSet(NfTableId table, string name, int subject = NoSubject)
    {
        Begin(NFT_MSG_DELSETELEM, 0, table.Family);
        _writer.PutString(NFTA_SET_ELEM_LIST_SET, name);
        _writer.PutString(NFTA_SET_ELEM_LIST_TABLE, table.Name);
        End(subject);
    }

    private void RemoveTable(byte message, NfTableId table, int subject)
    {
        Begin(message, 0, table.Family);
        _writer.PutString(NFTA_TABLE_NAME, table.Name);
        End(subject);
    }

    private void Remove(byte message, NfTableId table, string name, ushort tableAttribute, ushort nameAttribute, int subject)
    {
        Begin(message, 0, table.Family);
        _writer.PutString(tableAttribute, table.Name);
        _writer.PutString(nameAttribute, name);
        End(subject);
    }

    private void WriteRule(NfRule rule, ushort flags, ulong position, int subject)
    {
        Begin(NFT_MSG_NEWRULE, flags, rule.Table.Family);
        _writer.PutString(NFTA_RULE_TABLE, rule.Table.Name);
        _writer.PutString(NFTA_RULE_CHAIN, rule.Chain);
        WriteRuleContent(rule);
        if (position != 0)
            _writer.PutUInt64BigEndian(NFTA_RULE_POSITION, position);
        End(subject);
    }

    private void WriteRuleContent(NfRule rule)
    {
        NfExpression.WriteList(_writer, NFTA_RULE_EXPRESSIONS, rule.Expressions.AsSpan());
        if (rule.Comment is { } comment)
            NfUserData.WriteComment(_writer, NFTA_RULE_USERDATA, NFTNL_UDATA_RULE_COMMENT, comment);
        if (rule.Compat is { } compat)
        {
            int nest = _writer.BeginNest(NFTA_RULE_COMPAT);
            _writer.PutUInt32BigEndian(NFTA_RULE_COMPAT_PROTO, compat.Protocol);
            _writer.PutUInt32BigEndian(NFTA_RULE_COMPAT_FLAGS, compat.Flags);
            _writer.EndNest(nest);
        }
    }

    private void Begin(byte message, ushort flags, NfFamily family)
    {
        if (_list is not null)
            throw new InvalidOperationException("A list of elements is open: call EndElements first.");
        BeginMessage(message, flags, family);
    }

    private void BeginMessage(byte message, ushort flags, NfFamily family)
    {
        _writer.Truncate(_end);
        // The sequence number matches an answer to its message; 0 is the start of the batch.
        _writer.BeginMessage((ushort)((NFNL_SUBSYS_NFTABLES << 8) | message), flags, (uint)_messages.Count + 1);
        _writer.PutNetfilterHeader((byte)family);
    }

    private void End(int subject, int firstElement = -1)
    {
        _writer.EndMessage(_end);
        _messages.Add(new Message(_end, subject, firstElement));
        _end = _writer.Length;
    }

    // FirstElement: index into _elementSubjects, -1 for a message that is not a list of elements.
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Message(int Offset, int Subject, int FirstElement);
}
