using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Whether rules make the kernel track connections: only then does it reassemble fragments before any rule sees them, and only then do
/// packets pass through nat chains at all. A nat chain by itself does not require it; its translation statements do
/// (nf_ct_netns_get).
/// </summary>
internal static class ConntrackUse
{
    internal static bool IsIn(Ruleset ruleset, IpFamily family) => ruleset.Tables
        .Where(table => !table.IsDormant
        && (table.Family == (family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6) || table.Family == TableFamily.Inet))
        .SelectMany(table => table.Chains)
        .Any(chain => chain.Rules.Any(rule => rule.Statements.Any(Needs)));

    private static bool Needs(Statement statement) => statement switch
    {
        ConntrackStateMatch or ConntrackMatch or ConntrackDirectionMatch or MarkMatch { Kind: MarkKind.Connection } or ConnmarkStatement
            or NotrackStatement or ConntrackTemplateStatement or NatStatement or NetmapStatement => true,
        RelationalMatch relation => Needs(relation.Left) || Needs(relation.Right),
        VerdictMapStatement map => Needs(map.Key) || Needs(map.Map),
        AssignStatement assign => Needs(assign.Target) || Needs(assign.Value),
        SetUpdateStatement update => Needs(update.Key) || (update.Data is { } data && Needs(data)),
        // Unmodelled statements may need it.
        UnmodelledMatch or UnmodelledStatement => true,
        _ => false,
    };

    private static bool Needs(Expression expression) => expression switch
    {
        SelectorExpression selector => selector.Field is >= PacketField.CtState and <= PacketField.CtId,
        ConcatExpression concat => concat.Parts.Any(Needs),
        BitwiseExpression bitwise => Needs(bitwise.Left) || Needs(bitwise.Right),
        MapExpression map => Needs(map.Key) || Needs(map.Map),
        HashExpression { Operand: { } operand } => Needs(operand),
        UnmodelledExpression => true,
        _ => false,
    };
}
