using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>Checks within one table: where chains jump, and which rules can never match.</summary>
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
        $"{what} goes to chain {target}, which the input does not show. The kernel does not allow this: the dump is cut off, or was put " +
            "together from several.",
        "Make a new dump with all tables and chains.");

    private static IEnumerable<Finding> Unreferenced(RuleTable table, HashSet<string> referenced)
    {
        foreach (Chain chain in table.Chains)
        {
            if (chain.Base is not null || referenced.Contains(chain.Name) || chain.Rules.IsEmpty || ChainPurposes.IsStandby(chain.Name))
                continue;
            // A missing jump into a proxy's service chains is reported by its effect on clients (no-entry, no-masquerade).
            if (KubeProxyIptables.RoleOf(chain.Name) == KubeChainRole.Postrouting || chain.Name == ServiceTables.EntryOf(table))
                continue;
            // kube-proxy in ipvs mode creates KUBE-FIREWALL in table nat and jumps to it only for source ranges.
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

    /// <summary>Rules shadowed by an earlier rule of the chain, and repeated jumps into the service chains.</summary>
    private static IEnumerable<Finding> Shadowed(RuleTable table, Chain chain, ChainGuide guide)
    {
        var seen = new Dictionary<EquatableArray<Statement>, int>();
        int catchAll = -1;
        for (int index = 0; index < chain.Rules.Length; index++)
        {
            Rule rule = chain.Rules[index];
            var place = new RuleRef(table, chain, index);
            if (catchAll >= 0)
            {
                yield return new Finding(FindingSeverity.Warning, "shadowed-rule", guide.ServiceOf(place) ?? chain.Name, place,
                    $"No packet reaches this rule: rule {RuleChecker.Number(catchAll + 1)} of {chain.Name}, which "
                        + $"{RuleDescriptions.Action(chain.Rules[catchAll], guide)}, takes every one.",
                    "Remove it, or move it before that rule.");
                continue;
            }
            // What a listing hides (interfaces, without -v) may distinguish rules that look the same.
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
                catchAll = index;
        }
    }

    private static Finding? Repeated(RuleRef place, Rule earlier, int earlierIndex, ChainGuide guide)
    {
        if (ServiceChains.RoleOfTarget(place.Rule) == KubeChainRole.Services
            && ServiceChains.RoleOfTarget(earlier) == KubeChainRole.Services)
        {
            return new Finding(FindingSeverity.Note, "duplicate-jump", place.Chain.Name, place,
                $"{place.Chain.Name} jumps to {KubeProxyIptables.Services} twice (rules {RuleChecker.Number(earlierIndex + 1)} and " +
                $"{RuleChecker.Number(place.Index + 1)}): packets to other destinations traverse all service rules twice.",
                "Delete one of the two rules.");
        }
        // A duplicate rule is harmless; kube-proxy itself writes such pairs. A jump returns, unless to a service's chain.
        bool isSame = place.Rule.Target == earlier.Target;
        if (isSame || !(Ends(earlier) || (IsServiceJump(earlier) && IsServiceJump(place.Rule))))
            return null;
        return new Finding(FindingSeverity.Warning, "shadowed-rule", guide.ServiceOf(place) ?? place.Chain.Name, place,
            $"Rule {RuleChecker.Number(earlierIndex + 1)} of {place.Chain.Name} has the same conditions and comes first: this rule never " +
            "matches.",
            "Two services may claim the same address and port: change one of them.");
    }

    /// <summary>A chain that translates to an endpoint takes every packet that comes to it.</summary>
    private static bool LeadsToEndpoint(Rule rule) => ServiceChains.RoleOfTarget(rule) == KubeChainRole.Endpoint;

    private static bool IsServiceJump(Rule rule) => ServiceChains.TargetOf(rule) is { } target && ServiceChains.IsServiceChain(target);

    /// <summary>The conditions of a rule; null when they depend on chance or earlier packets, so that a second rule makes sense.</summary>
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
