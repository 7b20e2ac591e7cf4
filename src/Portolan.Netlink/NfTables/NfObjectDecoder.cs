using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables.Expressions;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;
using static Portolan.Netlink.Uapi.UserDataHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>Reads tables, chains, rules and sets from the payload of a message (struct nfgenmsg and attributes).</summary>
internal static class NfObjectDecoder
{
    internal static bool TryReadTable(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out NfTable? table)
    {
        table = null;
        if (!TryBegin(payload, out NfFamily family, out AttributeReader a))
            return false;
        string? name = null, comment = null;
        uint flags = 0;
        ulong handle = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_TABLE_NAME: name = a.String(); break;
                case NFTA_TABLE_FLAGS: flags = a.UInt32BigEndian(); break;
                case NFTA_TABLE_HANDLE: handle = a.UInt64BigEndian(); break;
                case NFTA_TABLE_USERDATA: comment = NfUserData.ReadComment(a.Value, NFTNL_UDATA_TABLE_COMMENT); break;
            }
        }
        if (a.IsMalformed || name is null)
            return false;
        table = new NfTable(new NfTableId(family, name)) { Flags = (NfTableFlags)flags, Handle = handle, Comment = comment };
        return true;
    }

    internal static bool TryReadChain(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out NfChain? chain)
    {
        chain = null;
        if (!TryBegin(payload, out NfFamily family, out AttributeReader a))
            return false;
        string? table = null, name = null, comment = null, type = null, device = null;
        ulong handle = 0;
        uint use = 0, policy = (uint)NfPolicy.Accept;
        (uint Number, int Priority)? hook = null;
        NfCounter? counter = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_CHAIN_TABLE: table = a.String(); break;
                case NFTA_CHAIN_NAME: name = a.String(); break;
                case NFTA_CHAIN_HANDLE: handle = a.UInt64BigEndian(); break;
                case NFTA_CHAIN_USE: use = a.UInt32BigEndian(); break;
                case NFTA_CHAIN_POLICY: policy = a.UInt32BigEndian(); break;
                case NFTA_CHAIN_TYPE: type = a.String(); break;
                case NFTA_CHAIN_HOOK: hook = ReadHook(ref a, out device); break;
                case NFTA_CHAIN_COUNTERS: counter = ReadCounter(ref a); break;
                case NFTA_CHAIN_USERDATA: comment = NfUserData.ReadComment(a.Value, NFTNL_UDATA_CHAIN_COMMENT); break;
            }
        }
        if (a.IsMalformed || table is null || name is null)
            return false;
        chain = new NfChain(new NfTableId(family, table), name)
        {
            Hook = hook is { } place && type is not null
                ? new NfHook(type, (NfHookNumber)place.Number, place.Priority) { Policy = (NfPolicy)policy, Device = device }
                : null,
            Comment = comment,
            Handle = handle,
            Use = use,
            Counter = counter,
        };
        return true;
    }

    internal static bool TryReadRule(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out NfRule? rule)
    {
        rule = null;
        if (!TryBegin(payload, out NfFamily family, out AttributeReader a))
            return false;
        string? table = null, chain = null, comment = null;
        ulong handle = 0, position = 0;
        NfRuleCompat? compat = null;
        ImmutableArray<NfExpression> expressions = [];
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_RULE_TABLE: table = a.String(); break;
                case NFTA_RULE_CHAIN: chain = a.String(); break;
                case NFTA_RULE_HANDLE: handle = a.UInt64BigEndian(); break;
                case NFTA_RULE_POSITION: position = a.UInt64BigEndian(); break;
                case NFTA_RULE_USERDATA: comment = NfUserData.ReadComment(a.Value, NFTNL_UDATA_RULE_COMMENT); break;
                case NFTA_RULE_COMPAT: compat = ReadCompat(ref a); break;
                case NFTA_RULE_EXPRESSIONS: a.Require(NfExpressionDecoder.TryReadList(a.Nested(), out expressions)); break;
            }
        }
        if (a.IsMalformed || table is null || chain is null)
            return false;
        rule = new NfRule(new NfTableId(family, table), chain, expressions)
        {
            Handle = handle,
            PreviousHandle = position,
            Comment = comment,
            Compat = compat,
        };
        return true;
    }

    internal static bool TryReadSet(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out NfSet? set)
    {
        set = null;
        if (!TryBegin(payload, out NfFamily family, out AttributeReader a))
            return false;
        string? table = null, name = null;
        uint flags = 0, keyType = 0, keyLength = 0, dataType = 0, dataLength = 0, policy = 0, size = 0, collection = 0;
        uint? count = null;
        ulong handle = 0, timeout = 0;
        ImmutableArray<int> fields = [];
        ImmutableArray<NfExpression> expressions = [];
        ReadOnlySpan<byte> userData = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_SET_TABLE: table = a.String(); break;
                case NFTA_SET_NAME: name = a.String(); break;
                case NFTA_SET_HANDLE: handle = a.UInt64BigEndian(); break;
                case NFTA_SET_FLAGS: flags = a.UInt32BigEndian(); break;
                case NFTA_SET_KEY_TYPE: keyType = a.UInt32BigEndian(); break;
                case NFTA_SET_KEY_LEN: keyLength = a.UInt32BigEndian(); break;
                case NFTA_SET_DATA_TYPE: dataType = a.UInt32BigEndian(); break;
                case NFTA_SET_DATA_LEN: dataLength = a.UInt32BigEndian(); break;
                case NFTA_SET_POLICY: policy = a.UInt32BigEndian(); break;
                case NFTA_SET_COUNT: count = a.UInt32BigEndian(); break;
                case NFTA_SET_TIMEOUT: timeout = a.UInt64BigEndian(); break;
                case NFTA_SET_GC_INTERVAL: collection = a.UInt32BigEndian(); break;
                case NFTA_SET_DESC: ReadDescription(ref a, out size, out fields); break;
                case NFTA_SET_USERDATA: userData = a.Value; break;
                case NFTA_SET_EXPR:
                    a.Require(NfExpressionDecoder.TryRead(a.Nested(), out NfExpression? single));
                    expressions = single is null ? [] : [single];
                    break;
                case NFTA_SET_EXPRESSIONS: a.Require(NfExpressionDecoder.TryReadList(a.Nested(), out expressions)); break;
            }
        }
        if (a.IsMalformed || table is null || name is null || keyLength > int.MaxValue || dataLength > int.MaxValue)
            return false;
        set = new NfSet(new NfTableId(family, table), name, new NfDataType(keyType, (int)keyLength))
        {
            Flags = (NfSetFlags)flags,
            Data = (flags & (uint)NfSetFlags.Map) != 0 ? new NfDataType(dataType, (int)dataLength) : null,
            Size = size,
            FieldLengths = fields,
            Timeout = NfElementCodec.Milliseconds(timeout),
            GarbageCollectionInterval = NfElementCodec.Milliseconds(collection),
            Policy = (NfSetPolicy)policy,
            Expressions = expressions,
            UserData = userData.IsEmpty ? null : ReadSetUserData(userData),
            Handle = handle,
            ElementCount = count,
        };
        return true;
    }

    /// <summary>Splits a payload into its family and its attributes.</summary>
    internal static bool TryBegin(ReadOnlySpan<byte> payload, out NfFamily family, out AttributeReader attributes)
    {
        bool fits = payload.Length >= NFGENMSG_LEN;
        family = fits ? (NfFamily)payload[0] : default;
        attributes = new AttributeReader(fits ? payload[NFGENMSG_LEN..] : default);
        return fits;
    }

    private static (uint Number, int Priority) ReadHook(ref AttributeReader attribute, out string? device)
    {
        uint number = 0, priority = 0;
        device = null;
        AttributeReader a = attribute.Nested();
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_HOOK_HOOKNUM: number = a.UInt32BigEndian(); break;
                case NFTA_HOOK_PRIORITY: priority = a.UInt32BigEndian(); break;
                case NFTA_HOOK_DEV: device = a.String(); break;
            }
        }
        attribute.Require(!a.IsMalformed);
        return (number, (int)priority);
    }

    private static NfCounter ReadCounter(ref AttributeReader attribute)
    {
        ulong packets = 0, bytes = 0;
        AttributeReader a = attribute.Nested();
        while (a.MoveNext())
        {
            if (a.Type == NFTA_COUNTER_PACKETS)
                packets = a.UInt64BigEndian();
            else if (a.Type == NFTA_COUNTER_BYTES)
                bytes = a.UInt64BigEndian();
        }
        attribute.Require(!a.IsMalformed);
        return new NfCounter(packets, bytes);
    }

    private static NfRuleCompat ReadCompat(ref AttributeReader attribute)
    {
        uint protocol = 0, flags = 0;
        AttributeReader a = attribute.Nested();
        while (a.MoveNext())
        {
            if (a.Type == NFTA_RULE_COMPAT_PROTO)
                protocol = a.UInt32BigEndian();
            else if (a.Type == NFTA_RULE_COMPAT_FLAGS)
                flags = a.UInt32BigEndian();
        }
        attribute.Require(!a.IsMalformed);
        return new NfRuleCompat(protocol, flags);
    }

    private static void ReadDescription(ref AttributeReader attribute, out uint size, out ImmutableArray<int> fields)
    {
        size = 0;
        var lengths = ImmutableArray.CreateBuilder<int>();
        AttributeReader a = attribute.Nested();
        while (a.MoveNext())
        {
            if (a.Type == NFTA_SET_DESC_SIZE)
                size = a.UInt32BigEndian();
            if (a.Type != NFTA_SET_DESC_CONCAT)
                continue;
            AttributeReader list = a.Nested();
            while (list.MoveNext())
            {
                AttributeReader field = list.Nested();
                while (field.MoveNext())
                {
                    if (field.Type == NFTA_SET_FIELD_LEN)
                        lengths.Add((int)Math.Min(field.UInt32BigEndian(), int.MaxValue));
                }
                list.Require(!field.IsMalformed);
            }
            a.Require(!list.IsMalformed);
        }
        attribute.Require(!a.IsMalformed);
        fields = lengths.DrainToImmutable();
    }

    private static NfSetUserData ReadSetUserData(ReadOnlySpan<byte> userData)
    {
        NfUserData.TryFindUInt32(userData, NFTNL_UDATA_SET_KEYBYTEORDER, out uint keyByteOrder);
        bool isMap = NfUserData.TryFindUInt32(userData, NFTNL_UDATA_SET_DATABYTEORDER, out uint dataByteOrder);
        NfUserData.TryFindUInt32(userData, NFTNL_UDATA_SET_MERGE_ELEMENTS, out uint merge);
        NfUserData.TryFind(userData, NFTNL_UDATA_SET_KEY_TYPEOF, out ReadOnlySpan<byte> key);
        NfUserData.TryFind(userData, NFTNL_UDATA_SET_DATA_TYPEOF, out ReadOnlySpan<byte> data);
        return new NfSetUserData
        {
            KeyByteOrder = keyByteOrder,
            DataByteOrder = isMap ? dataByteOrder : null,
            AutoMerge = merge != 0,
            KeyTypeof = NfTypeof.Read(key),
            DataTypeof = NfTypeof.Read(data),
            Comment = NfUserData.ReadComment(userData, NFTNL_UDATA_SET_COMMENT),
        };
    }
}
