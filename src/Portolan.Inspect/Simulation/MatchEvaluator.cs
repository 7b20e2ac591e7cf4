using Portolan.Inet;
using Portolan.Rules;

namespace Portolan.Inspect.Simulation;

/// <summary>Decides the conditions of iptables rules (and nft's limit) for a packet; nft's comparisons are <see cref="RelationEvaluator"/>'s.</summary>
internal sealed class MatchEvaluator(PacketPremise packet, NodeAddresses node, Ruleset ruleset)
{
    private readonly IpSetIndex _ipSets = new(ruleset, packet);

    internal Answer Evaluate(Match match, PacketState state, RulePlace place) => match switch
    {
        ProtocolMatch protocol => Answer.Of(protocol.Protocol == packet.Protocol).NegateIf(protocol.Negated),
        AddressMatch address => Address(state, address.Side, address.Prefix.Contains, address).NegateIf(address.Negated),
        MaskedAddressMatch masked => Address(state, masked.Side, value => IsMasked(value, masked), masked).NegateIf(masked.Negated),
        AddressRangeMatch range => Address(state, range.Side,
            value => value.Family == range.First.Family && value >= range.First && value <= range.Last, range).NegateIf(range.Negated),
        PortMatch ports => Ports(ports, state),
        InterfaceMatch device => Interface(device, state),
        // Bridged packets are a matter of the bridge's tables; a packet that is routed has no bridge ports.
        PhysdevMatch physdev => Answer.No.NegateIf(physdev.Negated),
        MarkMatch mark => MarkIs(mark, state).NegateIf(mark.Negated),
        AddressTypeMatch type => AddressType(type, state),
        StatisticRandomMatch random => Answer.Chance(random.Probability),
        // Which packet's turn it is depends on those before; over many packets it is one in n.
        StatisticNthMatch nth => Answer.Chance(1.0 / Math.Max(1, nth.Every)).NegateIf(nth.Negated),
        IpSetMatch set => _ipSets.Contains(set, state).NegateIf(set.Negated),
        RecentMatch recent => Recent(recent, state).NegateIf(recent.Negated),
        LimitMatch limit => Limit(limit, place),
        IcmpMatch icmp => Icmp(icmp),
        OwnerMatch owner => Owner(owner),
        TcpFlagsMatch flags => packet.Protocol == IpProtocol.Tcp
            ? Answer.Of((packet.TcpFlags & flags.Mask) == flags.Value).NegateIf(flags.Negated)
            : Answer.No,
        TcpOptionMatch option => packet.Protocol == IpProtocol.Tcp
            ? Answer.Unknown($"tcp-option {option.Option}", $"whether the segment has TCP option {option.Option}").NegateIf(option.Negated)
            : Answer.No,
        // Conntrack puts fragments together before any rule sees them, and the traced packet is whole.
        FragmentMatch fragment => Answer.No.NegateIf(fragment.Negated),
        AccountingMatch => Answer.Yes,
        ConntrackStateMatch or ConntrackStatusMatch or ConntrackAddressMatch or ConntrackPortMatch or ConntrackProtocolMatch
            or ConntrackDirectionMatch or ConntrackExpireMatch => ConntrackFacts.Evaluate(match, packet, state),
        UnmodelledMatch unmodelled => Answer.Unknown($"match {place} {unmodelled.Text}", $"the match '{unmodelled.Text}' is not modelled"),
        _ => Answer.Unknown($"match {place} {match}", $"the match '{match.GetType().Name}' is not modelled"),
    };

    private static bool IsMasked(InetAddress value, MaskedAddressMatch match) =>
        value.Family == match.Value.Family && (value.ToNumber() & match.Mask.ToNumber()) == (match.Value.ToNumber() & match.Mask.ToNumber());

    private static Answer Address(PacketState state, PacketSide side, Func<InetAddress, bool> holds, Match match)
    {
        InetAddress value = side == PacketSide.Source ? state.Source : state.Destination;
        return value.Family == IpFamily.None
            ? Answer.Unknown($"masqueraded {match}", "the address that masquerading chose, which the input does not tell")
            : Answer.Of(holds(value));
    }

    private Answer Ports(PortMatch match, PacketState state)
    {
        // The port matches belong to a protocol, so a packet of another protocol does not match even when negated.
        if (!packet.HasPorts)
            return Answer.No;
        Answer answer = match.Side switch
        {
            PacketSide.Source => Port(state.SourcePort, match.Ports, "source"),
            PacketSide.Destination => Port(state.DestinationPort, match.Ports, "destination"),
            _ => Either(Port(state.SourcePort, match.Ports, "source"), Port(state.DestinationPort, match.Ports, "destination")),
        };
        return answer.NegateIf(match.Negated);
    }

    private static Answer Either(Answer left, Answer right) =>
        left.Kind == AnswerKind.Yes || right.Kind == AnswerKind.No ? left : right;

    private static Answer Port(ushort? port, EquatableArray<PortRange> ranges, string side)
    {
        if (port is not { } value)
            return Answer.Unknown($"{side} port {ranges}", $"the packet's {side} port, which was not given");
        foreach (PortRange range in ranges)
        {
            if (range.Contains(value))
                return Answer.Yes;
        }
        return Answer.No;
    }

    private static Answer Interface(InterfaceMatch match, PacketState state)
    {
        bool isIn = match.Direction == InterfaceDirection.In;
        string? name = isIn ? state.InInterface : state.OutInterface;
        if (name is null)
        {
            return match.IsPrefix && match.Name.Length == 0
                ? Answer.Yes.NegateIf(match.Negated)
                : Answer.Unknown($"{match.Direction} {match.Name} {match.IsPrefix} {state.Destination}",
                    isIn ? "the interface the packet comes in by, which was not given" : "the interface the packet goes out by, which was not given")
                    .NegateIf(match.Negated);
        }
        bool holds = match.IsPrefix ? name.StartsWith(match.Name, StringComparison.Ordinal) : name == match.Name;
        return Answer.Of(holds).NegateIf(match.Negated);
    }

    private static Answer MarkIs(MarkMatch match, PacketState state) => match.Kind == MarkKind.Packet
        ? Answer.Of((state.Mark & match.Mask) == match.Value)
        // xt_connmark: a packet without a connection never matches, negated or not; the caller negates this answer.
        : state.Tracking == TrackState.Tracked
            ? Answer.Of((state.ConnectionMark & match.Mask) == match.Value)
            : Answer.Of(match.Negated);

    private Answer AddressType(AddressTypeMatch match, PacketState state)
    {
        InetAddress address = match.Side == PacketSide.Source ? state.Source : state.Destination;
        if (address.Family == IpFamily.None)
            return Answer.Yes.NegateIf((match.Types & AddressTypes.Local) == 0).NegateIf(match.Negated);
        Answer answer = KindOf(address, match.Types, match.Side == PacketSide.Source && !packet.IsFromNode && address == packet.Source);
        if (match.LimitTo is { } direction && answer.Kind == AnswerKind.Yes && (match.Types & AddressTypes.Local) != 0)
        {
            string? device = direction == InterfaceDirection.In ? state.InInterface : state.OutInterface;
            answer = node.OfInterface(device) is { } own
                ? Answer.Of(own.Any(item => item.Address == address))
                : Answer.Unknown($"limit {direction} {address}", $"whether {address} belongs to the packet's interface");
        }
        return answer.NegateIf(match.Negated);
    }

    /// <summary>Whether an address is of one of the kinds. A packet that arrives never has a local source: the kernel drops those as martians.</summary>
    internal Answer KindOf(InetAddress address, AddressTypes types, bool arrivedFromElsewhere)
    {
        if (address.IsMulticast)
            return Answer.Of((types & AddressTypes.Multicast) != 0);
        if (node.IsBroadcast(address))
            return Answer.Of((types & AddressTypes.Broadcast) != 0);
        bool? local = arrivedFromElsewhere && !address.IsLoopback ? false : node.IsLocal(address);
        if (packet.IsFromNode && address == packet.Source)
            local = true;
        if (local is { } known)
            return Answer.Of((types & (known ? AddressTypes.Local : AddressTypes.Unicast)) != 0);
        return (types & (AddressTypes.Local | AddressTypes.Unicast)) switch
        {
            AddressTypes.Local | AddressTypes.Unicast => Answer.Yes,
            AddressTypes.Local => IsLocalUnknown(address),
            AddressTypes.Unicast => IsLocalUnknown(address).NegateIf(true),
            _ => Answer.No,
        };
    }

    internal static Answer IsLocalUnknown(InetAddress address) =>
        Answer.Unknown($"local {address}", $"whether {address} is an address of this node");

    private Answer Recent(RecentMatch match, PacketState state) => match.Mode switch
    {
        RecentMode.Set => Answer.Yes,
        _ when packet.ClientIsFresh => Answer.No,
        _ => Answer.Unknown($"recent {match.List} {match.Side} {state.Source}",
            $"whether the client is in the list '{match.List}' of the recent match, which no dump shows"),
    };

    private static Answer Limit(LimitMatch match, RulePlace place) =>
        Answer.Unknown($"limit {place}", $"how many packets the limit at {place} has seen").NegateIf(match.IsOver);

    private Answer Icmp(IcmpMatch match)
    {
        if (match.Protocol != packet.Protocol)
            return Answer.No;
        bool any = match.Type == 255 && match.Protocol == IpProtocol.Icmp;
        bool holds = any || (match.Type == packet.EffectiveIcmpType && packet.IcmpCode >= match.FirstCode && packet.IcmpCode <= match.LastCode);
        return Answer.Of(holds).NegateIf(match.Negated);
    }

    private Answer Owner(OwnerMatch match)
    {
        // xt_owner: without a local socket only the negated questions hold... all of them asked of nobody.
        if (!packet.IsFromNode)
            return Answer.Of(match.Negated);
        if (match.Kind == OwnerKind.SocketExists)
            return Answer.Yes.NegateIf(match.Negated);
        uint? id = match.Kind == OwnerKind.User ? packet.UserId : packet.GroupId;
        return id is { } value
            ? Answer.Of(value >= match.First && value <= match.Last).NegateIf(match.Negated)
            : Answer.Unknown($"owner {match.Kind} {match.First} {match.Last}", $"which {(match.Kind == OwnerKind.User ? "user" : "group")} sends the packet")
                .NegateIf(match.Negated);
    }
}
