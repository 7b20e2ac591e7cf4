using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Answers;

/// <summary>A rule that the packet matches on its path.</summary>
/// <param name="Hook">The hook, in lower case.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Rule">The rule's number in its chain, from 1.</param>
/// <param name="Why">What the rule requires of the packet; empty when it takes every packet.</param>
/// <param name="What">What it does.</param>
/// <param name="Destination">The destination when the packet came to the rule.</param>
public sealed record ExplainedStepAnswer(string Hook, string Table, string Chain, int Rule, string Why, string What, string Destination)
{
    /// <summary>The answer for one step.</summary>
    public static ExplainedStepAnswer Of(ExplainedStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        return new ExplainedStepAnswer(
            step.Hook.ToLowerInvariant(), step.Place.Table.Name, step.Place.Chain.Name, step.Place.Index + 1,
            step.Why, step.What, step.Destination);
    }
}
