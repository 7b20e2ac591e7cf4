using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>
/// Translates what nft prints for rules of iptables-nft back to iptables' statements, so that rules are the same whichever tool listed
/// them. What has no equivalent stays as nft prints it.
/// </summary>
internal static class IptablesWords
{
    // xt_statistic compares a random number of 31 bits (xt_statistic.c).
    private const ulong RandomBits = 0x7fffffff;

    /// <summary>Adds the statements that correspond to one of nft's.</summary>
    /// <param name="statement">A statement as nft prints it.</param>
    /// <param name="statements">The rule's statements so far.</param>
    public static void Add(Statement statement, List<Statement> statements)
    {
        switch (statement)
        {
            // A match without effect, printed by an nft that cannot show its content.
            case UnmodelledStatement { Text: "xt match comment" }:
                break;
            case UnmodelledStatement { Name: var name, Text: var text } when text.StartsWith("xt match ", StringComparison.Ordinal):
                statements.Add(new UnmodelledMatch(name, text));
                break;
            case RelationalMatch match when Match(match, statements) is { } translated:
                statements.Add(translated);
                break;
            case AssignStatement { Target.Field: PacketField.MetaMark } assign when Mark(assign.Value) is { } mark:
                statements.Add(mark);
                break;
            default:
                statements.Add(statement);
                break;
        }
    }

    private static Match? Match(RelationalMatch match, List<Statement> statements)
    {
        bool negated = match.Operator == RelationalOperator.NotEqual;
        return match switch
        {
            {
                Left: BitwiseExpression
                {
                    Operator: BitwiseOperator.And, Left: SelectorExpression { Field: PacketField.MetaRandom },
                    Right: NumberValue { Value: RandomBits }
                },
                Operator: RelationalOperator.Less or RelationalOperator.GreaterOrEqual,
                Right: NumberValue { Value: <= 1UL << 31 and var threshold }
            } => Random((uint)threshold, match.Operator == RelationalOperator.GreaterOrEqual),
            { Operator: not (RelationalOperator.Equal or RelationalOperator.NotEqual) } => null,
            {
                Left: BitwiseExpression
                {
                    Operator: BitwiseOperator.And, Left: SelectorExpression { Field: PacketField.MetaMark },
                    Right: NumberValue { Value: <= uint.MaxValue and var mask }
                },
                Right: NumberValue { Value: <= uint.MaxValue and var value }
            } => new MarkMatch(MarkKind.Packet, (uint)value, (uint)mask, negated),
            { Left: SelectorExpression { Field: PacketField.MetaMark }, Right: NumberValue { Value: <= uint.MaxValue and var value } } =>
                new MarkMatch(MarkKind.Packet, (uint)value, uint.MaxValue, negated),
            {
                Left: SelectorExpression { Field: PacketField.MetaL4Proto or PacketField.IpProtocol },
                Right: NumberValue { Value: <= byte.MaxValue and var protocol }
            } => new ProtocolMatch((IpProtocol)protocol, negated),
            { Left: SelectorExpression { Field: PacketField.IpSource or PacketField.Ip6Source } } when Prefix(match.Right) is { } prefix =>
                new AddressMatch(PacketSide.Source, prefix, negated),
            { Left: SelectorExpression { Field: PacketField.IpDestination or PacketField.Ip6Destination } }
                when Prefix(match.Right) is { } prefix => new AddressMatch(PacketSide.Destination, prefix, negated),
            { Left: SelectorExpression { Field: PacketField.MetaInInterface, Direction: null }, Right: NameValue name } =>
                new InterfaceMatch(InterfaceDirection.In, name.Text, name.IsPrefix, negated),
            { Left: SelectorExpression { Field: PacketField.MetaOutInterface, Direction: null }, Right: NameValue name } =>
                new InterfaceMatch(InterfaceDirection.Out, name.Text, name.IsPrefix, negated),
            // RTN_LOCAL of linux/rtnetlink.h is 2, XT_ADDRTYPE_LOCAL the bit of that number.
            { Left: FibExpression { Result: FibResult.Type, Keys: FibKeys.DestinationAddress }, Right: NumberValue { Value: 2 } } =>
                new AddressTypeMatch(PacketSide.Destination, AddressTypes.Local, null, negated),
            { Left: FibExpression { Result: FibResult.Type, Keys: FibKeys.SourceAddress }, Right: NumberValue { Value: 2 } } =>
                new AddressTypeMatch(PacketSide.Source, AddressTypes.Local, null, negated),
            { Left: SelectorExpression port } when Port(port.Field) is { } known && Ports(match.Right) is { Count: > 0 } ports =>
                PortOf(known.Protocol, known.Side, [.. ports], negated, statements),
            _ => null,
        };
    }

    /// <summary>The port of a protocol implies the protocol: nft omits what iptables writes as -p.</summary>
    private static PortMatch PortOf(IpProtocol protocol, PacketSide side, EquatableArray<PortRange> ports, bool negated,
        List<Statement> statements)
    {
        if (!statements.Exists(statement => statement is ProtocolMatch { Negated: false } known && known.Protocol == protocol))
            statements.Add(new ProtocolMatch(protocol));
        return new PortMatch(side, ports, negated);
    }

    private static (IpProtocol Protocol, PacketSide Side)? Port(PacketField field) => field switch
    {
        PacketField.TcpSourcePort => (IpProtocol.Tcp, PacketSide.Source),
        PacketField.TcpDestinationPort => (IpProtocol.Tcp, PacketSide.Destination),
        PacketField.UdpSourcePort => (IpProtocol.Udp, PacketSide.Source),
        PacketField.UdpDestinationPort => (IpProtocol.Udp, PacketSide.Destination),
        PacketField.SctpSourcePort => (IpProtocol.Sctp, PacketSide.Source),
        PacketField.SctpDestinationPort => (IpProtocol.Sctp, PacketSide.Destination),
        _ => null,
    };

    private static List<PortRange>? Ports(Expression expression)
    {
        switch (expression)
        {
            case NumberValue { Value: <= ushort.MaxValue and var port }:
                return [new((ushort)port, (ushort)port)];
            case RangeValue
            {
                First: NumberValue { Value: <= ushort.MaxValue and var first },
                Last: NumberValue { Value: <= ushort.MaxValue and var last }
            }:
                return [new((ushort)first, (ushort)last)];
            case AnonymousSet { IsMap: false } set:
                var all = new List<PortRange>();
                foreach (SetElement element in set.Elements)
                {
                    if (element.Key is AnonymousSet || Ports(element.Key) is not { } some)
                        return null;
                    all.AddRange(some);
                }
                return all;
            default:
                return null;
        }
    }

    private static InetPrefix? Prefix(Expression expression) => expression switch
    {
        AddressValue address => InetPrefix.Host(address.Address),
        PrefixValue prefix => prefix.Prefix,
        _ => null,
    };

    private static StatisticRandomMatch Random(uint threshold, bool negated) =>
        new(threshold, (threshold / (double)(RandomBits + 1)).ToString("0.00000000000", CultureInfo.InvariantCulture), negated);

    private static MarkStatement? Mark(Expression value) => value switch
    {
        NumberValue { Value: <= uint.MaxValue and var set } => new((uint)set, uint.MaxValue),
        BitwiseExpression
        {
            Left: SelectorExpression { Field: PacketField.MetaMark },
            Right: NumberValue { Value: <= uint.MaxValue and var bits }
        }
            bitwise => bitwise.Operator switch
            {
                BitwiseOperator.Or => new((uint)bits, (uint)bits),
                BitwiseOperator.Xor => new((uint)bits, 0),
                BitwiseOperator.And => new(0, ~(uint)bits),
                _ => null,
            },
        // "meta mark and 0xff xor 0x1": how nft prints --set-xmark.
        BitwiseExpression
        {
            Operator: BitwiseOperator.Xor,
            Left: BitwiseExpression
            {
                Operator: BitwiseOperator.And, Left: SelectorExpression { Field: PacketField.MetaMark },
                Right: NumberValue { Value: <= uint.MaxValue and var kept }
            },
            Right: NumberValue { Value: <= uint.MaxValue and var flipped }
        } => new((uint)flipped, ~(uint)kept),
        _ => null,
    };
}
