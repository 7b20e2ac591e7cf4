using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>
/// Conditions that a rule has in the kernel and that nft does not print, because another statement implies them.
/// </summary>
internal static class NftImplied
{
    /// <summary>What "reject with tcp reset", "icmp" or "icmpv6" require of the packet; null for nothing.</summary>
    public static RelationalMatch? OfReject(ReadOnlySpan<char> type, TableFamily family)
    {
        if (type.StartsWith("tcp"))
            return Is(PacketField.MetaL4Proto, (ulong)Inet.IpProtocol.Tcp);
        if (family is TableFamily.Ip or TableFamily.Ip6)
            return null;
        // NFPROTO_IPV4 and NFPROTO_IPV6 of linux/netfilter.h.
        return type switch
        {
            "icmp" => Is(PacketField.MetaNfProto, 2),
            "icmpv6" => Is(PacketField.MetaNfProto, 10),
            _ => null,
        };
    }

    private static RelationalMatch Is(PacketField field, ulong value) =>
        new(new SelectorExpression(field), RelationalOperator.Equal, new NumberValue(value));
}
