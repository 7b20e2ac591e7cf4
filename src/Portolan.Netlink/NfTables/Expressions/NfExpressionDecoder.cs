using System.Collections.Immutable;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Reads expressions as the kernel lists them.</summary>
/// <remarks>
/// An expression with a known name but unexpected attributes also becomes an <see cref="NfUnknownExpression"/>: a
/// newer kernel may have changed its form, and its bytes are more useful than a failure.
/// </remarks>
internal static partial class NfExpressionDecoder
{
    private delegate NfExpression? Decoder(ref AttributeReader attributes);

    /// <summary>Reads a list of NFTA_LIST_ELEM; false if a length in it does not fit.</summary>
    internal static bool TryReadList(AttributeReader list, out ImmutableArray<NfExpression> expressions)
    {
        var builder = ImmutableArray.CreateBuilder<NfExpression>();
        while (list.MoveNext())
        {
            if (list.Type != NFTA_LIST_ELEM)
                continue;
            list.Require(TryRead(list.Nested(), out NfExpression? expression));
            if (expression is not null)
                builder.Add(expression);
        }
        expressions = builder.DrainToImmutable();
        return !list.IsMalformed;
    }

    /// <summary>Reads one expression: NFTA_EXPR_NAME and NFTA_EXPR_DATA.</summary>
    internal static bool TryRead(AttributeReader attributes, out NfExpression? expression)
    {
        expression = null;
        string? name = null;
        ReadOnlySpan<byte> data = default;
        while (attributes.MoveNext())
        {
            if (attributes.Type == NFTA_EXPR_NAME)
                name = attributes.String();
            else if (attributes.Type == NFTA_EXPR_DATA)
                data = attributes.Value;
        }
        if (attributes.IsMalformed || name is null)
            return false;
        var content = new AttributeReader(data);
        NfExpression? known = Find(name)?.Invoke(ref content);
        expression = known is null || content.IsMalformed ? new NfUnknownExpression(name, new NfData(data)) : known;
        return true;
    }

    private static Decoder? Find(string name) => name switch
    {
        "payload" => ReadPayload,
        "exthdr" => ReadExtensionHeader,
        "meta" => ReadMeta,
        "ct" => ReadConntrack,
        "fib" => ReadFib,
        "rt" => ReadRoute,
        "socket" => ReadSocket,
        "numgen" => ReadNumberGenerator,
        "hash" => ReadHash,
        "cmp" => ReadCompare,
        "range" => ReadRange,
        "bitwise" => ReadBitwise,
        "byteorder" => ReadByteOrder,
        "lookup" => ReadLookup,
        "immediate" => ReadImmediate,
        "dynset" => ReadDynamicSet,
        "nat" => ReadNat,
        "masq" => ReadMasquerade,
        "redir" => ReadRedirect,
        "reject" => ReadReject,
        "counter" => ReadCounter,
        "limit" => ReadLimit,
        "quota" => ReadQuota,
        "connlimit" => ReadConnectionLimit,
        "log" => ReadLog,
        "notrack" => (ref AttributeReader _) => new NfNoTrack(),
        "objref" => ReadObjectReference,
        "match" => (ref AttributeReader attributes) => ReadCompat(ref attributes, isTarget: false),
        "target" => (ref AttributeReader attributes) => ReadCompat(ref attributes, isTarget: true),
        _ => null,
    };

    private static NfExpression? ReadPayload(ref AttributeReader a)
    {
        NfRegister? source = null, destination = null;
        uint header = 0, offset = 0, length = 0, checksumType = 0, checksumOffset = 0, checksumFlags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_PAYLOAD_SREG: source = a.Register(); break;
                case NFTA_PAYLOAD_DREG: destination = a.Register(); break;
                case NFTA_PAYLOAD_BASE: header = a.UInt32BigEndian(); break;
                case NFTA_PAYLOAD_OFFSET: offset = a.UInt32BigEndian(); break;
                case NFTA_PAYLOAD_LEN: length = a.UInt32BigEndian(); break;
                case NFTA_PAYLOAD_CSUM_TYPE: checksumType = a.UInt32BigEndian(); break;
                case NFTA_PAYLOAD_CSUM_OFFSET: checksumOffset = a.UInt32BigEndian(); break;
                case NFTA_PAYLOAD_CSUM_FLAGS: checksumFlags = a.UInt32BigEndian(); break;
            }
        }
        return (source, destination) switch
        {
            ({ } from, null) =>
                new NfPayloadStore((NfPayloadBase)header, offset, length, from, checksumType, checksumOffset, checksumFlags),
            (null, { } to) => new NfPayloadLoad((NfPayloadBase)header, offset, length, to),
            _ => null,
        };
    }

    private static NfExtensionHeader ReadExtensionHeader(ref AttributeReader a)
    {
        NfRegister? source = null, destination = null;
        byte type = 0;
        uint offset = 0, length = 0, operation = 0, flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_EXTHDR_SREG: source = a.Register(); break;
                case NFTA_EXTHDR_DREG: destination = a.Register(); break;
                case NFTA_EXTHDR_TYPE: type = a.UInt8(); break;
                case NFTA_EXTHDR_OFFSET: offset = a.UInt32BigEndian(); break;
                case NFTA_EXTHDR_LEN: length = a.UInt32BigEndian(); break;
                case NFTA_EXTHDR_OP: operation = a.UInt32BigEndian(); break;
                case NFTA_EXTHDR_FLAGS: flags = a.UInt32BigEndian(); break;
            }
        }
        return new NfExtensionHeader(operation, type, offset, length, flags, destination, source);
    }

    private static NfExpression? ReadMeta(ref AttributeReader a)
    {
        NfRegister? source = null, destination = null;
        NfMetaKey key = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_META_KEY: key = (NfMetaKey)a.UInt32BigEndian(); break;
                case NFTA_META_DREG: destination = a.Register(); break;
                case NFTA_META_SREG: source = a.Register(); break;
            }
        }
        return (source, destination) switch
        {
            ({ } from, null) => new NfMetaStore(key, from),
            (null, { } to) => new NfMetaLoad(key, to),
            _ => null,
        };
    }

    private static NfExpression? ReadConntrack(ref AttributeReader a)
    {
        NfRegister? source = null, destination = null;
        NfConntrackKey key = 0;
        NfConntrackDirection? direction = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_CT_KEY: key = (NfConntrackKey)a.UInt32BigEndian(); break;
                case NFTA_CT_DREG: destination = a.Register(); break;
                case NFTA_CT_SREG: source = a.Register(); break;
                case NFTA_CT_DIRECTION: direction = (NfConntrackDirection)a.UInt8(); break;
            }
        }
        return (source, destination) switch
        {
            ({ } from, null) => new NfConntrackStore(key, from, direction),
            (null, { } to) => new NfConntrackLoad(key, to, direction),
            _ => null,
        };
    }

    private static NfFib ReadFib(ref AttributeReader a)
    {
        NfRegister destination = default;
        NfFibResult result = 0;
        NfFibFlags flags = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_FIB_DREG: destination = a.Register(); break;
                case NFTA_FIB_RESULT: result = (NfFibResult)a.UInt32BigEndian(); break;
                case NFTA_FIB_FLAGS: flags = (NfFibFlags)a.UInt32BigEndian(); break;
            }
        }
        return new NfFib(result, flags, destination);
    }

    private static NfRoute ReadRoute(ref AttributeReader a)
    {
        NfRegister destination = default;
        uint key = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_RT_DREG: destination = a.Register(); break;
                case NFTA_RT_KEY: key = a.UInt32BigEndian(); break;
            }
        }
        return new NfRoute(key, destination);
    }

    private static NfSocket ReadSocket(ref AttributeReader a)
    {
        NfRegister destination = default;
        uint key = 0, level = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_SOCKET_DREG: destination = a.Register(); break;
                case NFTA_SOCKET_KEY: key = a.UInt32BigEndian(); break;
                case NFTA_SOCKET_LEVEL: level = a.UInt32BigEndian(); break;
            }
        }
        return new NfSocket(key, destination, level);
    }

    private static NfNumberGenerator ReadNumberGenerator(ref AttributeReader a)
    {
        NfRegister destination = default;
        uint modulus = 0, kind = 0, offset = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_NG_DREG: destination = a.Register(); break;
                case NFTA_NG_MODULUS: modulus = a.UInt32BigEndian(); break;
                case NFTA_NG_TYPE: kind = a.UInt32BigEndian(); break;
                case NFTA_NG_OFFSET: offset = a.UInt32BigEndian(); break;
            }
        }
        return new NfNumberGenerator((NfNumberGeneratorKind)kind, modulus, destination, offset);
    }

    private static NfExpression ReadHash(ref AttributeReader a)
    {
        NfRegister source = default, destination = default;
        uint length = 0, modulus = 0, offset = 0, type = 0;
        uint? seed = null;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_HASH_SREG: source = a.Register(); break;
                case NFTA_HASH_DREG: destination = a.Register(); break;
                case NFTA_HASH_LEN: length = a.UInt32BigEndian(); break;
                case NFTA_HASH_MODULUS: modulus = a.UInt32BigEndian(); break;
                case NFTA_HASH_SEED: seed = a.UInt32BigEndian(); break;
                case NFTA_HASH_OFFSET: offset = a.UInt32BigEndian(); break;
                case NFTA_HASH_TYPE: type = a.UInt32BigEndian(); break;
            }
        }
        return type == NfSymmetricHash.Type
            ? new NfSymmetricHash(modulus, destination, offset)
            : new NfJenkinsHash(source, length, modulus, destination, seed, offset);
    }
}
