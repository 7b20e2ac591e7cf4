using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>Whether packets reach the service rules, and whether marked packets are masqueraded or dropped.</summary>
internal static class PathChecks
{
    private const uint DropMark = KubeProxyIptables.DropMark;

    internal static IEnumerable<Finding> Of(Ruleset rules, ChainGuide guide) =>
        rules.Tables.SelectMany(table => OfTable(rules, table, guide));

    private static IEnumerable<Finding> OfTable(Ruleset rules, RuleTable table, ChainGuide guide)
    {
        if (ServiceTables.EntryOf(table) is not { } entry)
            yield break;
        if (DropMarkWithoutDrop(rules, table, guide) is { } marked)
            yield return marked;
        bool isEmpty = table.FindChain(entry) is not { Rules.IsEmpty: false };
        // A flush of rules empties chains, but not maps.
        if (table.IsExcerpt || (isEmpty && table.Sets.All(set => set.Elements.IsEmpty)))
            yield break;
        if (isEmpty)
        {
            yield return new Finding(FindingSeverity.Error, "no-entry", entry, null,
                $"Chain {entry} of table {table.Name} has no rules: the table's maps have services, but no packet is looked up in them.",
                "Somebody flushed the chain: restart the proxy, which writes it again.");
            yield break;
        }
        foreach (Hook hook in (ImmutableArray<Hook>)[Hook.Prerouting, Hook.Output])
        {
            if (Places.Reachable(table, hook).Contains(entry))
                continue;
            string who = hook == Hook.Prerouting ? "pods and clients outside" : "this node's own programs";
            yield return new Finding(FindingSeverity.Error, "no-entry", entry, null,
                $"Nothing at hook {hook.ToString().ToLowerInvariant()} of table {table.Name} jumps to {entry}: no service works for {who}.",
                "Somebody removed the jump, or flushed the chain: restart the proxy, which writes it again.");
        }
        if (Masquerade(table) is { } missing)
            yield return missing;
    }

    private static Finding? Masquerade(RuleTable table)
    {
        bool marks = Places.Of(table).Any(place => place.Rule.Statements.Any(statement => statement is MarkStatement { Value: not 0 }
            or AssignStatement { Target.Field: PacketField.MetaMark, Value: BitwiseExpression { Operator: BitwiseOperator.Or } }));
        if (!marks)
            return null;
        HashSet<string> reached = Places.Reachable(table, Hook.Postrouting);
        static bool Masquerades(Chain chain) =>
            chain.Rules.Any(rule => rule.Target is NatStatement { Kind: NatKind.Masquerade or NatKind.Source });
        string chainName = ServiceTables.MasqueradingChainOf(table);
        // Another program's SNAT rule in iptables' POSTROUTING does not masquerade what the proxy marked.
        Chain? own = table.FindChain(chainName);
        bool isReached = reached.Contains(chainName);
        if (own is not null && isReached && Masquerades(own))
            return null;
        return new Finding(FindingSeverity.Error, "no-masquerade", chainName, null,
            "Packets are marked to be masqueraded, but nothing masquerades them: replies from endpoints will not get back to clients " +
            "from outside.",
            isReached || own is null
                ? $"{chainName} lacks its rule that masquerades: restart the proxy."
                : $"Nothing at hook postrouting jumps to {chainName}: somebody removed the rule; restart the proxy.");
    }

    private static Finding? DropMarkWithoutDrop(Ruleset rules, RuleTable nat, ChainGuide guide)
    {
        if (nat.FindChain(KubeProxyIptables.MarkDrop) is null
            || rules.Tables.FirstOrDefault(other => other.Family == nat.Family && other.Name == "filter"
                && other.Backend == nat.Backend) is not { } filter)
            return null;
        RuleRef? use = Places.Of(nat).FirstOrDefault(place => ServiceChains.RoleOfTarget(place.Rule) == KubeChainRole.MarkDrop);
        bool drops = filter.Chains.Any(chain => chain.Rules.Any(rule =>
            rule.Target is VerdictStatement { Verdict.Kind: VerdictKind.Drop }
            && rule.Statements.Any(statement => statement is MarkMatch { Negated: false } match && (match.Value & DropMark) != 0)));
        return use is null || drops
            ? null : new Finding(FindingSeverity.Warning, "mark-drop-without-drop", guide.ServiceOf(use) ?? KubeProxyIptables.MarkDrop, use,
            "Packets are marked 0x8000 to be dropped, but no rule of the filter table drops marked packets: they go on untranslated.",
            $"The rule is the kubelet's (chain {KubeProxyIptables.Firewall}). Check that the kubelet runs with makeIPTablesUtilChains.");
    }
}
