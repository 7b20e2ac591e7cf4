using System.Diagnostics;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
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

    internal static string Condition(Match match) => match.Accept(ConditionDescriptions.Instance, default(NoContext));

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
        RejectStatement reject => $"rejects the packet ({RejectText.Of(reject.With)})",
        NatStatement nat => Translation(nat),
        NetmapStatement netmap => $"replaces the network part of the address with {netmap.Prefix}",
        MarkStatement { Value: var value, Mask: var mask } when value == mask && value != 0 => $"marks the packet {Hex(value)}",
        MarkStatement { Mask: 0 } mark => $"flips the mark {Hex(mark.Value)}",
        MarkStatement mark => $"sets the mark to {Hex(mark.Value)} with mask {Hex(mark.Mask)}",
        ConnmarkStatement connmark => $"{(connmark.Operation == ConnmarkOperation.Restore ? "restores" : "sets")} the connection's mark",
        NotrackStatement => "tells conntrack to ignore the packet",
        LogStatement => "writes to the log",
        TraceStatement => "asks the kernel to trace the packet",
        VerdictMapStatement { Key: NumgenExpression numgen } =>
            $"picks one of {numgen.Modulus.ToString(CultureInfo.InvariantCulture)} by a random number",
        VerdictMapStatement map => $"looks up {ExpressionDescriptions.Of(map.Key)} in {ExpressionDescriptions.Of(map.Map)}",
        AssignStatement
        {
            Target.Field: PacketField.MetaMark,
            Value: BitwiseExpression { Operator: BitwiseOperator.Or, Right: NumberValue bits }
        } =>
            $"marks the packet {Hex((uint)bits.Value)}",
        AssignStatement
        {
            Target.Field: PacketField.MetaMark,
            Value: BitwiseExpression { Operator: BitwiseOperator.Xor, Right: NumberValue bits }
        } =>
            $"clears the mark {Hex((uint)bits.Value)}",
        AssignStatement assign => $"sets {ExpressionDescriptions.Of(assign.Target)} to {ExpressionDescriptions.Of(assign.Value)}",
        SetUpdateStatement update => $"remembers {ExpressionDescriptions.Of(update.Key)} in @{update.Set}",
        UnmodelledStatement unmodelled => unmodelled.Text,
        // They do nothing that matters for a packet's path.
        ConntrackTemplateStatement or NamedCounterStatement => string.Empty,
        _ => throw new UnreachableException($"{statement.GetType().Name} has no description"),
    };

    internal static string VerdictDescriptions(Verdict verdict, ChainGuide guide) => verdict.Kind switch
    {
        VerdictKind.Accept => "accepts the packet in this table",
        VerdictKind.Drop => "drops the packet",
        VerdictKind.Return => "returns to the calling chain",
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
                ? range.First == range.Last && range.FirstPort != 0 ? new InetEndpoint(range.First, range.FirstPort)
                .ToString() : $"{range.First}{(range.First == range.Last ? "" : $" to {range.Last}")}"
                : nat.Range is { HasPorts: true } ports ? $"port {ports.FirstPort.ToString(CultureInfo.InvariantCulture)}" : string.Empty;
        return nat.Kind switch
        {
            NatKind.Destination => $"translates the destination to {target}",
            NatKind.Source => $"translates the source to {target}",
            NatKind.Redirect => $"redirects the packet to this node{(target.Length > 0 ? $", {target}" : "")}",
            _ => "masquerades: the source becomes this node's address on the way out",
        };
    }
}
