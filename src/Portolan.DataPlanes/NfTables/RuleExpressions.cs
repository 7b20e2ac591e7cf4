using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The expressions our rules are made of, in one family and for one kind of frontends. Registers are counted in slots of 4 bytes from the first.
/// </summary>
internal sealed class RuleExpressions(IpFamily family, FrontendScope scope = FrontendScope.Addresses)
{
    private static readonly NfRegister First = NfRegister.At(0);

    /// <summary>Slots of an address.</summary>
    internal int AddressSlots { get; } = InetAddress.LengthOf(family) / 4;

    /// <summary>Slot after a key (address, protocol, port).</summary>
    internal int KeySlots => AddressSlots + 2;

    private uint SourceOffset => family == IpFamily.IPv4 ? 12u : 8u;

    private uint DestinationOffset => family == IpFamily.IPv4 ? 16u : 24u;

    internal NfFamily NfFamily => family.ToNfFamily();

    /// <summary>
    /// Loads destination address . protocol . destination port from slot 0 on; for NodePorts with no bit of the address left, which nft prints as
    /// <c>ip daddr &amp; 0.0.0.0</c>.
    /// </summary>
    internal NfExpression[] Key() =>
    [
        Destination(0),
        .. scope == FrontendScope.NodePorts ? [NfBitwise.MaskXor(First, Zeros, Zeros)] : (ReadOnlySpan<NfExpression>)[],
        new NfMetaLoad(NfMetaKey.TransportProtocol, NfRegister.At(AddressSlots)),
        new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, NfRegister.At(AddressSlots + 1)),
    ];

    /// <summary>Loads the key and one constant index. A constant in a concatenation is what nft prints a random number below one for.</summary>
    internal NfExpression[] KeyAndIndex(uint index) => [.. Key(), Number(1, index)];

    /// <summary>Loads the key and a random index below a number of backends.</summary>
    internal NfExpression[] KeyAndRandom(uint modulus) => [.. Key(), Number(modulus, 0)];

    internal NfExpression Destination(int slot) =>
        new NfPayloadLoad(NfPayloadBase.Network, DestinationOffset, (uint)InetAddress.LengthOf(family), NfRegister.At(slot));

    internal NfExpression Source(int slot) =>
        new NfPayloadLoad(NfPayloadBase.Network, SourceOffset, (uint)InetAddress.LengthOf(family), NfRegister.At(slot));

    internal static NfExpression In(string set, bool inverted = false) => new NfLookup(set, First, null, inverted);

    internal static NfExpression Map(string map, int destination = 0) => new NfLookup(map, First, NfRegister.At(destination));

    internal static NfExpression Jump(string chain) => new NfImmediateVerdict(NfVerdict.Jump(chain));

    internal static NfExpression Goto(string chain) => new NfImmediateVerdict(NfVerdict.Goto(chain));

    internal static NfExpression Return { get; } = new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Return));

    internal static NfExpression Drop { get; } = new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Drop));

    /// <summary>ICMP or ICMPv6 port unreachable, as iptables' and nft's plain "reject" send.</summary>
    internal NfExpression Reject => new NfReject(NfRejectKind.IcmpUnreachable, family == IpFamily.IPv4 ? (byte)3 : (byte)4);

    /// <summary>"ip saddr 10.0.0.0/8", or its negation.</summary>
    internal NfExpression[] SourceIn(InetPrefix prefix, bool inverted = false) => AddressIn(Source(0), prefix, inverted);

    /// <summary>"ip daddr 10.0.0.0/8".</summary>
    internal NfExpression[] DestinationIn(InetPrefix prefix) => AddressIn(Destination(0), prefix, inverted: false);

    /// <summary>"ip daddr 0.0.0.0".</summary>
    internal NfExpression[] DestinationIsUnspecified => [Destination(0), new NfCompare(First, NfCompareOperator.Equal, Zeros)];

    /// <summary>"iifname X", or a prefix of a name ("X*").</summary>
    internal static NfExpression[] FromInterface(string name, bool isPrefix)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(name);
        const int nameSize = 16;
        byte[] compared = isPrefix ? bytes : [.. bytes, .. new byte[nameSize - bytes.Length]];
        return [new NfMetaLoad(NfMetaKey.InputInterfaceName, First), new NfCompare(First, NfCompareOperator.Equal, new NfData(compared))];
    }

    /// <summary>"fib saddr type local".</summary>
    internal static NfExpression[] SourceIsLocal => AddressType(NfFibFlags.Source, NfCompareOperator.Equal);

    /// <summary>"fib daddr type != local".</summary>
    internal static NfExpression[] DestinationIsNotLocal => AddressType(NfFibFlags.Destination, NfCompareOperator.NotEqual);

    /// <summary>"meta mark set meta mark | bit".</summary>
    internal static NfExpression[] SetMark(uint bit) =>
    [
        new NfMetaLoad(NfMetaKey.Mark, First),
        NfBitwise.MaskXor(First, NfData.HostOrder(~bit), NfData.HostOrder(bit)),
        new NfMetaStore(NfMetaKey.Mark, First),
    ];

    /// <summary>"meta mark &amp; bit != 0 meta mark set meta mark ^ bit".</summary>
    internal static NfExpression[] TakeMark(uint bit) =>
    [
        new NfMetaLoad(NfMetaKey.Mark, First),
        NfBitwise.MaskXor(First, NfData.HostOrder(bit), NfData.HostOrder(0)),
        new NfCompare(First, NfCompareOperator.NotEqual, NfData.HostOrder(0)),
        new NfMetaLoad(NfMetaKey.Mark, First),
        NfBitwise.MaskXor(First, NfData.HostOrder(uint.MaxValue), NfData.HostOrder(bit)),
        new NfMetaStore(NfMetaKey.Mark, First),
    ];

    internal static NfExpression Masquerade { get; } = new NfMasquerade { Flags = NfNatFlags.PortRandomFully };

    /// <summary>"ct status dnat".</summary>
    internal static NfExpression[] IsTranslated { get; } =
    [
        new NfConntrackLoad(NfConntrackKey.Status, First),
        NfBitwise.MaskXor(First, NfData.HostOrder(DnatStatus), NfData.HostOrder(0)),
        new NfCompare(First, NfCompareOperator.NotEqual, NfData.HostOrder(0)),
    ];

    /// <summary>"dnat to" the address and port that a map left from slot 0 on.</summary>
    internal NfExpression Dnat() => new NfNat(NfNatKind.Destination, NfFamily, First, NfRegister.At(AddressSlots));

    internal static NfExpression StorePriority { get; } = new NfMetaStore(NfMetaKey.Priority, First);

    internal static NfExpression LoadPriority(int slot) => new NfMetaLoad(NfMetaKey.Priority, NfRegister.At(slot));

    /// <summary>"meta priority &amp; mask == value meta priority set none".</summary>
    internal static NfExpression[] ClearPriority(uint mask, uint value) =>
    [
        LoadPriority(0),
        NfBitwise.MaskXor(First, NfData.HostOrder(mask), NfData.HostOrder(0)),
        new NfCompare(First, NfCompareOperator.Equal, NfData.HostOrder(value)),
        new NfImmediate(First, NfData.HostOrder(0)),
        StorePriority,
    ];

    /// <summary>Loads the key and the source address, masked to a prefix length.</summary>
    internal NfExpression[] KeyAndMaskedSource(int prefixLength)
    {
        NfRegister register = NfRegister.At(KeySlots);
        NfExpression[] loads = [.. Key(), Source(KeySlots)];
        int full = InetAddress.LengthOf(family) * 8;
        return prefixLength == full ? loads : [.. loads, NfBitwise.MaskXor(register, Mask(prefixLength), Zeros)];
    }

    private NfData Zeros => new(new byte[InetAddress.LengthOf(family)]);

    private NfNumberGenerator Number(uint modulus, uint offset) =>
        new NfNumberGenerator(NfNumberGeneratorKind.Random, modulus, NfRegister.At(KeySlots), offset);

    private NfExpression[] AddressIn(NfExpression load, InetPrefix prefix, bool inverted)
    {
        NfCompareOperator comparison = inverted ? NfCompareOperator.NotEqual : NfCompareOperator.Equal;
        NfData address = NfData.Address(prefix.Address);
        return prefix.Length == prefix.Address.Length * 8
            ? [load, new NfCompare(First, comparison, address)]
            : [load, NfBitwise.MaskXor(First, Mask(prefix.Length), Zeros), new NfCompare(First, comparison, address)];
    }

    private NfData Mask(int prefixLength)
    {
        byte[] mask = new byte[InetAddress.LengthOf(family)];
        for (int bit = 0; bit < prefixLength; bit++)
            mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
        return new NfData(mask);
    }

    private static NfExpression[] AddressType(NfFibFlags flags, NfCompareOperator comparison) =>
    [
        new NfFib(NfFibResult.AddressType, flags, First),
        new NfCompare(First, comparison, NfData.HostOrder(RtnLocal)),
    ];

    // linux/rtnetlink.h, RTN_LOCAL.
    private const uint RtnLocal = 2;

    // linux/netfilter/nf_conntrack_common.h, IPS_DST_NAT.
    private const uint DnatStatus = 1 << 5;
}
