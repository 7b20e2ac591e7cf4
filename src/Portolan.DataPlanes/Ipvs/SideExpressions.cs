using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>The expressions that the rules beside the virtual servers consist of, in one family.</summary>
internal sealed class SideExpressions(IpFamily family)
{
    private static readonly NfRegister s_first = NfRegister.At(0);

    // linux/netfilter/nf_conntrack_common.h, IPS_DST_NAT.
    private const uint IsDestinationTranslated = 32;

    private int AddressSlots { get; } = InetAddress.LengthOf(family) / 4;

    /// <summary>Loads destination address . protocol . destination port.</summary>
    internal NfExpression[] Key() =>
    [
        NfStatements.LoadDestination(family),
        new NfMetaLoad(NfMetaKey.TransportProtocol, NfRegister.At(AddressSlots)),
        new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, NfRegister.At(AddressSlots + 1)),
    ];

    /// <summary>
    /// Loads the same of the connection's first packet as it came: what IPVS and other translations left of it is not looked at.
    /// </summary>
    internal NfExpression[] OriginalKey() =>
    [
        new NfConntrackLoad(family == IpFamily.IPv4 ? NfConntrackKey.DestinationIPv4 : NfConntrackKey.DestinationIPv6, s_first,
            NfConntrackDirection.Original),
        new NfMetaLoad(NfMetaKey.TransportProtocol, NfRegister.At(AddressSlots)),
        new NfConntrackLoad(NfConntrackKey.DestinationPort, NfRegister.At(AddressSlots + 1), NfConntrackDirection.Original),
    ];

    /// <summary>
    /// "ct status &amp; dnat == 0": IPVS has the packet, and not another program's rules. IPVS does not set that bit.
    /// </summary>
    internal static NfExpression[] IsNotTranslated { get; } =
    [
        new NfConntrackLoad(NfConntrackKey.Status, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(IsDestinationTranslated), NfData.HostOrder(0)),
        new NfCompare(s_first, NfCompareOperator.Equal, NfData.HostOrder(0)),
    ];

    /// <summary>Loads the key and the source address.</summary>
    internal NfExpression[] KeyAndSource() => [.. Key(), NfStatements.LoadSource(family, AddressSlots + 2)];

    /// <summary>Loads source and destination address.</summary>
    internal NfExpression[] Pair() => [NfStatements.LoadSource(family), NfStatements.LoadDestination(family, AddressSlots)];

    /// <summary>Loads the destination address.</summary>
    internal NfExpression[] Destination() => [NfStatements.LoadDestination(family)];

    internal static NfExpression[] In(PortolanIpvsSet set) => [new NfLookup(PortolanIpvs.NameOf(set), s_first)];

    internal static NfExpression[] Jump(string chain) => [new NfImmediateVerdict(NfVerdict.Jump(chain))];

    internal static NfExpression[] Goto(string chain) => [new NfImmediateVerdict(NfVerdict.Goto(chain))];

    internal static NfExpression[] Return { get; } = [new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Return))];

    internal static NfExpression[] Drop { get; } = [new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Drop))];

    internal NfExpression[] Reject => [NfStatements.Reject(family)];

    internal static NfExpression[] Masquerade { get; } = [NfStatements.Masquerade];

    /// <summary>"meta l4proto != icmp": addresses of services answer to ping.</summary>
    internal NfExpression[] IsNotIcmp =>
    [
        new NfMetaLoad(NfMetaKey.TransportProtocol, s_first),
        new NfCompare(s_first, NfCompareOperator.NotEqual,
            new NfData([(byte)(family == IpFamily.IPv4 ? IpProtocol.Icmp : IpProtocol.IcmpV6)])),
    ];

    /// <summary>"dnat to KEY map @shortcuts".</summary>
    internal NfExpression[] ToShortcut() =>
    [
        .. Key(), new NfLookup(PortolanIpvs.NameOf(PortolanIpvsSet.Shortcuts), s_first, s_first),
        new NfNat(NfNatKind.Destination, family.ToNfFamily(), s_first, NfRegister.At(AddressSlots)),
    ];
}
