using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Looks packets up in ipsets.</summary>
internal sealed class IpSetIndex(Ruleset ruleset, PacketSpec packet)
{
    internal Answer Contains(IpSetMatch match, PacketState state)
    {
        if (!ruleset.IpSets.TryGetValue(match.Set, out IpSet? set))
            return Answer.Unknown(new MissingIpSet(match.Set, match.Sides, state.Source, state.Destination));
        if (match.Options.Length > 0)
            return Answer.Unknown(new IpSetOptions(match));
        return Contains(set, match.Sides, state, depth: 0);
    }

    private Answer Contains(IpSet set, EquatableArray<PacketSide> sides, PacketState state, int depth)
    {
        if (set.Dimensions is [IpSetDimension.Set])
            return ContainsMember(set, sides, state, depth);
        // ip_set_test (net/netfilter/ipset/ip_set_core.c): a set needs as many values as it has dimensions, and its own family.
        if (sides.Length < set.Dimensions.Length
            || (set.Family != packet.Family && set.Dimensions.Any(part => part is IpSetDimension.Ip or IpSetDimension.Net)))
            return Answer.No;
        if (set.Dimensions.Any(part => part == IpSetDimension.Port) && !HasPort(set))
            return Answer.No;
        var unknown = default(Answer);
        // Of nested networks the smallest wins: "nomatch" makes a hole in a larger one.
        (int First, int Second) best = (-1, -1);
        bool bestHolds = false;
        IEnumerable<IpSetEntry> entries = set.Entries;
        if (set.Dimensions is [IpSetDimension.Net, IpSetDimension.Interface])
            entries = OfNarrowestNet(set, sides, state);
        foreach (IpSetEntry entry in entries)
        {
            Answer holds = Holds(set, entry, sides, state);
            if (holds.Kind == AnswerKind.Unknown)
                unknown = holds;
            if (holds.Kind != AnswerKind.Yes)
                continue;
            (int First, int Second) length = Specificity(entry);
            if (length.CompareTo(best) > 0)
                (best, bestHolds) = (length, !entry.NoMatch);
        }
        if (unknown.Kind == AnswerKind.Unknown)
            return unknown;
        if (best.First < 0 && set.IsIncomplete)
            return Answer.Unknown(new CutIpSet(set.Name, sides, state.Source, state.Destination));
        return Answer.Of(bestHolds);
    }

    private Answer ContainsMember(IpSet list, EquatableArray<PacketSide> sides, PacketState state, int depth)
    {
        if (depth > 8)
            return Answer.No;
        foreach (IpSetEntry entry in list.Entries)
        {
            if (entry.Parts is not [IpSetMember member])
                continue;
            if (!ruleset.IpSets.TryGetValue(member.Name, out IpSet? set))
                return Answer.Unknown(new MissingIpSet(member.Name));
            Answer answer = Contains(set, sides, state, depth + 1);
            if (answer.Kind != AnswerKind.No)
                return answer;
        }
        return Answer.No;
    }

    /// <summary>
    /// The entries with the smallest network that holds the address, whatever their interface: at the first network it finds the kernel
    /// stops (IP_SET_HASH_WITH_MULTI in ip_set_hash_gen.h), so that one network hides a larger one with another interface.
    /// </summary>
    private IEnumerable<IpSetEntry> OfNarrowestNet(IpSet set, EquatableArray<PacketSide> sides, PacketState state) => set.Entries
        .Where(entry => Holds(set, entry.Parts[0], sides[0], state).Kind != AnswerKind.No)
        .GroupBy(entry => Specificity(entry).First).MaxBy(group => group.Key) ?? Enumerable.Empty<IpSetEntry>();

    /// <summary>
    /// Whether the packet has a port for the set: unknown for a later fragment, and bitmap:port takes TCP and UDP only.
    /// </summary>
    private bool HasPort(IpSet set) => set.Dimensions is [IpSetDimension.Port]
        ? packet is { Protocol: IpProtocol.Tcp or IpProtocol.Udp, IsLaterFragment: false }
        : !packet.IsLaterFragment
            || packet.Protocol is not (IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp or (IpProtocol)136 or IpProtocol.Icmp);

    /// <summary>The lengths of the prefixes. In a set of two networks the first one's counts before the second's.</summary>
    private static (int First, int Second) Specificity(IpSetEntry entry)
    {
        var lengths = new List<int>(2);
        foreach (IpSetPart part in entry.Parts)
        {
            if (part is IpSetAddress address)
                lengths.Add(128 - (int)UInt128.Log2((address.Last.ToNumber() - address.First.ToNumber()) | 1));
        }
        return (lengths.Count > 0 ? lengths[0] : 0, lengths.Count > 1 ? lengths[1] : 0);
    }

    private Answer Holds(IpSet set, IpSetEntry entry, EquatableArray<PacketSide> sides, PacketState state)
    {
        Answer answer = Answer.Yes;
        for (int index = 0; index < entry.Parts.Length; index++)
        {
            Answer part = Holds(set, entry.Parts[index], sides[index], state);
            if (part.Kind == AnswerKind.No)
                return part;
            if (part.Kind == AnswerKind.Unknown)
                answer = part;
        }
        return answer;
    }

    private Answer Holds(IpSet set, IpSetPart part, PacketSide side, PacketState state)
    {
        switch (part)
        {
            case IpSetAddress range:
                InetAddress address = side == PacketSide.Source ? state.Source : state.Destination;
                if (address.Family == IpFamily.None)
                    return Answer.Unknown(new MasqueradedInIpSet(set.Name));
                if (set.NetMask is { } mask)
                    address = InetPrefix.Of(address, mask).Address;
                return Answer.Of(address.Family == range.First.Family && address >= range.First && address <= range.Last);
            case IpSetPort ports:
                if (ports.Protocol != IpProtocol.None && ports.Protocol != packet.Protocol)
                    return Answer.No;
                int? value = packet.Protocol is IpProtocol.Icmp or IpProtocol.IcmpV6
                    ? packet.EffectiveIcmpType * 256 + packet.IcmpCode
                    : side == PacketSide.Source ? state.SourcePort : state.DestinationPort;
                if (value is null && !packet.HasPorts)
                    return Answer.Of(ports.First == 0);
                return value is { } number
                    ? Answer.Of(number >= ports.First && number <= ports.Last)
                    : Answer.Unknown(new PacketPort(side));
            case IpSetInterface device:
                if (device.IsPhysdev)
                    return Answer.No;
                string? name = side == PacketSide.Source ? state.InInterface : state.OutInterface;
                if (name is null)
                    return Answer.Unknown(new InterfaceInIpSet(side, device.Name));
                return Answer.Of(device.IsPrefix ? name.StartsWith(device.Name, StringComparison.Ordinal) : name == device.Name);
            case IpSetMark mark:
                return Answer.Of(mark.Value == state.Mark);
            default:
                return Answer.Unknown(new UnmodelledIpSetPart(set.Name, set.Type, part));
        }
    }
}
