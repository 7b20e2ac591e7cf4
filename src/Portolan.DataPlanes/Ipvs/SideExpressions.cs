using System.Text;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>The expressions that the rules beside the virtual servers consist of, in one family.</summary>
internal sealed class SideExpressions(IpFamily family)
{
    // linux/rtnetlink.h, RTN_LOCAL.
    private const uint RtnLocal = 2;

    private const int InterfaceNameSize = 16;

    private static readonly NfRegister s_first = NfRegister.At(0);

    private int AddressSlots { get; } = InetAddress.LengthOf(family) / 4;

    private uint SourceOffset => family == IpFamily.IPv4 ? 12u : 8u;

    private uint DestinationOffset => family == IpFamily.IPv4 ? 16u : 24u;

    /// <summary>Loads destination address . protocol . destination port.</summary>
    internal NfExpression[] Key() =>
    [
        Address(DestinationOffset, 0),
        new NfMetaLoad(NfMetaKey.TransportProtocol, NfRegister.At(AddressSlots)),
        new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, NfRegister.At(AddressSlots + 1)),
    ];

    /// <summary>Loads the key and the source address.</summary>
    internal NfExpression[] KeyAndSource() => [.. Key(), Address(SourceOffset, AddressSlots + 2)];

    /// <summary>Loads source and destination address.</summary>
    internal NfExpression[] Pair() => [Address(SourceOffset, 0), Address(DestinationOffset, AddressSlots)];

    /// <summary>Loads the destination address.</summary>
    internal NfExpression[] Destination() => [Address(DestinationOffset, 0)];

    internal static NfExpression[] In(PortolanIpvsSet set) => [new NfLookup(PortolanIpvs.NameOf(set), s_first)];

    internal static NfExpression[] Jump(string chain) => [new NfImmediateVerdict(NfVerdict.Jump(chain))];

    internal static NfExpression[] Goto(string chain) => [new NfImmediateVerdict(NfVerdict.Goto(chain))];

    internal static NfExpression[] Return { get; } = [new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Return))];

    internal static NfExpression[] Drop { get; } = [new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Drop))];

    /// <summary>ICMP or ICMPv6 port unreachable.</summary>
    internal NfExpression[] Reject => [new NfReject(NfRejectKind.IcmpUnreachable, family == IpFamily.IPv4 ? (byte)3 : (byte)4)];

    internal static NfExpression[] Masquerade { get; } = [new NfMasquerade { Flags = NfNatFlags.PortRandomFully }];

    /// <summary>"meta l4proto != icmp": addresses of services answer to ping.</summary>
    internal NfExpression[] IsNotIcmp =>
    [
        new NfMetaLoad(NfMetaKey.TransportProtocol, s_first),
        new NfCompare(s_first, NfCompareOperator.NotEqual,
            new NfData([(byte)(family == IpFamily.IPv4 ? IpProtocol.Icmp : IpProtocol.IcmpV6)])),
    ];

    /// <summary>"fib saddr type local".</summary>
    internal static NfExpression[] SourceIsLocal { get; } =
    [
        new NfFib(NfFibResult.AddressType, NfFibFlags.Source, s_first),
        new NfCompare(s_first, NfCompareOperator.Equal, NfData.HostOrder(RtnLocal)),
    ];

    /// <summary>"oifname != lo".</summary>
    internal static NfExpression[] LeavesMachine { get; } =
        [new NfMetaLoad(NfMetaKey.OutputInterfaceName, s_first), new NfCompare(s_first, NfCompareOperator.NotEqual, Name("lo"))];

    /// <summary>"meta mark set meta mark | bit".</summary>
    internal static NfExpression[] SetMark(uint bit) =>
    [
        new NfMetaLoad(NfMetaKey.Mark, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(~bit), NfData.HostOrder(bit)),
        new NfMetaStore(NfMetaKey.Mark, s_first),
    ];

    /// <summary>"meta mark &amp; bit != 0 meta mark set meta mark ^ bit".</summary>
    internal static NfExpression[] TakeMark(uint bit) =>
    [
        new NfMetaLoad(NfMetaKey.Mark, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(bit), NfData.HostOrder(0)),
        new NfCompare(s_first, NfCompareOperator.NotEqual, NfData.HostOrder(0)),
        new NfMetaLoad(NfMetaKey.Mark, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(uint.MaxValue), NfData.HostOrder(bit)),
        new NfMetaStore(NfMetaKey.Mark, s_first),
    ];

    /// <summary>"dnat to KEY map @shortcuts".</summary>
    internal NfExpression[] ToShortcut() =>
    [
        .. Key(), new NfLookup(PortolanIpvs.NameOf(PortolanIpvsSet.Shortcuts), s_first, s_first),
        new NfNat(NfNatKind.Destination, family.ToNfFamily(), s_first, NfRegister.At(AddressSlots)),
    ];

    /// <summary>"ip saddr 10.0.0.0/8", or its negation.</summary>
    internal NfExpression[] SourceIn(InetPrefix prefix, bool inverted)
    {
        NfExpression load = Address(SourceOffset, 0);
        var compare = new NfCompare(s_first, inverted ? NfCompareOperator.NotEqual : NfCompareOperator.Equal,
            NfData.Address(prefix.Address));
        int bits = prefix.Address.Length * 8;
        return prefix.Length == bits
            ? [load, compare]
            : [load, NfBitwise.MaskXor(s_first, Mask(prefix.Length), new NfData(new byte[bits / 8])), compare];
    }

    /// <summary>"iifname X" or "iifname X*", or the negation. A packet sent by the node itself has no input interface.</summary>
    internal static NfExpression[] FromInterface(string name, bool isPrefix, bool inverted) =>
    [
        new NfMetaLoad(NfMetaKey.InputInterfaceName, s_first),
        new NfCompare(s_first, inverted ? NfCompareOperator.NotEqual : NfCompareOperator.Equal,
            isPrefix ? new NfData(Encoding.UTF8.GetBytes(name)) : Name(name)),
    ];

    private NfPayloadLoad Address(uint offset, int slot) =>
        new(NfPayloadBase.Network, offset, (uint)InetAddress.LengthOf(family), NfRegister.At(slot));

    private NfData Mask(int prefixLength)
    {
        byte[] mask = new byte[InetAddress.LengthOf(family)];
        for (int bit = 0; bit < prefixLength; bit++)
            mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
        return new NfData(mask);
    }

    private static NfData Name(string name)
    {
        byte[] bytes = new byte[InterfaceNameSize];
        Encoding.UTF8.GetBytes(name, bytes);
        return new NfData(bytes);
    }
}
