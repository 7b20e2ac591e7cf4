using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Descriptions of conditions need no context.</summary>
internal readonly record struct NoContext;

/// <summary>Conditions in words; a new kind fails to compile until it has a description.</summary>
internal sealed class ConditionDescriptions : IMatchVisitor<NoContext, string>
{
    internal static ConditionDescriptions Instance { get; } = new();

    public string Visit(ProtocolMatch match, in NoContext context) => Not(match.Negated) + match.Protocol.ToRuleText();

    public string Visit(AddressMatch match, in NoContext context) =>
        $"{Side(match.Side)} {Not(match.Negated)}" + (match.Prefix.Length == match.Prefix.Address.Length * 8
            ? match.Prefix.Address.ToString()
            : match.Prefix.ToString());

    public string Visit(MaskedAddressMatch match, in NoContext context) =>
        $"{Side(match.Side)} {Not(match.Negated)}{match.Value} with mask {match.Mask}";

    public string Visit(AddressRangeMatch match, in NoContext context) =>
        $"{Side(match.Side)} {Not(match.Negated)}{match.First} to {match.Last}";

    public string Visit(PortMatch match, in NoContext context)
    {
        string side = match.Side switch { PacketSide.Destination => "port", PacketSide.Source => "source port", _ => "either port" };
        return $"{side} {Not(match.Negated)}{string.Join(", ", match.Ports)}";
    }

    public string Visit(InterfaceMatch match, in NoContext context) =>
        $"{(match.Direction == InterfaceDirection.In ? "in" : "out")} via {Not(match.Negated)}{match.Name}{(match.IsPrefix ? "+" : "")}";

    public string Visit(PhysdevMatch match, in NoContext context) => match.Negated ? "not bridged" : "bridged";

    public string Visit(MarkMatch match, in NoContext context) => match.Value == match.Mask
        ? $"{(match.Kind == MarkKind.Packet ? "" : "connection ")}{(match.Negated ? "not marked" : "marked")} " +
        $"{RuleDescriptions.Hex(match.Value)}"
        : $"{(match.Kind == MarkKind.Packet ? "mark" : "connection mark")} " +
            $"{Not(match.Negated)}{RuleDescriptions.Hex(match.Value)}/{RuleDescriptions.Hex(match.Mask)}";

    public string Visit(AddressTypeMatch match, in NoContext context)
    {
        string types = match.Types == AddressTypes.Local ? "this node" : match.Types.ToString().ToLowerInvariant();
        return $"{Side(match.Side)} {(match.Negated ? "is not" : "is")} {types}";
    }

    public string Visit(StatisticRandomMatch match, in NoContext context) =>
        $"by chance {(match.Printed.Length > 0 ? match.Printed : match.Probability.ToString("0.#####", CultureInfo.InvariantCulture))}";

    public string Visit(StatisticNthMatch match, in NoContext context) =>
        $"every {match.Every.ToString(CultureInfo.InvariantCulture)}th packet";

    public string Visit(IpSetMatch match, in NoContext context) => $"{Not(match.Negated)}in ipset {match.Set}";

    public string Visit(RecentMatch match, in NoContext context)
    {
        if (match.Mode == RecentMode.Set)
            return "client is remembered";
        string time = match.Seconds is { } seconds ? $" in the last {seconds.ToString(CultureInfo.InvariantCulture)} s" : "";
        return $"client {Not(match.Negated)}seen{time}";
    }

    public string Visit(LimitMatch match, in NoContext context) => match.IsOver ? "above a limit" : "within a limit";

    public string Visit(IcmpMatch match, in NoContext context) =>
        $"{Not(match.Negated)}ICMP type {match.Type.ToString(CultureInfo.InvariantCulture)}";

    public string Visit(OwnerMatch match, in NoContext context) => match.Kind == OwnerKind.SocketExists
        ? $"{Not(match.Negated)}from a program on this node"
        : $"{Not(match.Negated)}from {(match.Kind == OwnerKind.User ? "user" : "group")} " +
            $"{match.First.ToString(CultureInfo.InvariantCulture)}";

    public string Visit(TcpFlagsMatch match, in NoContext context) =>
        Not(match.Negated) + (match.Value == TcpFlags.Syn ? "the first segment (SYN)" : $"TCP flags {match.Value}");

    public string Visit(TcpOptionMatch match, in NoContext context) =>
        $"{Not(match.Negated)}with TCP option {match.Option.ToString(CultureInfo.InvariantCulture)}";

    public string Visit(FragmentMatch match, in NoContext context) => Not(match.Negated) + "a later fragment";

    public string Visit(ConntrackStateMatch match, in NoContext context) =>
        $"connection {Not(match.Negated)}{match.States.ToString().ToLowerInvariant().Replace(", ", " or ", StringComparison.Ordinal)}";

    public string Visit(ConntrackStatusMatch match, in NoContext context) =>
        $"connection status {Not(match.Negated)}{match.Statuses.ToString().ToLowerInvariant()}";

    public string Visit(ConntrackAddressMatch match, in NoContext context) =>
        $"{Direction(match.Direction)} {Side(match.Side)} {Not(match.Negated)}{match.Prefix}";

    public string Visit(ConntrackPortMatch match, in NoContext context) =>
        $"{Direction(match.Direction)} {Side(match.Side)} port {Not(match.Negated)}{match.Ports}";

    public string Visit(ConntrackProtocolMatch match, in NoContext context) =>
        $"connection's protocol {Not(match.Negated)}{match.Protocol.ToRuleText()}";

    public string Visit(ConntrackDirectionMatch match, in NoContext context) =>
        $"in the connection's {Direction(match.Direction)} direction";

    public string Visit(ConntrackExpireMatch match, in NoContext context) => string.Create(CultureInfo.InvariantCulture,
        $"connection {Not(match.Negated)}expires in {match.FirstSeconds} to {match.LastSeconds} s");

    // It only counts; every packet matches.
    public string Visit(AccountingMatch match, in NoContext context) => string.Empty;

    public string Visit(UnmodelledMatch match, in NoContext context) => match.Text;

    public string Visit(RelationalMatch match, in NoContext context) => Relation(match);

    private static string Direction(ConntrackDirection direction) => direction == ConntrackDirection.Original ? "original" : "reply";

    private static string Relation(RelationalMatch relation)
    {
        string left = ExpressionDescriptions.Of(relation.Left);
        string right = ExpressionDescriptions.Of(relation.Right);
        bool isSet = relation.Right is SetReference or AnonymousSet;
        return relation switch
        {
            { Left: FibExpression fib, Right: NumberValue { Value: 2 } } =>
                $"{((fib.Keys & FibKeys.SourceAddress) != 0 ? "source" : "destination")} " +
                $"{(relation.Operator == RelationalOperator.NotEqual ? "is not" : "is")} this node",
            { Left: SelectorExpression { Field: PacketField.CtState }, Right: NumberValue states } =>
                $"connection {((ConntrackStates)states.Value).ToString().ToLowerInvariant()}",
            { Left: SelectorExpression { Field: PacketField.CtStatus }, Right: NumberValue statuses } =>
                $"connection {((ConntrackStatuses)statuses.Value).ToString().ToLowerInvariant()}",
            {
                Left: BitwiseExpression
                {
                    Operator: BitwiseOperator.And, Left: SelectorExpression { Field: PacketField.MetaMark },
                    Right: NumberValue bits
                },
                Operator: RelationalOperator.Equal or RelationalOperator.NotEqual,
                Right: NumberValue { Value: 0 }
            } => $"{(relation.Operator == RelationalOperator.NotEqual ? "marked" : "not marked")} {RuleDescriptions.Hex((uint)bits.Value)}",
            {
                Left: SelectorExpression { Field: PacketField.MetaL4Proto }, Operator: RelationalOperator.Equal,
                Right: NumberValue number
            } => ((IpProtocol)number.Value).ToRuleText(),
            _ => relation.Operator switch
            {
                RelationalOperator.Equal => $"{left} {(isSet ? "in " : "")}{right}",
                RelationalOperator.NotEqual => $"{left} not {(isSet ? "in " : "")}{right}",
                RelationalOperator.Less => $"{left} below {right}",
                RelationalOperator.LessOrEqual => $"{left} at most {right}",
                RelationalOperator.Greater => $"{left} above {right}",
                RelationalOperator.GreaterOrEqual => $"{left} at least {right}",
                RelationalOperator.AnyBit => $"{left} has {right}",
                _ => $"{left} lacks {right}",
            },
        };
    }

    private static string Not(bool negated) => negated ? "not " : string.Empty;

    private static string Side(PacketSide side) => side == PacketSide.Source ? "source" : "destination";
}
