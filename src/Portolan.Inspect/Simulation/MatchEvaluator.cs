using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Decides the conditions of iptables rules (and nft's limit) that take more than a line; see <see cref="MatchDecider"/>.
/// </summary>
internal sealed class MatchEvaluator(PacketSpec packet, NodeAddresses node, Ruleset ruleset)
{
    internal IpSetIndex IpSets { get; } = new(ruleset, packet);

    internal RecentLists Recent { get; } = new(packet, ruleset.RecentClients);

    internal PacketSpec Packet => packet;

    internal static bool IsMasked(InetAddress value, MaskedAddressMatch match) =>
        value.Family == match.Value.Family
        && (value.ToNumber() & match.Mask.ToNumber()) == (match.Value.ToNumber() & match.Mask.ToNumber());

    internal static Answer Address(PacketState state, PacketSide side, Func<InetAddress, bool> holds, Match match)
    {
        InetAddress value = side == PacketSide.Source ? state.Source : state.Destination;
        return value.Family == IpFamily.None
            ? Answer.Unknown(new MasqueradedAddress(match))
            : Answer.Of(holds(value));
    }

    internal Answer Ports(PortMatch match, PacketState state)
    {
        // The port matches belong to a protocol, so a packet of another protocol does not match even when negated.
        if (!packet.HasPorts)
            return Answer.No;
        Answer answer = match.Side switch
        {
            PacketSide.Source => Port(state.SourcePort, match.Ports, isSource: true),
            PacketSide.Destination => Port(state.DestinationPort, match.Ports, isSource: false),
            _ => Either(Port(state.SourcePort, match.Ports, isSource: true), Port(state.DestinationPort, match.Ports, isSource: false)),
        };
        return answer.NegateIf(match.Negated);
    }

    private static Answer Either(Answer left, Answer right) =>
        left.Kind == AnswerKind.Yes || right.Kind == AnswerKind.No ? left : right;

    private static Answer Port(ushort? port, EquatableArray<PortRange> ranges, bool isSource)
    {
        if (port is not { } value)
            return Answer.Unknown(new PortOfSide(isSource, ranges));
        foreach (PortRange range in ranges)
        {
            if (range.Contains(value))
                return Answer.Yes;
        }
        return Answer.No;
    }

    internal static Answer Interface(InterfaceMatch match, PacketState state)
    {
        bool isIn = match.Direction == InterfaceDirection.In;
        string? name = isIn ? state.InInterface : state.OutInterface;
        if (name is null)
        {
            return match.IsPrefix && match.Name.Length == 0
                ? Answer.Yes.NegateIf(match.Negated)
                : Answer.Unknown(new PacketInterface(match.Direction, match.Name, match.IsPrefix, state.Destination))
                    .NegateIf(match.Negated);
        }
        bool holds = match.IsPrefix ? name.StartsWith(match.Name, StringComparison.Ordinal) : name == match.Name;
        return Answer.Of(holds).NegateIf(match.Negated);
    }

    internal static Answer MarkIs(MarkMatch match, PacketState state) => match.Kind == MarkKind.Packet
        ? Bits(state.Mark, state.UnknownMark, match)
        // xt_connmark: a packet without a connection never matches, negated or not; the caller negates this answer.
        : state.Tracking == TrackState.Tracked
            ? Bits(state.ConnectionMark, state.UnknownConnectionMark, match)
            : Answer.Of(match.Negated);

    private static Answer Bits(uint value, uint unknown, MarkMatch match)
    {
        bool mayHold = (match.Value & ~match.Mask) == 0 && ((value ^ match.Value) & match.Mask & ~unknown) == 0;
        return mayHold && (unknown & match.Mask) != 0
            ? Answer.Unknown(new MarkBits(match.Kind, value, unknown, match.Value, match.Mask))
            : Answer.Of(mayHold);
    }

    internal Answer AddressType(AddressTypeMatch match, PacketState state)
    {
        InetAddress address = match.Side == PacketSide.Source ? state.Source : state.Destination;
        if (address.Family == IpFamily.None)
        {
            // The address that masquerading chose is the node's; its interface is not known.
            return match.LimitTo is null
                ? IsOfType(true, match.Types).NegateIf(match.Negated)
                : Answer.Unknown(new MasqueradedAddress(match));
        }
        bool fromElsewhere = match.Side == PacketSide.Source && !packet.IsFromNode && address == packet.Source;
        if (match.LimitTo is not { } direction || KindOf(address, AddressTypes.Local, fromElsewhere).Kind == AnswerKind.No)
            return KindOf(address, match.Types, fromElsewhere).NegateIf(match.Negated);
        // An address of another interface counts as remote.
        string? device = direction == InterfaceDirection.In ? state.InInterface : state.OutInterface;
        if (node.OfInterface(device) is not { } own)
            return Answer.Unknown(new AddressOfInterface(address, direction, match.Types)).NegateIf(match.Negated);
        return IsOfType(own.Any(item => item.Address == address), match.Types).NegateIf(match.Negated);
    }

    /// <summary>
    /// Whether an address is of one of the types. A packet that arrives never has a local source: the kernel drops those as martians.
    /// </summary>
    internal Answer KindOf(InetAddress address, AddressTypes types, bool arrivedFromElsewhere)
    {
        if (address.IsMulticast)
            return Answer.Of(packet.Family == IpFamily.IPv6 ? types == AddressTypes.Multicast : (types & AddressTypes.Multicast) != 0);
        if (node.IsBroadcast(address))
            return Answer.Of((types & AddressTypes.Broadcast) != 0);
        bool? local = arrivedFromElsewhere && !address.IsLoopback ? false : node.IsLocal(address);
        if (packet.IsFromNode && address == packet.Source)
            local = true;
        if (local is { } known)
            return IsOfType(known, types);
        if (packet.Family == IpFamily.IPv6)
            return (types & AddressTypes.Local) != 0 ? IsLocalUnknown(address) : Answer.Of((types & AddressTypes.Unicast) != 0);
        return (types & (AddressTypes.Local | AddressTypes.Unicast)) switch
        {
            AddressTypes.Local | AddressTypes.Unicast => Answer.Yes,
            AddressTypes.Local => IsLocalUnknown(address),
            AddressTypes.Unicast => IsLocalUnknown(address).NegateIf(true),
            _ => Answer.No,
        };
    }

    private Answer IsOfType(bool isLocal, AddressTypes types)
    {
        // xt_addrtype looks only at the local table in IPv4. In IPv6 every type must hold, and a local address is unicast as well.
        if (packet.Family == IpFamily.IPv6)
            return Answer.Of((types & AddressTypes.Multicast) == 0
                && ((types & AddressTypes.Local) != 0 ? isLocal : (types & AddressTypes.Unicast) != 0));
        return Answer.Of((types & (isLocal ? AddressTypes.Local : AddressTypes.Unicast)) != 0);
    }

    internal static Answer IsLocalUnknown(InetAddress address) =>
        Answer.Unknown(new LocalAddress(address));

    internal static Answer Limit(LimitMatch match, RuleRef place) =>
        Answer.Unknown(new LimitHistory(place)).NegateIf(match.IsOver);

    internal Answer Icmp(IcmpMatch match)
    {
        if (match.Protocol != packet.Protocol || packet.IsLaterFragment)
            return Answer.No;
        bool any = match.Type == 255 && match.Protocol == IpProtocol.Icmp;
        bool holds = any
            || (match.Type == packet.EffectiveIcmpType && packet.IcmpCode >= match.FirstCode && packet.IcmpCode <= match.LastCode);
        return Answer.Of(holds).NegateIf(match.Negated);
    }

    internal Answer Owner(OwnerMatch match)
    {
        // xt_owner: without a local socket only a negated match holds.
        if (!packet.IsFromNode)
            return Answer.Of(match.Negated);
        if (match.Kind == OwnerKind.SocketExists)
            return Answer.Yes.NegateIf(match.Negated);
        uint? id = match.Kind == OwnerKind.User ? packet.UserId : packet.GroupId;
        return id is { } value
            ? Answer.Of(value >= match.First && value <= match.Last).NegateIf(match.Negated)
            : Answer.Unknown(new SenderInRange(match.Kind, match.First, match.Last)).NegateIf(match.Negated);
    }
}
