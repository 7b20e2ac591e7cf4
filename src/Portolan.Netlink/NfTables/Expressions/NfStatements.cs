using System.Text;
using Portolan.Inet;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>
/// Matches and statements of nft as the expressions that the kernel takes for them. They use the registers from the first one on, which
/// is counted as slot 0; a slot has 4 bytes.
/// </summary>
public static class NfStatements
{
    // linux/rtnetlink.h, RTN_LOCAL.
    private const uint RtnLocal = 2;

    // linux/if.h, IFNAMSIZ.
    private const int InterfaceNameSize = 16;

    private static readonly NfRegister s_first = NfRegister.At(0);

    /// <summary>Loads the source address of the IP header.</summary>
    /// <param name="family">The family.</param>
    /// <param name="slot">Where to, from 0.</param>
    public static NfPayloadLoad LoadSource(IpFamily family, int slot = 0) => Load(family, family == IpFamily.IPv4 ? 12u : 8u, slot);

    /// <summary>Loads the destination address of the IP header.</summary>
    /// <param name="family">The family.</param>
    /// <param name="slot">Where to, from 0.</param>
    public static NfPayloadLoad LoadDestination(IpFamily family, int slot = 0) =>
        Load(family, family == IpFamily.IPv4 ? 16u : 24u, slot);

    /// <summary>"ip saddr 10.0.0.0/8", or its negation.</summary>
    /// <param name="prefix">The range.</param>
    /// <param name="inverted">True for "!=".</param>
    public static NfExpression[] SourceIn(InetPrefix prefix, bool inverted = false) => In(LoadSource(prefix.Family), prefix, inverted);

    /// <summary>"ip daddr 10.0.0.0/8".</summary>
    /// <param name="prefix">The range.</param>
    public static NfExpression[] DestinationIn(InetPrefix prefix) => In(LoadDestination(prefix.Family), prefix, inverted: false);

    /// <summary>"fib saddr type local".</summary>
    public static NfExpression[] SourceIsLocal => IsLocal(NfFibFlags.Source, NfCompareOperator.Equal);

    /// <summary>"fib daddr type != local".</summary>
    public static NfExpression[] DestinationIsNotLocal => IsLocal(NfFibFlags.Destination, NfCompareOperator.NotEqual);

    /// <summary>
    /// "iifname X", or a prefix of a name ("X*"), or the negation. A packet that the machine itself sends has no input interface.
    /// </summary>
    /// <param name="name">The name or its beginning, at most 15 bytes.</param>
    /// <param name="isPrefix">True for the beginning of a name.</param>
    /// <param name="inverted">True for "!=".</param>
    public static NfExpression[] InputInterface(string name, bool isPrefix = false, bool inverted = false)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Interface(NfMetaKey.InputInterfaceName, name, isPrefix, inverted);
    }

    /// <summary>"oifname != X".</summary>
    /// <param name="name">The name, at most 15 bytes.</param>
    public static NfExpression[] OutputInterfaceIsNot(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Interface(NfMetaKey.OutputInterfaceName, name, isPrefix: false, inverted: true);
    }

    /// <summary>"meta mark set meta mark | bits".</summary>
    /// <param name="bits">The bits.</param>
    public static NfExpression[] SetMark(uint bits) =>
    [
        new NfMetaLoad(NfMetaKey.Mark, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(~bits), NfData.HostOrder(bits)),
        new NfMetaStore(NfMetaKey.Mark, s_first),
    ];

    /// <summary>"meta mark &amp; bit != 0 meta mark set meta mark ^ bit".</summary>
    /// <param name="bit">One bit.</param>
    public static NfExpression[] TakeMark(uint bit) =>
    [
        new NfMetaLoad(NfMetaKey.Mark, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(bit), NfData.HostOrder(0)),
        new NfCompare(s_first, NfCompareOperator.NotEqual, NfData.HostOrder(0)),
        new NfMetaLoad(NfMetaKey.Mark, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(uint.MaxValue), NfData.HostOrder(bit)),
        new NfMetaStore(NfMetaKey.Mark, s_first),
    ];

    /// <summary>"masquerade fully-random".</summary>
    public static NfMasquerade Masquerade { get; } = new() { Flags = NfNatFlags.PortRandomFully };

    /// <summary>"reject": port unreachable, of ICMP or ICMPv6.</summary>
    /// <param name="family">The family.</param>
    public static NfReject Reject(IpFamily family) =>
        new(NfRejectKind.IcmpUnreachable, family == IpFamily.IPv4 ? (byte)3 : (byte)4);

    /// <summary>The bits of a prefix length as an address.</summary>
    /// <param name="family">The family.</param>
    /// <param name="prefixLength">From 0 to the number of bits of an address.</param>
    public static NfData Mask(IpFamily family, int prefixLength)
    {
        byte[] mask = new byte[InetAddress.LengthOf(family)];
        for (int bit = 0; bit < prefixLength; bit++)
            mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
        return new NfData(mask);
    }

    private static NfPayloadLoad Load(IpFamily family, uint offset, int slot) =>
        new(NfPayloadBase.Network, offset, (uint)InetAddress.LengthOf(family), NfRegister.At(slot));

    private static NfExpression[] In(NfExpression load, InetPrefix prefix, bool inverted)
    {
        var compare = new NfCompare(s_first, inverted ? NfCompareOperator.NotEqual : NfCompareOperator.Equal,
            NfData.Address(prefix.Address));
        return prefix.Length == prefix.Address.Length * 8
            ? [load, compare]
            : [load, NfBitwise.MaskXor(s_first, Mask(prefix.Family, prefix.Length), Mask(prefix.Family, 0)), compare];
    }

    private static NfExpression[] IsLocal(NfFibFlags side, NfCompareOperator comparison) =>
        [new NfFib(NfFibResult.AddressType, side, s_first), new NfCompare(s_first, comparison, NfData.HostOrder(RtnLocal))];

    private static NfExpression[] Interface(NfMetaKey key, string name, bool isPrefix, bool inverted)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        byte[] compared = isPrefix ? bytes : [.. bytes, .. new byte[InterfaceNameSize - bytes.Length]];
        return
        [
            new NfMetaLoad(key, s_first),
            new NfCompare(s_first, inverted ? NfCompareOperator.NotEqual : NfCompareOperator.Equal, new NfData(compared)),
        ];
    }
}
