using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Rules that are found to be incomplete after they were read.</summary>
internal static class RuleCopies
{
    /// <summary>The same rule with one more gap.</summary>
    public static Rule With(this Rule rule, RuleGaps gap) => new()
    {
        Statements = rule.Statements,
        Comment = rule.Comment,
        Counters = rule.Counters,
        Handle = rule.Handle,
        Source = rule.Source,
        Gaps = rule.Gaps | gap,
    };
}
