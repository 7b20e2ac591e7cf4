using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Rules in words: their conditions, and what they do.</summary>
internal static class RuleDescriptions
{
    internal static string Conditions(Rule rule)
    {
        var words = new List<string>();
        foreach (Statement statement in rule.Statements)
        {
            if (statement is Match match && Condition(match) is { Length: > 0 } text)
                words.Add(text);
        }
        return string.Join(", ", words);
    }

    internal static string Condition(Match match) => match switch
    {
        ProtocolMatch protocol => Not(protocol.Negated) + protocol.Protocol.ToRuleText(),
        AddressMatch address => $"{Side(address.Side)} {Not(address.Negated)}{(address.Prefix.Length == address.Prefix.Address.Length * 8 ? address.Prefix.Address.ToString() : address.Prefix.ToString())}",
        MaskedAddressMatch masked => $"{Side(masked.Side)} {Not(masked.Negated)}{masked.Value} under mask {masked.Mask}",
        AddressRangeMatch range => $"{Side(range.Side)} {Not(range.Negated)}{range.First} to {range.Last}",
        PortMatch ports => $"{(ports.Side == PacketSide.Destination ? "port" : ports.Side == PacketSide.Source ? "source port" : "either port")} {Not(ports.Negated)}{string.Join(", ", ports.Ports)}",
        InterfaceMatch device => $"{(device.Direction == InterfaceDirection.In ? "in by" : "out by")} {Not(device.Negated)}{device.Name}{(device.IsPrefix ? "+" : "")}",
        PhysdevMatch physdev => physdev.Negated ? "not bridged" : "bridged",
        MarkMatch { Value: var value, Mask: var mask } mark when value == mask => $"{Marked(mark)} {Hex(value)}",
        MarkMatch mark => $"{(mark.Kind == MarkKind.Packet ? "mark" : "connection mark")} {Not(mark.Negated)}{Hex(mark.Value)}/{Hex(mark.Mask)}",
        AddressTypeMatch type => $"{Side(type.Side)} {(type.Negated ? "is not" : "is")} {(type.Types == AddressTypes.Local ? "this node" : type.Types.ToString().ToLowerInvariant())}",
        StatisticRandomMatch random => $"by chance {(random.Printed.Length > 0 ? random.Printed : random.Probability.ToString("0.#####", CultureInfo.InvariantCulture))}",
        StatisticNthMatch nth => $"every {nth.Every.ToString(CultureInfo.InvariantCulture)}th packet",
        IpSetMatch set => $"{Not(set.Negated)}in ipset {set.Set}",
        RecentMatch { Mode: RecentMode.Set } => "client is remembered",
        RecentMatch recent => $"client {(recent.Negated ? "not " : "")}seen{(recent.Seconds is { } seconds ? $" in the last {seconds.ToString(CultureInfo.InvariantCulture)} s" : "")}",
        LimitMatch limit => limit.IsOver ? "above a limit" : "within a limit",
        IcmpMatch icmp => $"{Not(icmp.Negated)}ICMP type {icmp.Type.ToString(CultureInfo.InvariantCulture)}",
        OwnerMatch owner => $"{Not(owner.Negated)}from {(owner.Kind == OwnerKind.User ? "user" : "group")} {owner.First.ToString(CultureInfo.InvariantCulture)}",
        TcpFlagsMatch { Value: TcpFlags.Syn } flags => Not(flags.Negated) + "the first segment (SYN)",
        TcpFlagsMatch flags => $"{Not(flags.Negated)}TCP flags {flags.Value}",
        FragmentMatch fragment => Not(fragment.Negated) + "a later fragment",
        ConntrackStateMatch state => $"connection {Not(state.Negated)}{state.States.ToString().ToLowerInvariant().Replace(", ", " or ", StringComparison.Ordinal)}",
        ConntrackStatusMatch status => $"connection status {Not(status.Negated)}{status.Statuses.ToString().ToLowerInvariant()}",
        ConntrackAddressMatch address => $"original {Side(address.Side)} {Not(address.Negated)}{address.Prefix}",
        AccountingMatch => "",
        UnmodelledMatch unmodelled => unmodelled.Text,
        RelationalMatch relation => Relation(relation),
        _ => match.GetType().Name,
    };

    /// <summary>What a rule does, in words that follow "the rule"; the guide names chains.</summary>
    internal static string Action(Rule rule, ChainGuide guide)
    {
        var words = new List<string>();
        foreach (Statement statement in rule.Statements)
        {
            if (statement is not Match && Action(statement, guide) is { Length: > 0 } text)
                words.Add(text);
        }
        return words.Count == 0 ? "counts the packet and lets it go on" : string.Join("; ", words);
    }

    private static string Action(Statement statement, ChainGuide guide) => statement switch
    {
        VerdictStatement verdict => VerdictDescriptions(verdict.Verdict, guide),
        RejectStatement reject => $"refuses the packet ({RejectDescriptions.Of(reject.With)})",
        NatStatement nat => Translation(nat),
        NetmapStatement netmap => $"exchanges the network part of the address for {netmap.Prefix}",
        MarkStatement { Value: var value, Mask: var mask } when value == mask && value != 0 => $"marks the packet {Hex(value)}",
        MarkStatement { Mask: 0 } mark => $"flips the mark {Hex(mark.Value)}",
        MarkStatement mark => $"sets the mark to {Hex(mark.Value)} under {Hex(mark.Mask)}",
        ConnmarkStatement connmark => $"{(connmark.Operation == ConnmarkOperation.Restore ? "restores" : "sets")} the connection's mark",
        NotrackStatement => "tells conntrack to ignore the packet",
        LogStatement => "writes to the log",
        TraceStatement => "asks the kernel to trace the packet",
        VerdictMapStatement { Key: NumgenExpression numgen } => $"picks one of {numgen.Modulus.ToString(CultureInfo.InvariantCulture)} by a random number",
        VerdictMapStatement map => $"looks up {ExpressionDescriptions.Of(map.Key)} in {ExpressionDescriptions.Of(map.Map)}",
        AssignStatement { Target.Field: PacketField.MetaMark, Value: BitwiseExpression { Operator: BitwiseOperator.Or, Right: NumberValue bits } } =>
            $"marks the packet {Hex((uint)bits.Value)}",
        AssignStatement { Target.Field: PacketField.MetaMark, Value: BitwiseExpression { Operator: BitwiseOperator.Xor, Right: NumberValue bits } } =>
            $"takes the mark {Hex((uint)bits.Value)} off",
        AssignStatement assign => $"sets {ExpressionDescriptions.Of(assign.Target)} to {ExpressionDescriptions.Of(assign.Value)}",
        SetUpdateStatement update => $"remembers {ExpressionDescriptions.Of(update.Key)} in @{update.Set}",
        UnmodelledStatement unmodelled => unmodelled.Text,
        _ => string.Empty,
    };

    internal static string VerdictDescriptions(Verdict verdict, ChainGuide guide) => verdict.Kind switch
    {
        VerdictKind.Accept => "accepts the packet in this table",
        VerdictKind.Drop => "drops the packet",
        VerdictKind.Return => "goes back to the calling chain",
        VerdictKind.Queue => "hands the packet to a program in user space",
        VerdictKind.Jump or VerdictKind.Goto => guide.PurposeOf(verdict.Chain!) is { } purpose
            ? $"goes to {verdict.Chain}, which {purpose}"
            : $"goes to {verdict.Chain}",
        _ => "goes on",
    };

    internal static string Hex(uint value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Translation(NatStatement nat)
    {
        string target = nat.Operand is not null ? ExpressionDescriptions.Of(nat.Operand)
            : nat.Range is { HasAddress: true } range
                ? range.First == range.Last && range.FirstPort != 0 ? new InetEndpoint(range.First, range.FirstPort).ToString() : $"{range.First}{(range.First == range.Last ? "" : $" to {range.Last}")}"
                : nat.Range is { HasPorts: true } ports ? $"port {ports.FirstPort.ToString(CultureInfo.InvariantCulture)}" : string.Empty;
        return nat.Kind switch
        {
            NatKind.Destination => $"translates the destination to {target}",
            NatKind.Source => $"translates the source to {target}",
            NatKind.Redirect => $"redirects the packet to this node{(target.Length > 0 ? $", {target}" : "")}",
            _ => "masquerades: the source becomes this node's address on the way out",
        };
    }

    private static string Relation(RelationalMatch relation)
    {
        string left = ExpressionDescriptions.Of(relation.Left);
        string right = ExpressionDescriptions.Of(relation.Right);
        bool isSet = relation.Right is SetReference or AnonymousSet;
        return relation switch
        {
            { Left: FibExpression fib, Right: NumberValue { Value: 2 } } =>
                $"{((fib.Keys & FibKeys.SourceAddress) != 0 ? "source" : "destination")} {(relation.Operator == RelationalOperator.NotEqual ? "is not" : "is")} this node",
            { Left: SelectorExpression { Field: PacketField.CtState }, Right: NumberValue states } =>
                $"connection {((ConntrackStates)states.Value).ToString().ToLowerInvariant()}",
            { Left: SelectorExpression { Field: PacketField.CtStatus }, Right: NumberValue statuses } =>
                $"connection {((ConntrackStatuses)statuses.Value).ToString().ToLowerInvariant()}",
            {
                Left: BitwiseExpression { Operator: BitwiseOperator.And, Left: SelectorExpression { Field: PacketField.MetaMark }, Right: NumberValue bits },
                Operator: RelationalOperator.Equal or RelationalOperator.NotEqual,
                Right: NumberValue { Value: 0 }
            } => $"{(relation.Operator == RelationalOperator.NotEqual ? "marked" : "not marked")} {Hex((uint)bits.Value)}",
            { Left: SelectorExpression { Field: PacketField.MetaL4Proto }, Operator: RelationalOperator.Equal, Right: NumberValue number } => ((IpProtocol)number.Value).ToRuleText(),
            _ => relation.Operator switch
            {
                RelationalOperator.Equal => $"{left} {(isSet ? "in " : "")}{right}",
                RelationalOperator.NotEqual => $"{left} not {(isSet ? "in " : "")}{right}",
                RelationalOperator.Less => $"{left} below {right}",
                RelationalOperator.LessOrEqual => $"{left} at most {right}",
                RelationalOperator.Greater => $"{left} above {right}",
                RelationalOperator.GreaterOrEqual => $"{left} at least {right}",
                RelationalOperator.AnyBit => $"{left} has {right}",
                _ => $"{left} has not {right}",
            },
        };
    }

    private static string Marked(MarkMatch mark) =>
        (mark.Kind == MarkKind.Packet ? "" : "connection ") + (mark.Negated ? "not marked" : "marked");

    private static string Not(bool negated) => negated ? "not " : string.Empty;

    private static string Side(PacketSide side) => side == PacketSide.Source ? "source" : "destination";
}
