using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.NfTables;

/// <summary>
/// The expression a set's key or data was declared with, for nft to print ("typeof ip daddr . th dport"). Numbers are nft's own
/// (its source: include/expression.h enum expr_types, include/proto.h), as nft 1.0.6 writes them.
/// </summary>
/// <param name="EncodedType">nft's number for the kind of expression.</param>
/// <param name="EncodedData">The expression's own user data.</param>
public sealed record NfTypeof(uint EncodedType, NfData EncodedData)
{
    private const uint ExpressionPayload = 7;
    private const uint ExpressionMeta = 9;
    private const uint ExpressionConntrack = 12;
    private const uint ExpressionConcat = 13;
    private const uint ExpressionNumgen = 23;
    private const uint DescTcp = 8;
    private const uint DescTransport = 11;
    private const uint DescIPv4 = 12;
    private const uint DescIPv6 = 13;

    /// <summary>A concatenation that was declared by types ("type ipv4_addr . inet_service"): nft only stores that it is one.</summary>
    public static NfTypeof ConcatenationByType { get; } = new(ExpressionConcat, default);

    /// <summary>"ip saddr".</summary>
    public static NfTypeof IPv4Source { get; } = Payload(DescIPv4, 11);

    /// <summary>"ip daddr".</summary>
    public static NfTypeof IPv4Destination { get; } = Payload(DescIPv4, 12);

    /// <summary>"ip6 saddr".</summary>
    public static NfTypeof IPv6Source { get; } = Payload(DescIPv6, 8);

    /// <summary>"ip6 daddr".</summary>
    public static NfTypeof IPv6Destination { get; } = Payload(DescIPv6, 9);

    /// <summary>"th sport".</summary>
    public static NfTypeof TransportSourcePort { get; } = Payload(DescTransport, 1);

    /// <summary>"th dport".</summary>
    public static NfTypeof TransportDestinationPort { get; } = Payload(DescTransport, 2);

    /// <summary>"tcp dport".</summary>
    public static NfTypeof TcpDestinationPort { get; } = Payload(DescTcp, 2);

    /// <summary>"meta KEY".</summary>
    public static NfTypeof Meta(NfMetaKey key) => Encode(ExpressionMeta, (uint)key);

    /// <summary>"ct KEY"; direction 0 original, 1 reply, null for keys without one.</summary>
    public static NfTypeof Conntrack(NfConntrackKey key, NfConntrackDirection? direction = null) =>
        // nft keeps a signed direction, -1 for none.
        Encode(ExpressionConntrack, (uint)key, direction is { } d ? (uint)d : uint.MaxValue);

    /// <summary>"numgen inc mod N" or "numgen random mod N". N is only for display: rules may use other numbers.</summary>
    public static NfTypeof NumberGenerator(NfNumberGeneratorKind kind, uint modulus) =>
        Encode(ExpressionNumgen, (uint)kind, modulus, 0);

    /// <summary>Fields one after the other.</summary>
    public static NfTypeof Concatenation(params ReadOnlySpan<NfTypeof> fields)
    {
        var writer = new NfUserDataWriter(stackalloc byte[NfUserData.MaxLength]);
        byte index = 0;
        foreach (NfTypeof field in fields)
        {
            int nest = writer.BeginNest(index++);
            field.Write(ref writer);
            writer.EndNest(nest);
        }
        return new NfTypeof(ExpressionConcat, new NfData(writer.Written));
    }

    internal void Write(ref NfUserDataWriter writer)
    {
        writer.PutUInt32(Uapi.UserDataHeader.NFTNL_UDATA_SET_TYPEOF_EXPR, EncodedType);
        writer.Put(Uapi.UserDataHeader.NFTNL_UDATA_SET_TYPEOF_DATA, EncodedData.Span);
    }

    internal static NfTypeof? Read(ReadOnlySpan<byte> userData)
    {
        if (!NfUserData.TryFindUInt32(userData, Uapi.UserDataHeader.NFTNL_UDATA_SET_TYPEOF_EXPR, out uint type))
            return null;
        NfUserData.TryFind(userData, Uapi.UserDataHeader.NFTNL_UDATA_SET_TYPEOF_DATA, out ReadOnlySpan<byte> data);
        return new NfTypeof(type, new NfData(data));
    }

    private static NfTypeof Payload(uint description, uint field) => Encode(ExpressionPayload, description, field);

    // The entries of an expression's user data are numbered from 0.
    private static NfTypeof Encode(uint expression, params ReadOnlySpan<uint> facts)
    {
        var writer = new NfUserDataWriter(stackalloc byte[NfUserData.MaxLength]);
        for (int index = 0; index < facts.Length; index++)
            writer.PutUInt32((byte)index, facts[index]);
        return new NfTypeof(expression, new NfData(writer.Written));
    }
}
