using System.Diagnostics;
using System.Globalization;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>nf_tables expressions in words.</summary>
internal static class ExpressionDescriptions
{
    internal static string Of(Expression expression) => expression switch
    {
        SelectorExpression selector => Selector(selector),
        ConcatExpression concat => string.Join(" . ", concat.Parts.Select(Of)),
        BitwiseExpression bitwise => $"{Of(bitwise.Left)} {Sign(bitwise.Operator)} {Of(bitwise.Right)}",
        MapExpression { Key: NumgenExpression numgen, Map: AnonymousSet } =>
            $"one of {numgen.Modulus.ToString(CultureInfo.InvariantCulture)} by a random number",
        MapExpression map => $"the entry of {Of(map.Key)} in {Of(map.Map)}",
        FibExpression fib => (fib.Keys & FibKeys.SourceAddress) != 0 ? "the source's kind of address" : "the destination's kind of address",
        NumgenExpression { Modulus: 1 } numgen => $"index {numgen.Offset.ToString(CultureInfo.InvariantCulture)}",
        NumgenExpression numgen => $"a random number below {numgen.Modulus.ToString(CultureInfo.InvariantCulture)}",
        HashExpression hash => hash.Operand is null ? "a hash of the connection" : $"a hash of {Of(hash.Operand)}",
        NumberValue number => number.Value > 0xffff ? string.Create(CultureInfo.InvariantCulture, $"0x{number.Value:x}")
            : number.Value.ToString(CultureInfo.InvariantCulture),
        AddressValue address => address.Address.ToString(),
        PrefixValue prefix => prefix.Prefix.ToString(),
        RangeValue range => $"{Of(range.First)} to {Of(range.Last)}",
        NameValue name => name.Text + (name.IsPrefix ? "*" : ""),
        SetReference reference => "@" + reference.Name,
        AnonymousSet { Elements.Length: <= 4 } set => "{ " + string.Join(", ", set.Elements.Select(element => Of(element.Key))) + " }",
        AnonymousSet set => $"a set of {set.Elements.Length.ToString(CultureInfo.InvariantCulture)}",
        VerdictValue verdict => verdict.Verdict.Chain ?? verdict.Verdict.Kind.ToString(),
        UnmodelledExpression unmodelled => unmodelled.Text,
        CatchAllValue => "*",
        _ => throw new UnreachableException($"{expression.GetType().Name} has no description"),
    };

    private static string Selector(SelectorExpression selector) => selector.Field switch
    {
        PacketField.IpSource or PacketField.Ip6Source => "source",
        PacketField.IpDestination or PacketField.Ip6Destination => "destination",
        PacketField.MetaL4Proto or PacketField.IpProtocol => "protocol",
        PacketField.TransportDestinationPort or PacketField.TcpDestinationPort or PacketField.UdpDestinationPort
            or PacketField.SctpDestinationPort => "port",
        PacketField.TransportSourcePort or PacketField.TcpSourcePort or PacketField.UdpSourcePort => "source port",
        PacketField.MetaMark => "mark",
        PacketField.MetaPriority => "priority",
        PacketField.CtMark => "connection mark",
        PacketField.MetaInInterface or PacketField.MetaInInterfaceIndex => "incoming interface",
        PacketField.MetaOutInterface or PacketField.MetaOutInterfaceIndex => "outgoing interface",
        PacketField.CtIpDestination or PacketField.CtIp6Destination => "original destination",
        _ => selector.Field.ToString(),
    };

    private static string Sign(BitwiseOperator bitwise) => bitwise switch
    {
        BitwiseOperator.And => "&",
        BitwiseOperator.Or => "|",
        BitwiseOperator.Xor => "^",
        BitwiseOperator.ShiftLeft => "<<",
        _ => ">>",
    };
}
