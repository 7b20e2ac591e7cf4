using System.Collections.Immutable;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <content>Expressions that compute, decide or act.</content>
internal static partial class NfExpressionDecoder
{
    private static NfCompare ReadCompare(ref AttributeReader a)
    {
        NfRegister source = default;
        NfCompareOperator operation = 0;
        NfData value = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_CMP_SREG: source = a.Register(); break;
                case NFTA_CMP_OP: operation = (NfCompareOperator)a.UInt32BigEndian(); break;
                case NFTA_CMP_DATA: value = a.Data(); break;
            }
        }
        return new NfCompare(source, operation, value);
    }

    private static NfRange ReadRange(ref AttributeReader a)
    {
        NfRegister source = default;
        uint operation = 0;
        NfData from = default, to = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_RANGE_SREG: source = a.Register(); break;
                case NFTA_RANGE_OP: operation = a.UInt32BigEndian(); break;
                case NFTA_RANGE_FROM_DATA: from = a.Data(); break;
                case NFTA_RANGE_TO_DATA: to = a.Data(); break;
            }
        }
        return new NfRange(source, operation != 0, from, to);
    }

    private static NfBitwise ReadBitwise(ref AttributeReader a)
    {
        NfRegister source = default, destination = default;
        NfRegister? second = null;
        uint length = 0;
        NfBitwiseOperation operation = 0;
        NfData mask = default, xor = default, data = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_BITWISE_SREG: source = a.Register(); break;
                case NFTA_BITWISE_SREG2: second = a.Register(); break;
                case NFTA_BITWISE_DREG: destination = a.Register(); break;
                case NFTA_BITWISE_LEN: length = a.UInt32BigEndian(); break;
                case NFTA_BITWISE_OP: operation = (NfBitwiseOperation)a.UInt32BigEndian(); break;
                case NFTA_BITWISE_MASK: mask = a.Data(); break;
                case NFTA_BITWISE_XOR: xor = a.Data(); break;
                case NFTA_BITWISE_DATA: data = a.Data(); break;
            }
        }
        return new NfBitwise(source, destination, length, operation) { Mask = mask, Xor = xor, Data = data, SecondSource = second };
    }

    private static NfByteOrder ReadByteOrder(ref AttributeReader a)
    {
        NfRegister source = default, destination = default;
        uint operation = 0, length = 0, size = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_BYTEORDER_SREG: source = a.Register(); break;
                case NFTA_BYTEORDER_DREG: destination = a.Register(); break;
                case NFTA_BYTEORDER_OP: operation = a.UInt32BigEndian(); break;
                case NFTA_BYTEORDER_LEN: length = a.UInt32BigEndian(); break;
                case NFTA_BYTEORDER_SIZE: size = a.UInt32BigEndian(); break;
            }
        }
        return new NfByteOrder(source, destination, operation == 1, length, size);
    }

    private static NfLookup ReadLookup(ref AttributeReader a)
    {
        string set = string.Empty;
        NfRegister source = default;
        NfRegister? destination = null;
        uint flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_LOOKUP_SET: set = a.String(); break;
                case NFTA_LOOKUP_SREG: source = a.Register(); break;
                case NFTA_LOOKUP_DREG: destination = a.Register(); break;
                case NFTA_LOOKUP_FLAGS: flags = a.UInt32BigEndian(); break;
            }
        }
        return new NfLookup(set, source, destination, (flags & NFT_LOOKUP_F_INV) != 0);
    }

    private static NfExpression? ReadImmediate(ref AttributeReader a)
    {
        NfRegister destination = default;
        NfData value = default;
        NfVerdict? verdict = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_IMMEDIATE_DREG: destination = a.Register(); break;
                case NFTA_IMMEDIATE_DATA:
                    a.Require(NfElementCodec.TryReadData(a.Nested(), out NfDataView data));
                    value = new NfData(data.Value);
                    verdict = data.ToVerdict();
                    break;
            }
        }
        if (!destination.IsVerdict)
            return new NfImmediate(destination, value);
        return verdict is { } decided ? new NfImmediateVerdict(decided) : null;
    }

    private static NfDynamicSet ReadDynamicSet(ref AttributeReader a)
    {
        string set = string.Empty;
        NfDynamicSetOperation operation = 0;
        NfRegister key = default;
        NfRegister? data = null;
        ulong timeout = 0;
        uint flags = 0;
        ImmutableArray<NfExpression> expressions = [];
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_DYNSET_SET_NAME: set = a.String(); break;
                case NFTA_DYNSET_OP: operation = (NfDynamicSetOperation)a.UInt32BigEndian(); break;
                case NFTA_DYNSET_SREG_KEY: key = a.Register(); break;
                case NFTA_DYNSET_SREG_DATA: data = a.Register(); break;
                case NFTA_DYNSET_TIMEOUT: timeout = a.UInt64BigEndian(); break;
                case NFTA_DYNSET_FLAGS: flags = a.UInt32BigEndian(); break;
                case NFTA_DYNSET_EXPR:
                    a.Require(TryRead(a.Nested(), out NfExpression? single));
                    expressions = single is null ? [] : [single];
                    break;
                case NFTA_DYNSET_EXPRESSIONS: a.Require(TryReadList(a.Nested(), out expressions)); break;
            }
        }
        return new NfDynamicSet(set, operation, key, data)
        {
            Timeout = NfElementCodec.Milliseconds(timeout),
            Inverted = (flags & NFT_DYNSET_F_INV) != 0,
            Expressions = expressions,
        };
    }

    private static NfNat ReadNat(ref AttributeReader a)
    {
        NfNatKind kind = 0;
        NfFamily family = 0;
        NfRegister? addressMin = null, addressMax = null, portMin = null, portMax = null;
        NfNatFlags flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_NAT_TYPE: kind = (NfNatKind)a.UInt32BigEndian(); break;
                case NFTA_NAT_FAMILY: family = (NfFamily)a.UInt32BigEndian(); break;
                case NFTA_NAT_REG_ADDR_MIN: addressMin = a.Register(); break;
                case NFTA_NAT_REG_ADDR_MAX: addressMax = a.Register(); break;
                case NFTA_NAT_REG_PROTO_MIN: portMin = a.Register(); break;
                case NFTA_NAT_REG_PROTO_MAX: portMax = a.Register(); break;
                case NFTA_NAT_FLAGS: flags = (NfNatFlags)a.UInt32BigEndian(); break;
            }
        }
        // The kernel also lists the end of a range if there is none, and flags that follow from the registers.
        return new NfNat(kind, family, addressMin, portMin)
        {
            AddressMax = addressMax == addressMin ? null : addressMax,
            PortMax = portMax == portMin ? null : portMax,
            Flags = flags & ~(NfNatFlags.MapAddresses | NfNatFlags.PortSpecified),
        };
    }

    private static NfMasquerade ReadMasquerade(ref AttributeReader a)
    {
        NfNatFlags flags = 0;
        NfRegister? portMin = null, portMax = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_MASQ_FLAGS: flags = (NfNatFlags)a.UInt32BigEndian(); break;
                case NFTA_MASQ_REG_PROTO_MIN: portMin = a.Register(); break;
                case NFTA_MASQ_REG_PROTO_MAX: portMax = a.Register(); break;
            }
        }
        return new NfMasquerade { Flags = flags, PortMin = portMin, PortMax = portMax == portMin ? null : portMax };
    }

    private static NfRedirect ReadRedirect(ref AttributeReader a)
    {
        NfNatFlags flags = 0;
        NfRegister? portMin = null, portMax = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_REDIR_FLAGS: flags = (NfNatFlags)a.UInt32BigEndian(); break;
                case NFTA_REDIR_REG_PROTO_MIN: portMin = a.Register(); break;
                case NFTA_REDIR_REG_PROTO_MAX: portMax = a.Register(); break;
            }
        }
        return new NfRedirect
        {
            Flags = flags & ~NfNatFlags.PortSpecified,
            PortMin = portMin,
            PortMax = portMax == portMin ? null : portMax,
        };
    }

    private static NfReject ReadReject(ref AttributeReader a)
    {
        NfRejectKind kind = 0;
        byte code = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_REJECT_TYPE: kind = (NfRejectKind)a.UInt32BigEndian(); break;
                case NFTA_REJECT_ICMP_CODE: code = a.UInt8(); break;
            }
        }
        return new NfReject(kind, code);
    }

    private static NfCounter ReadCounter(ref AttributeReader a)
    {
        ulong packets = 0, bytes = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_COUNTER_PACKETS: packets = a.UInt64BigEndian(); break;
                case NFTA_COUNTER_BYTES: bytes = a.UInt64BigEndian(); break;
            }
        }
        return new NfCounter(packets, bytes);
    }

    private static NfLimit ReadLimit(ref AttributeReader a)
    {
        ulong rate = 0, unit = 0;
        uint burst = 0, type = 0, flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_LIMIT_RATE: rate = a.UInt64BigEndian(); break;
                case NFTA_LIMIT_UNIT: unit = a.UInt64BigEndian(); break;
                case NFTA_LIMIT_BURST: burst = a.UInt32BigEndian(); break;
                case NFTA_LIMIT_TYPE: type = a.UInt32BigEndian(); break;
                case NFTA_LIMIT_FLAGS: flags = a.UInt32BigEndian(); break;
            }
        }
        return new NfLimit(rate, unit, burst, type == 1, (flags & NFT_LIMIT_F_INV) != 0);
    }

    private static NfQuota ReadQuota(ref AttributeReader a)
    {
        ulong bytes = 0, consumed = 0;
        uint flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_QUOTA_BYTES: bytes = a.UInt64BigEndian(); break;
                case NFTA_QUOTA_CONSUMED: consumed = a.UInt64BigEndian(); break;
                case NFTA_QUOTA_FLAGS: flags = a.UInt32BigEndian(); break;
            }
        }
        return new NfQuota(bytes, consumed, flags);
    }

    private static NfConnectionLimit ReadConnectionLimit(ref AttributeReader a)
    {
        uint count = 0, flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_CONNLIMIT_COUNT: count = a.UInt32BigEndian(); break;
                case NFTA_CONNLIMIT_FLAGS: flags = a.UInt32BigEndian(); break;
            }
        }
        return new NfConnectionLimit(count, flags != 0);
    }

    private static NfLog ReadLog(ref AttributeReader a)
    {
        string? prefix = null;
        ushort? group = null, threshold = null;
        uint? length = null, level = null, flags = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_LOG_PREFIX: prefix = a.String(); break;
                case NFTA_LOG_GROUP: group = a.UInt16BigEndian(); break;
                case NFTA_LOG_SNAPLEN: length = a.UInt32BigEndian(); break;
                case NFTA_LOG_QTHRESHOLD: threshold = a.UInt16BigEndian(); break;
                case NFTA_LOG_LEVEL: level = a.UInt32BigEndian(); break;
                case NFTA_LOG_FLAGS: flags = a.UInt32BigEndian(); break;
            }
        }
        return new NfLog { Prefix = prefix, Group = group, SnapLength = length, QueueThreshold = threshold, Level = level, Flags = flags };
    }

    private static NfExpression? ReadObjectReference(ref AttributeReader a)
    {
        uint type = 0;
        string? name = null, set = null;
        NfRegister source = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_OBJREF_IMM_TYPE: type = a.UInt32BigEndian(); break;
                case NFTA_OBJREF_IMM_NAME: name = a.String(); break;
                case NFTA_OBJREF_SET_SREG: source = a.Register(); break;
                case NFTA_OBJREF_SET_NAME: set = a.String(); break;
            }
        }
        return set is not null ? new NfObjectMapReference(set, source) : name is not null ? new NfObjectReference(type, name) : null;
    }

    private static NfCompat ReadCompat(ref AttributeReader a, bool isTarget)
    {
        string name = string.Empty;
        uint revision = 0;
        NfData info = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NfCompat.NameAttribute: name = a.String(); break;
                case NfCompat.RevisionAttribute: revision = a.UInt32BigEndian(); break;
                case NfCompat.InfoAttribute: info = new NfData(a.Value); break;
            }
        }
        return new NfCompat(isTarget, name, revision, info);
    }
}
