using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables.Expressions;
using static Portolan.Netlink.Uapi.NfTablesHeader;
using static Portolan.Netlink.Uapi.UserDataHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>The attributes of a set's description.</summary>
internal static class NfSetCodec
{
    internal static void Write(MessageWriter writer, NfSet set, uint id)
    {
        writer.PutString(NFTA_SET_TABLE, set.Table.Name);
        writer.PutString(NFTA_SET_NAME, set.Name);
        writer.PutUInt32BigEndian(NFTA_SET_FLAGS, (uint)set.Flags);
        writer.PutUInt32BigEndian(NFTA_SET_KEY_TYPE, set.Key.Number);
        writer.PutUInt32BigEndian(NFTA_SET_KEY_LEN, (uint)set.Key.Length);
        if (set.Data is { } data)
        {
            writer.PutUInt32BigEndian(NFTA_SET_DATA_TYPE, data.Number);
            // A verdict has the length the kernel gives it.
            writer.PutUInt32BigEndian(NFTA_SET_DATA_LEN, data.IsVerdict ? 0 : (uint)data.Length);
        }
        // The kernel requires an id that is unique in the transaction, although we refer to sets by name.
        writer.PutUInt32BigEndian(NFTA_SET_ID, id);
        if (set.Policy != NfSetPolicy.Performance)
            writer.PutUInt32BigEndian(NFTA_SET_POLICY, (uint)set.Policy);
        WriteDescription(writer, set);
        if (set.Timeout > TimeSpan.Zero)
            writer.PutUInt64BigEndian(NFTA_SET_TIMEOUT, (ulong)set.Timeout.TotalMilliseconds);
        if (set.GarbageCollectionInterval > TimeSpan.Zero)
            writer.PutUInt32BigEndian(NFTA_SET_GC_INTERVAL, (uint)set.GarbageCollectionInterval.TotalMilliseconds);
        if (set.UserData is { } userData)
            WriteUserData(writer, userData);
        if (set.Expressions is [NfExpression single])
            single.Write(writer, NFTA_SET_EXPR);
        else if (set.Expressions.Length > 1)
            NfExpression.WriteList(writer, NFTA_SET_EXPRESSIONS, set.Expressions.AsSpan());
    }

    private static void WriteDescription(MessageWriter writer, NfSet set)
    {
        if (set.Size == 0 && set.FieldLengths.IsEmpty)
            return;
        int description = writer.BeginNest(NFTA_SET_DESC);
        if (set.Size != 0)
            writer.PutUInt32BigEndian(NFTA_SET_DESC_SIZE, set.Size);
        if (!set.FieldLengths.IsEmpty)
        {
            int fields = writer.BeginNest(NFTA_SET_DESC_CONCAT);
            foreach (int length in set.FieldLengths)
            {
                int field = writer.BeginNest(NFTA_LIST_ELEM);
                writer.PutUInt32BigEndian(NFTA_SET_FIELD_LEN, (uint)length);
                writer.EndNest(field);
            }
            writer.EndNest(fields);
        }
        writer.EndNest(description);
    }

    private static void WriteUserData(MessageWriter writer, NfSetUserData userData)
    {
        var data = new NfUserDataWriter(stackalloc byte[NfUserData.MaxLength]);
        data.PutUInt32(NFTNL_UDATA_SET_KEYBYTEORDER, userData.KeyByteOrder);
        if (userData.DataByteOrder is { } dataByteOrder)
            data.PutUInt32(NFTNL_UDATA_SET_DATABYTEORDER, dataByteOrder);
        if (userData.AutoMerge)
            data.PutUInt32(NFTNL_UDATA_SET_MERGE_ELEMENTS, 1);
        WriteTypeof(ref data, NFTNL_UDATA_SET_KEY_TYPEOF, userData.KeyTypeof);
        WriteTypeof(ref data, NFTNL_UDATA_SET_DATA_TYPEOF, userData.DataTypeof);
        if (userData.DataByteOrder is not null)
            data.PutUInt32(NFTNL_UDATA_SET_DATA_INTERVAL, 0);
        if (userData.Comment is { } comment)
            data.PutString(NFTNL_UDATA_SET_COMMENT, comment);
        writer.PutBytes(NFTA_SET_USERDATA, data.Written);
    }

    private static void WriteTypeof(ref NfUserDataWriter data, byte type, NfTypeof? expression)
    {
        if (expression is null)
            return;
        int nest = data.BeginNest(type);
        expression.Write(ref data);
        data.EndNest(nest);
    }
}
