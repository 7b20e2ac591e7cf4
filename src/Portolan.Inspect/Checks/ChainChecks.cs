using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>Checks within one table: who jumps where, and which rules can never match.</summary>
internal static class ChainChecks
{
    internal static IEnumerable<Finding> Of(RuleTable table, ChainGuide guide)
    {
        var referenced = new HashSet<string>(StringComparer.Ordinal);
        var findings = new List<Finding>();
        foreach (NamedSet set in table.Sets)
        {
            foreach (SetElement element in set.Elements)
            {
                if (ChainTargets.InElement(element) is { } target && referenced.Add(target) && table.FindChain(target) is null
                    && !table.IsExcerpt)
                    findings.Add(Missing(guide.ServiceOf(target) ?? target, null,
                        $"An element of map {set.Name} of table {table.Name}", target));
            }
        }
        foreach (Chain chain in table.Chains)
        {
            for (int index = 0; index < chain.Rules.Length; index++)
            {
                var place = new RuleRef(table, chain, index);
                foreach (string target in ChainTargets.InRule(place.Rule))
                {
                    referenced.Add(target);
                    if (table.FindChain(target) is null && !table.IsExcerpt)
                        findings.Add(Missing(guide.ServiceOf(place) ?? target, place, "The rule", target));
                }
            }
            findings.AddRange(Shadowed(table, chain, guide));
        }
        findings.AddRange(LoopChecks.Of(table, guide));
        if (!table.IsExcerpt)
            findings.AddRange(Unreferenced(table, referenced));
        return findings;
    }

    private static Finding Missing(string subject, RuleRef? place, string what, string target) =>
        new(FindingSeverity.Error, "missing-chain", subject, place,
        $"{what} goes to chain {target}, which the input does not show. The kernel does not allow this: the dump is cut, or was put " +
            "together from several.",
        "Make a new dump with all tables and chains.");

    private static IEnumerable<Finding> Unreferenced(RuleTable table, HashSet<string> referenced)
    {
        foreach (Chain chain in table.Chains)
        {
            if (chain.Base is not null || referenced.Contains(chain.Name) || chain.Rules.IsEmpty || ChainPurposes.IsStandby(chain.Name))
                continue;
            // A way into a proxy's services that is cut off is told with what it does to clients (no-entry, no-masquerade).
            if (KubeProxyIptables.RoleOf(chain.Name) == KubeChainRole.Postrouting || chain.Name == ServiceTables.EntryOf(table))
                continue;
            // kube-proxy makes the chain of its other mode's firewall in table nat, and uses it where ranges of sources are given.
            if (chain.Name == KubeProxyIptables.Firewall && table.Name == ServiceTables.Nat)
                continue;
            bool isShared = ChainPurposes.IsShared(chain.Name);
            yield return new Finding(isShared ? FindingSeverity.Warning : FindingSeverity.Note, "unused-chain", chain.Name,
                new RuleRef(table, chain, 0),
                $"Nothing jumps to chain {chain.Name} of table {table.Name}: its {RuleChecker.Number(chain.Rules.Length)} rules " +
                    "do nothing.",
                isShared
                    ? "The proxy makes the jump when it starts: if it uses this chain in the mode it runs in, restart it."
                    : "It is a left-over. Its writer removes it with its next full sync; otherwise flush and delete it.");
        }
    }

    /// <summary>Rules that an earlier rule of the chain leaves nothing for, and repeated jumps into the service chains.</summary>
    private static IEnumerable<Finding> Shadowed(RuleTable table, Chain chain, ChainGuide guide)
    {
        var seen = new Dictionary<EquatableArray<Statement>, int>();
        int wall = -1;
        for (int index = 0; index < chain.Rules.Length; index++)
        {
            Rule rule = chain.Rules[index];
            var place = new RuleRef(table, chain, index);
            if (wall >= 0)
            {
                yield return new Finding(FindingSeverity.Warning, "shadowed-rule", guide.ServiceOf(place) ?? chain.Name, place,
                    $"No packet reaches this rule: rule {RuleChecker.Number(wall + 1)} of {chain.Name}, which "
                        + $"{RuleDescriptions.Action(chain.Rules[wall], guide)}, takes every one.",
                    "Remove it, or move it before that rule.");
                continue;
            }
            // What a listing hides of a rule (interfaces, without -v) may tell it from one that looks alike.
            if (Conditions(rule) is not { } conditions || rule.Gaps != RuleGaps.None)
                continue;
            if (seen.TryGetValue(conditions, out int earlier))
            {
                if (Repeated(place, chain.Rules[earlier], earlier, guide) is { } repeated)
                    yield return repeated;
            }
            else if (Ends(rule) || IsServiceJump(rule) || ServiceChains.RoleOfTarget(rule) == KubeChainRole.Services)
            {
                seen[conditions] = index;
            }
            if (conditions.IsEmpty && chain.Gaps.IsEmpty && (Ends(rule) || LeadsToEndpoint(rule)))
                wall = index;
        }
    }

    private static Finding? Repeated(RuleRef place, Rule earlier, int earlierIndex, ChainGuide guide)
    {
        if (ServiceChains.RoleOfTarget(place.Rule) == KubeChainRole.Services
            && ServiceChains.RoleOfTarget(earlier) == KubeChainRole.Services)
        {
            return new Finding(FindingSeverity.Note, "duplicate-jump", place.Chain.Name, place,
                $"{place.Chain.Name} jumps to {KubeProxyIptables.Services} twice (rules {RuleChecker.Number(earlierIndex + 1)} and " +
                $"{RuleChecker.Number(place.Index + 1)}): packets to other places walk all service rules twice.",
                "Delete one of the two rules.");
        }
        // A rule twice is one too many, but harms nobody; kube-proxy itself writes such pairs. A jump comes back, unless to a service's
        // chain.
        bool isSame = place.Rule.Target == earlier.Target;
        if (isSame || !(Ends(earlier) || (IsServiceJump(earlier) && IsServiceJump(place.Rule))))
            return null;
        return new Finding(FindingSeverity.Warning, "shadowed-rule", guide.ServiceOf(place) ?? place.Chain.Name, place,
            $"Rule {RuleChecker.Number(earlierIndex + 1)} of {place.Chain.Name} asks the same and comes first: this rule never " +
            "serves anybody.",
            "Two services may claim the same address and port; give one of them another.");
    }

    /// <summary>A chain that translates to an endpoint takes every packet that comes to it.</summary>
    private static bool LeadsToEndpoint(Rule rule) => ServiceChains.RoleOfTarget(rule) == KubeChainRole.Endpoint;

    private static bool IsServiceJump(Rule rule) => ServiceChains.TargetOf(rule) is { } target && ServiceChains.IsServiceChain(target);

    /// <summary>The conditions of a rule; null when chance or memory is among them, so that a second rule alike makes sense.</summary>
    private static EquatableArray<Statement>? Conditions(Rule rule)
    {
        var conditions = new List<Statement>();
        foreach (Statement statement in rule.Statements)
        {
            if (statement is UnmodelledStatement { PassesOn: false } && !ReferenceEquals(statement, rule.Target))
                return null;
            if (statement is StatisticRandomMatch or StatisticNthMatch or RecentMatch or LimitMatch or UnmodelledMatch
                or RelationalMatch { Left: NumgenExpression or MapExpression }
                or SetUpdateStatement or VerdictMapStatement or AssignStatement)
                return null;
            if (statement is Match and not AccountingMatch)
                conditions.Add(statement);
        }
        return rule.Target is null ? null : [.. conditions];
    }

    private static bool Ends(Rule rule) => rule.Target switch
    {
        VerdictStatement verdict => verdict.Verdict.Kind is VerdictKind.Accept or VerdictKind.Drop or VerdictKind.Return or VerdictKind.Goto
            or VerdictKind.Queue,
        RejectStatement => true,
        // A map may have no element for a packet, which then goes on.
        NatStatement nat => nat.Operand is null,
        _ => false,
    };
}
