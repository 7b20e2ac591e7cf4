using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>A packet at a rule.</summary>
/// <param name="State">The packet as it is now.</param>
/// <param name="Place">The rule.</param>
internal readonly record struct MatchContext(PacketState State, RuleRef Place);

/// <summary>Decides every kind of condition for a packet; a new kind fails to compile until it is handled here.</summary>
internal sealed class MatchDecider(MatchEvaluator conditions, RelationEvaluator relations) : IMatchVisitor<MatchContext, Answer>
{
    internal Answer Evaluate(Match match, PacketState state, RuleRef place) => match.Accept(this, new MatchContext(state, place));

    public Answer Visit(ProtocolMatch match, in MatchContext context) =>
        Answer.Of(match.Protocol == conditions.Packet.Protocol).NegateIf(match.Negated);

    public Answer Visit(AddressMatch match, in MatchContext context) =>
        MatchEvaluator.Address(context.State, match.Side, match.Prefix.Contains, match).NegateIf(match.Negated);

    public Answer Visit(MaskedAddressMatch match, in MatchContext context) =>
        MatchEvaluator.Address(context.State, match.Side, value => MatchEvaluator.IsMasked(value, match), match).NegateIf(match.Negated);

    public Answer Visit(AddressRangeMatch match, in MatchContext context) =>
        MatchEvaluator.Address(context.State, match.Side,
        value => value.Family == match.First.Family && value >= match.First && value <= match.Last, match).NegateIf(match.Negated);

    public Answer Visit(PortMatch match, in MatchContext context) => conditions.Ports(match, context.State);

    public Answer Visit(InterfaceMatch match, in MatchContext context) => MatchEvaluator.Interface(match, context.State);

    // Bridged packets belong to the bridge's tables; a routed packet has no bridge ports.
    public Answer Visit(PhysdevMatch match, in MatchContext context) => Answer.No.NegateIf(match.Negated);

    public Answer Visit(MarkMatch match, in MatchContext context) => MatchEvaluator.MarkIs(match, context.State).NegateIf(match.Negated);

    public Answer Visit(AddressTypeMatch match, in MatchContext context) => conditions.AddressType(match, context.State);

    public Answer Visit(StatisticRandomMatch match, in MatchContext context) => Answer.Chance(match.Probability);

    // Which packet matches depends on those before; over many packets it is one in n.
    public Answer Visit(StatisticNthMatch match, in MatchContext context) =>
        Answer.Chance(1.0 / Math.Max(1, match.Every)).NegateIf(match.Negated);

    public Answer Visit(IpSetMatch match, in MatchContext context) =>
        conditions.IpSets.Contains(match, context.State).NegateIf(match.Negated);

    public Answer Visit(RecentMatch match, in MatchContext context) => conditions.Recent.Evaluate(match, context.State);

    public Answer Visit(LimitMatch match, in MatchContext context) => MatchEvaluator.Limit(match, context.Place);

    public Answer Visit(IcmpMatch match, in MatchContext context) => conditions.Icmp(match);

    public Answer Visit(OwnerMatch match, in MatchContext context) => conditions.Owner(match);

    public Answer Visit(TcpFlagsMatch match, in MatchContext context) =>
        conditions.Packet is { Protocol: IpProtocol.Tcp, IsLaterFragment: false }
            ? Answer.Of((conditions.Packet.TcpFlags & match.Mask) == match.Value).NegateIf(match.Negated)
            : Answer.No;

    public Answer Visit(TcpOptionMatch match, in MatchContext context) =>
        conditions.Packet is { Protocol: IpProtocol.Tcp, IsLaterFragment: false }
            ? Answer.Unknown(new TcpOptionPresence(match.Option)).NegateIf(match.Negated)
            : Answer.No;

    // This match ignores the first fragment, and a packet is whole unless its specification says otherwise.
    public Answer Visit(FragmentMatch match, in MatchContext context) =>
        Answer.Of(conditions.Packet.IsLaterFragment).NegateIf(match.Negated);

    public Answer Visit(AccountingMatch match, in MatchContext context) => Answer.Yes;

    public Answer Visit(UnmodelledMatch match, in MatchContext context) =>
        Answer.Unknown(new UnmodelledCondition(context.Place, match.Text));

    public Answer Visit(ConntrackStateMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(ConntrackStatusMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(ConntrackAddressMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(ConntrackPortMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(ConntrackProtocolMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(ConntrackDirectionMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(ConntrackExpireMatch match, in MatchContext context) =>
        ConntrackFacts.Evaluate(match, conditions.Packet, context.State);

    public Answer Visit(RelationalMatch match, in MatchContext context) =>
        relations.Evaluate(match, context.State, context.Place);
}
