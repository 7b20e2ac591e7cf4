using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The expressions our rules consist of, in one family and for one kind of frontend. Registers are counted in slots of 4 bytes from the
/// first.
/// </summary>
internal sealed class RuleExpressions(IpFamily family, FrontendScope scope = FrontendScope.Addresses)
{
    private static readonly NfRegister s_first = NfRegister.At(0);

    /// <summary>Slots of an address.</summary>
    private int AddressSlots { get; } = InetAddress.LengthOf(family) / 4;

    internal NfFamily NfFamily => family.ToNfFamily();

    /// <summary>
    /// Loads the parts of a key from slot 0 on. The destination of NodePorts is masked to zero, which nft prints as
    /// <c>ip daddr &amp; 0.0.0.0</c>.
    /// </summary>
    /// <param name="parts">The parts, in the order of the set's keys.</param>
    /// <param name="number">The index, if the key has one.</param>
    /// <param name="prefixLength">Number of significant bits of the source, if the key has one and it is masked.</param>
    internal NfExpression[] Load(ImmutableArray<ElementField> parts, Number number = default, int? prefixLength = null)
    {
        List<NfExpression> loads = [];
        int slot = 0;
        foreach (ElementField part in parts)
        {
            NfRegister register = NfRegister.At(slot);
            loads.Add(part switch
            {
                ElementField.Destination => Destination(slot),
                ElementField.Source => NfStatements.LoadSource(family, slot),
                ElementField.Protocol => new NfMetaLoad(NfMetaKey.TransportProtocol, register),
                ElementField.Port => new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, register),
                ElementField.Index => new NfNumberGenerator(NfNumberGeneratorKind.Random, number.Modulus, register, number.Offset),
                // A number that is passed from one look-up to the next in the packet's priority.
                _ => LoadPriority(slot),
            });
            if (part == ElementField.Destination && scope == FrontendScope.NodePorts)
                loads.Add(NfBitwise.MaskXor(register, Zeros, Zeros));
            if (part == ElementField.Source && prefixLength is { } bits && bits < InetAddress.LengthOf(family) * 8)
                loads.Add(NfBitwise.MaskXor(register, NfStatements.Mask(family, bits), Zeros));
            slot += ElementCodec.SlotsOf(part, family);
        }
        return [.. loads];
    }

    /// <summary>Loads destination address . protocol . destination port.</summary>
    internal NfExpression[] Key() => Load(ElementCodec.Frontend);

    /// <summary>
    /// Loads the key and one constant index: in a concatenation nft can only print it as a random number with modulus one.
    /// </summary>
    internal NfExpression[] KeyAndIndex(uint index) => Load(ElementCodec.KeyOf(PortolanSet.Endpoints), new Number(1, index));

    /// <summary>Loads the key and a random index below a number of backends.</summary>
    internal NfExpression[] KeyAndRandom(uint modulus) => Load(ElementCodec.KeyOf(PortolanSet.Endpoints), new Number(modulus, 0));

    /// <summary>Loads the key and the source address, masked to a prefix length.</summary>
    internal NfExpression[] KeyAndMaskedSource(int prefixLength) =>
        Load(ElementCodec.KeyOf(PortolanSet.SourceRanges), prefixLength: prefixLength);

    /// <summary>Loads the source address and the affinity id in the priority.</summary>
    internal NfExpression[] Client() => Load(ElementCodec.KeyOf(PortolanSet.AffinityClients));

    /// <summary>Loads source and destination address.</summary>
    internal NfExpression[] Pair() => Load(ElementCodec.KeyOf(PortolanSet.Hairpin));

    internal NfExpression Destination(int slot) => NfStatements.LoadDestination(family, slot);

    internal static NfExpression In(string set, bool inverted = false) => new NfLookup(set, s_first, null, inverted);

    internal static NfExpression Map(string map, int destination = 0) => new NfLookup(map, s_first, NfRegister.At(destination));

    internal static NfExpression Jump(string chain) => new NfImmediateVerdict(NfVerdict.Jump(chain));

    internal static NfExpression Goto(string chain) => new NfImmediateVerdict(NfVerdict.Goto(chain));

    internal static NfExpression Return { get; } = new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Return));

    internal static NfExpression Drop { get; } = new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Drop));

    /// <summary>ICMP or ICMPv6 port unreachable, like a plain "reject" of iptables or nft.</summary>
    internal NfExpression Reject => NfStatements.Reject(family);

    /// <summary>"ct status dnat".</summary>
    internal static NfExpression[] IsTranslated { get; } =
    [
        new NfConntrackLoad(NfConntrackKey.Status, s_first),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(DnatStatus), NfData.HostOrder(0)),
        new NfCompare(s_first, NfCompareOperator.NotEqual, NfData.HostOrder(0)),
    ];

    /// <summary>"dnat to" the address and port that a map left from slot 0 on.</summary>
    internal NfExpression Dnat() => new NfNat(NfNatKind.Destination, NfFamily, s_first, NfRegister.At(AddressSlots));

    internal static NfExpression StorePriority { get; } = new NfMetaStore(NfMetaKey.Priority, s_first);

    internal static NfExpression LoadPriority(int slot) => new NfMetaLoad(NfMetaKey.Priority, NfRegister.At(slot));

    /// <summary>"meta priority set none".</summary>
    internal static NfExpression[] ClearPriority { get; } = [new NfImmediate(s_first, NfData.HostOrder(0)), StorePriority];

    /// <summary>"meta priority set meta priority | bits".</summary>
    internal static NfExpression[] SetPriorityBits(uint bits) =>
        [LoadPriority(0), NfBitwise.MaskXor(s_first, NfData.HostOrder(~bits), NfData.HostOrder(bits)), StorePriority];

    /// <summary>"meta priority &amp; mask != none".</summary>
    internal static NfExpression[] PriorityHas(uint mask) => Priority(mask, NfCompareOperator.NotEqual, 0);

    /// <summary>"meta priority &amp; mask == value".</summary>
    internal static NfExpression[] PriorityIs(uint mask, uint value) => Priority(mask, NfCompareOperator.Equal, value);

    /// <summary>"meta priority vmap @map", or only some of its bits.</summary>
    internal static NfExpression[] LeadBy(string map, uint mask = uint.MaxValue) =>
    [
        LoadPriority(0),
        .. mask == uint.MaxValue
            ? [] : (ReadOnlySpan<NfExpression>)[NfBitwise.MaskXor(s_first, NfData.HostOrder(mask), NfData.HostOrder(0))],
        new NfLookup(map, s_first, NfRegister.Verdict),
    ];

    /// <summary>"dnat to meta priority . meta l4proto map @affinity-endpoints".</summary>
    internal NfExpression[] ToAffinityEndpoint() =>
        [.. Load(ElementCodec.KeyOf(PortolanSet.AffinityEndpoints)), Map(TableSchema.Name(PortolanSet.AffinityEndpoints)), Dnat()];

    /// <summary>Remembers the source with the affinity id in the priority, or restarts its timeout.</summary>
    internal NfExpression[] Remember(string clients) => ChangeClients(clients, NfDynamicSetOperation.Update);

    /// <summary>Forgets what is remembered for the source at the service port of the affinity id in the priority.</summary>
    internal NfExpression[] Forget(string clients) => ChangeClients(clients, NfDynamicSetOperation.Delete);

    private NfExpression[] ChangeClients(string clients, NfDynamicSetOperation operation)
    {
        NfExpression[] key = Client();
        NfRegister port = NfRegister.At(AddressSlots), id = NfRegister.At(AddressSlots + 1);
        return
        [
            .. key,
            NfBitwise.MaskXor(port, NfData.HostOrder(AffinityIds.PortMask), NfData.HostOrder(0)),
            LoadPriority(AddressSlots + 1),
            new NfDynamicSet(clients, operation, s_first, id),
        ];
    }

    private static NfExpression[] Priority(uint mask, NfCompareOperator comparison, uint value) =>
    [
        LoadPriority(0),
        NfBitwise.MaskXor(s_first, NfData.HostOrder(mask), NfData.HostOrder(0)),
        new NfCompare(s_first, comparison, NfData.HostOrder(value)),
    ];

    private NfData Zeros => new(new byte[InetAddress.LengthOf(family)]);

    // linux/netfilter/nf_conntrack_common.h, IPS_DST_NAT.
    private const uint DnatStatus = 1 << 5;

    /// <summary>A random number plus an offset. Modulus 1 gives the constant <paramref name="Offset"/>.</summary>
    internal readonly record struct Number(uint Modulus, uint Offset);
}
