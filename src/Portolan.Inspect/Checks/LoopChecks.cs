using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>
/// Chains that lead back to themselves. The kernel refuses to load them (ELOOP); a dump may have been edited or put together from several.
/// </summary>
internal static class LoopChecks
{
    internal static IEnumerable<Finding> Of(RuleTable table, ChainGuide guide)
    {
        var entered = new HashSet<string>(StringComparer.Ordinal);
        foreach (Chain chain in table.Chains)
        {
            foreach (Finding finding in From(table, chain, entered, guide))
                yield return finding;
        }
    }

    /// <summary>Visits all chains reachable from a chain; the path is a list, not recursion, as a dump may nest to any depth.</summary>
    private static IEnumerable<Finding> From(RuleTable table, Chain start, HashSet<string> entered, ChainGuide guide)
    {
        var path = new Stack<(Chain Chain, IEnumerator<(RuleRef Place, string Target)> Jumps)>();
        var onPath = new HashSet<string>(StringComparer.Ordinal);
        Enter(start);
        while (path.TryPeek(out (Chain Chain, IEnumerator<(RuleRef Place, string Target)> Jumps) top))
        {
            if (!top.Jumps.MoveNext())
            {
                path.Pop();
                onPath.Remove(top.Chain.Name);
                continue;
            }
            (RuleRef place, string target) = top.Jumps.Current;
            if (onPath.Contains(target))
                yield return Loop(place, target, guide);
            else if (table.FindChain(target) is { } next)
                Enter(next);
        }

        void Enter(Chain chain)
        {
            if (!entered.Add(chain.Name))
                return;
            onPath.Add(chain.Name);
            path.Push((chain, Jumps(table, chain).GetEnumerator()));
        }
    }

    private static IEnumerable<(RuleRef Place, string Target)> Jumps(RuleTable table, Chain chain) =>
        Places.Of(table, chain).SelectMany(place => ChainTargets.Of(table, place.Rule).Select(target => (place, target)));

    private static Finding Loop(RuleRef place, string target, ChainGuide guide) =>
        new(FindingSeverity.Error, "jump-loop", guide.ServiceOf(place) ?? target, place,
        $"The rule leads back to chain {target}, which leads to this rule: packets would loop. The kernel refuses such rules, so " +
            "the dump was edited or put together from several.",
        "Make a new dump.");
}
