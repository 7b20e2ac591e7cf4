using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>What conntrack says about a packet, for iptables' conntrack match and nft's ct expressions.</summary>
internal static class ConntrackFacts
{
    /// <summary>
    /// The state bits as the rule sees them (net/netfilter/xt_conntrack.c, nft_ct.c): without a connection it is invalid or untracked.
    /// </summary>
    internal static ConntrackStates StateOf(PacketSpec packet, PacketState state) => state.Tracking switch
    {
        TrackState.Tracked => packet.State,
        TrackState.Untracked => ConntrackStates.Untracked,
        _ => ConntrackStates.Invalid,
    };

    /// <summary>The status bits of a connection, as far as the trace decides them.</summary>
    internal static ConntrackStatuses StatusOf(PacketState state) =>
        (state.IsDestinationTranslated ? ConntrackStatuses.Dnat : 0) | (state.IsSourceTranslated ? ConntrackStatuses.Snat : 0)
        | (state.IsConfirmed ? ConntrackStatuses.Confirmed : 0)
        | (state.IsSourceSettled ? ConntrackStatuses.SnatDone : 0) | (state.IsDestinationSettled ? ConntrackStatuses.DnatDone : 0);

    /// <summary>
    /// The state conntrack gives a packet that should begin a connection. Not every packet can: a lone reset or an ICMP reply is
    /// invalid (nf_conntrack_proto_tcp.c, tcp_conntracks and tcp_valid_flags; valid_new in nf_conntrack_proto_icmp.c and icmpv6.c), and
    /// neighbour discovery is not tracked.
    /// </summary>
    internal static ConntrackStates Begin(PacketSpec packet)
    {
        if (packet.State != ConntrackStates.New)
            return packet.State;
        switch (packet.Protocol)
        {
            case IpProtocol.Tcp:
                // Congestion and push bits do not count. A mid-stream segment begins a connection (nf_conntrack_tcp_loose).
                TcpFlags flags = packet.TcpFlags & ~(TcpFlags.Ece | TcpFlags.Cwr | TcpFlags.Psh | TcpFlags.Urg);
                return flags is TcpFlags.Syn or TcpFlags.Ack ? ConntrackStates.New : ConntrackStates.Invalid;
            case IpProtocol.Icmp:
                return packet.EffectiveIcmpType is 8 or 13 or 15 or 17 ? ConntrackStates.New : ConntrackStates.Invalid;
            case IpProtocol.IcmpV6:
                return packet.EffectiveIcmpType switch
                {
                    128 or 139 => ConntrackStates.New,
                    >= 130 and <= 136 or 143 => ConntrackStates.Untracked,
                    _ => ConntrackStates.Invalid,
                };
            default:
                return ConntrackStates.New;
        }
    }

    internal static Answer Evaluate(ConntrackStateMatch match, PacketSpec packet, PacketState state)
    {
        ConntrackStates bits = StateOf(packet, state);
        if (state.Tracking == TrackState.Tracked)
        {
            bits |= (state.IsSourceTranslated ? ConntrackStates.Snat : 0) | (state.IsDestinationTranslated ? ConntrackStates.Dnat : 0);
            const ConntrackStates translation = ConntrackStates.Snat | ConntrackStates.Dnat;
            if ((bits & match.States) == 0 && (match.States & translation) != 0 && packet.State != ConntrackStates.New)
                return Answer.Unknown(new ConnectionHistory(HistoryTopic.Status)).NegateIf(match.Negated);
        }
        return Answer.Of((bits & match.States) != 0).NegateIf(match.Negated);
    }

    internal static Answer Evaluate(ConntrackStatusMatch match, PacketSpec packet, PacketState state) =>
        BeforeAsking(match, match.IsCombinedWithState, packet, state)
        ?? Answer.Of((StatusOf(state) & match.Statuses) != 0).NegateIf(match.Negated);

    internal static Answer Evaluate(ConntrackAddressMatch match, PacketSpec packet, PacketState state) =>
        BeforeAsking(match, match.IsCombinedWithState, packet, state)
        ?? Address(match, packet, state).NegateIf(match.Negated);

    internal static Answer Evaluate(ConntrackPortMatch match, PacketSpec packet, PacketState state) =>
        BeforeAsking(match, match.IsCombinedWithState, packet, state)
        ?? Port(match, packet, state).NegateIf(match.Negated);

    internal static Answer Evaluate(ConntrackProtocolMatch match, PacketSpec packet, PacketState state) =>
        Untracked(match.IsCombinedWithState, state)
        ?? Answer.Of(match.Protocol == packet.Protocol).NegateIf(match.Negated);

    internal static Answer Evaluate(ConntrackDirectionMatch match, PacketSpec packet, PacketState state) =>
        BeforeAsking(match, match.IsCombinedWithState, packet, state)
        ?? Answer.Of(match.Direction == ConntrackDirection.Original);

    internal static Answer Evaluate(ConntrackExpireMatch match, PacketSpec packet, PacketState state) =>
        BeforeAsking(match, match.IsCombinedWithState, packet, state)
        ?? Answer.Unknown(new EntryLifetime()).NegateIf(match.Negated);

    // xt_conntrack: for a packet without a connection every other condition is false, negated or not; but after a state condition
    // that matched, no other is evaluated.
    private static Answer? Untracked(bool isBesideState, PacketState state) =>
        state.Tracking == TrackState.Tracked ? null : Answer.Of(isBesideState);

    private static Answer? BeforeAsking(Match match, bool isBesideState, PacketSpec packet, PacketState state) =>
        Untracked(isBesideState, state)
        ?? (packet.State == ConntrackStates.New ? null : Answer.Unknown(new ConnectionHistory(HistoryTopic.Match, match)));

    /// <summary>
    /// An end of the connection's tuple: the original tuple is the packet as it came, the reply tuple is the packet as it is now, reversed.
    /// </summary>
    internal static (InetAddress Address, ushort? Port) End(
        ConntrackDirection direction, PacketSide side, PacketSpec packet, PacketState state) => (direction, side) switch
        {
            (ConntrackDirection.Original, PacketSide.Source) => (packet.Source, packet.SourcePort),
            (ConntrackDirection.Original, _) => (packet.Destination, packet.DestinationPort),
            (_, PacketSide.Source) => (state.Destination, state.DestinationPort),
            _ => (state.Source, state.SourcePort),
        };


    private static Answer Address(ConntrackAddressMatch match, PacketSpec packet, PacketState state)
    {
        InetAddress address = End(match.Direction, match.Side, packet, state).Address;
        return address.Family == IpFamily.None ? Answer.Unknown(new ConnectionHistory(HistoryTopic.Match, match))
            : Answer.Of(match.Prefix.Contains(address));
    }

    private static Answer Port(ConntrackPortMatch match, PacketSpec packet, PacketState state) =>
        End(match.Direction, match.Side, packet, state).Port is { } port
        ? Answer.Of(match.Ports.Contains(port)) : Answer.Unknown(new ConnectionHistory(HistoryTopic.Match, match));
}
