using System.Text;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables.Expressions;
using static Portolan.Netlink.Uapi.NfTablesHeader;
using static Portolan.Netlink.Uapi.UserDataHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>Reads the attributes of an element.</summary>
internal static class NfElementCodec
{
    /// <summary>Visits the elements of a message; false if a length in it does not fit.</summary>
    internal static bool TryVisit<TVisitor>(ReadOnlySpan<byte> payload, ref TVisitor visitor, out int count)
        where TVisitor : INfElementVisitor
    {
        count = 0;
        if (!NfObjectDecoder.TryBegin(payload, out _, out AttributeReader attributes))
            return false;
        while (attributes.MoveNext())
        {
            if (attributes.Type != NFTA_SET_ELEM_LIST_ELEMENTS)
                continue;
            AttributeReader list = attributes.Nested();
            while (list.MoveNext())
            {
                if (!TryRead(list.Nested(), out NfElement element))
                    return false;
                visitor.Visit(element);
                count++;
            }
            attributes.Require(!list.IsMalformed);
        }
        return !attributes.IsMalformed;
    }

    /// <summary>Reads one NFTA_LIST_ELEM; false if a length in it does not fit.</summary>
    internal static bool TryRead(AttributeReader a, out NfElement element)
    {
        element = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_SET_ELEM_KEY:
                    a.Require(TryReadData(a.Nested(), out NfDataView key));
                    element.Key = key.Value;
                    break;
                case NFTA_SET_ELEM_KEY_END:
                    a.Require(TryReadData(a.Nested(), out NfDataView keyEnd));
                    element.KeyEnd = keyEnd.Value;
                    break;
                case NFTA_SET_ELEM_DATA:
                    a.Require(TryReadData(a.Nested(), out NfDataView data));
                    element.Data = data.Value;
                    element.Verdict = data.Verdict;
                    element.Chain = data.Chain;
                    break;
                case NFTA_SET_ELEM_FLAGS: element.Flags = (NfElementFlags)a.UInt32BigEndian(); break;
                case NFTA_SET_ELEM_TIMEOUT: element.Timeout = Milliseconds(a.UInt64BigEndian()); break;
                case NFTA_SET_ELEM_EXPIRATION: element.Expiration = Milliseconds(a.UInt64BigEndian()); break;
                case NFTA_SET_ELEM_USERDATA:
                    if (NfUserData.TryFind(a.Value, NFTNL_UDATA_SET_ELEM_COMMENT, out ReadOnlySpan<byte> comment))
                        element.Comment = comment.TrimEnd((byte)0);
                    break;
                case NFTA_SET_ELEM_EXPR:
                    element.Counter ??= ReadCounter(a.Nested());
                    break;
                case NFTA_SET_ELEM_EXPRESSIONS:
                    AttributeReader expressions = a.Nested();
                    while (expressions.MoveNext())
                        element.Counter ??= ReadCounter(expressions.Nested());
                    break;
            }
        }
        return !a.IsMalformed;
    }

    /// <summary>Reads the content of an attribute with a value or a verdict.</summary>
    internal static bool TryReadData(AttributeReader data, out NfDataView view)
    {
        view = default;
        while (data.MoveNext())
        {
            if (data.Type == NFTA_DATA_VALUE)
            {
                view.Value = data.Value;
            }
            else if (data.Type == NFTA_DATA_VERDICT)
            {
                data.Require(TryReadVerdict(data.Nested(), out view));
            }
        }
        return !data.IsMalformed;
    }

    /// <summary>Reads NFTA_VERDICT_CODE and NFTA_VERDICT_CHAIN.</summary>
    internal static bool TryReadVerdict(AttributeReader verdict, out NfDataView view)
    {
        view = default;
        while (verdict.MoveNext())
        {
            if (verdict.Type == NFTA_VERDICT_CODE)
                view.Verdict = VerdictCode(verdict.UInt32BigEndian());
            else if (verdict.Type == NFTA_VERDICT_CHAIN)
                view.Chain = verdict.Utf8();
        }
        return !verdict.IsMalformed;
    }

    /// <summary>A number of milliseconds, capped at the longest time span.</summary>
    internal static TimeSpan Milliseconds(ulong milliseconds) =>
        milliseconds < (ulong)TimeSpan.MaxValue.TotalMilliseconds ? TimeSpan.FromMilliseconds((long)milliseconds) : TimeSpan.MaxValue;

    // The low 8 bits are the verdict; a queue has its number in the high 16 (linux/netfilter.h, NF_VERDICT_MASK).
    private static NfVerdictCode VerdictCode(uint code) => (int)code < 0 ? (NfVerdictCode)(int)code : (NfVerdictCode)(code & 0xff);

    private static NfCounter? ReadCounter(AttributeReader expression) =>
        NfExpressionDecoder.TryRead(expression, out NfExpression? read) ? read as NfCounter : null;
}

/// <summary>A value, or a verdict with its chain, as views on the message they were read from.</summary>
internal ref struct NfDataView
{
    internal ReadOnlySpan<byte> Value { get; set; }

    internal NfVerdictCode? Verdict { get; set; }

    internal ReadOnlySpan<byte> Chain { get; set; }

    internal readonly NfVerdict? ToVerdict() =>
        Verdict is { } code ? new NfVerdict(code, Chain.IsEmpty ? null : Encoding.UTF8.GetString(Chain)) : null;
}
