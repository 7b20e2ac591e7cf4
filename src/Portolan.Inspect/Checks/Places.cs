using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>References to the rules of a table.</summary>
internal static class Places
{
    internal static IEnumerable<RuleRef> Of(RuleTable table) => table.Chains.SelectMany(chain => Of(table, chain));

    internal static IEnumerable<RuleRef> Of(RuleTable table, Chain chain) =>
        Enumerable.Range(0, chain.Rules.Length).Select(index => new RuleRef(table, chain, index));

    /// <summary>The chains that packets of a hook can reach, by jumps, gotos and verdict maps of the table.</summary>
    internal static HashSet<string> Reachable(RuleTable table, Hook hook)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Stack<Chain>(table.Chains.Where(chain => chain.Base?.Hook == hook));
        while (waiting.TryPop(out Chain? chain))
        {
            if (!reached.Add(chain.Name))
                continue;
            foreach (string target in chain.Rules.SelectMany(rule => ChainTargets.Of(table, rule)))
            {
                if (table.FindChain(target) is { } next)
                    waiting.Push(next);
            }
        }
        return reached;
    }
}

/// <summary>The chains that a rule may send packets to.</summary>
internal static class ChainTargets
{
    internal static IEnumerable<string> Of(RuleTable table, Rule rule) => InRule(rule).Concat(InMaps(table, rule));

    /// <summary>The chains that the rule itself names, in a verdict or a map of its own.</summary>
    internal static List<string> InRule(Rule rule)
    {
        var targets = new List<string>();
        foreach (Statement statement in rule.Statements)
        {
            if (statement is VerdictStatement { Verdict.Chain: { } target })
                targets.Add(target);
            if (statement is VerdictMapStatement { Map: AnonymousSet map })
                targets.AddRange(map.Elements.Select(InElement).OfType<string>());
        }
        return targets;
    }

    internal static string? InElement(SetElement element) => element.Data is VerdictValue { Verdict.Chain: { } chain } ? chain : null;

    private static List<string> InMaps(RuleTable table, Rule rule)
    {
        var targets = new List<string>();
        foreach (Statement statement in rule.Statements)
        {
            if (statement is VerdictMapStatement { Map: SetReference reference } && table.FindSet(reference.Name) is { } map)
                targets.AddRange(map.Elements.Select(InElement).OfType<string>());
        }
        return targets;
    }
}
