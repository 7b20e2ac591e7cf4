using System.Globalization;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Where packets enter a part of table nat without its base chains, as grep output is: at the first chain of kube-proxy that is present
/// and that its rules lead to from every hook.
/// </summary>
internal static class ExcerptEntries
{
    /// <summary>The chains at which a path begins instead of the missing base chains.</summary>
    internal static IEnumerable<(RuleTable Table, Chain Chain)> Of(RuleTable table)
    {
        if (!IsPart(table))
            yield break;
        foreach (Hook hook in (Hook[])[Hook.Prerouting, Hook.Output])
        {
            if (!HasBase(table, hook) && (table.FindChain(KubeProxyIptables.Services) ?? OnlyNodePorts(table)) is { } entry)
                yield return (table, At(entry, hook, -100));
        }
        if (!HasBase(table, Hook.Postrouting) && table.FindChain(KubeProxyIptables.Postrouting) is { } last)
            yield return (table, At(last, Hook.Postrouting, 100));
    }

    /// <summary>The caveat about a table's missing base chains; null when none is missing.</summary>
    internal static string? Caveat(RuleTable table)
    {
        if (!table.IsExcerpt || table.Backend == RuleBackend.Nftables)
            return null;
        Hook[] hooks = table.Name switch
        {
            "nat" => [Hook.Prerouting, Hook.Output, Hook.Postrouting],
            "filter" => [Hook.Input, Hook.Forward, Hook.Output],
            _ => [],
        };
        string[] missing = [.. hooks.Where(hook => !HasBase(table, hook)).Select(hook => hook.ToString().ToUpperInvariant())];
        if (missing.Length == 0)
            return null;
        string[] entries = [.. Of(table).Select(entry => entry.Chain.Name).Distinct()];
        string begin = entries.Length == 0 ? "what rules there do with the packet is unknown"
            : $"the packet is followed from {string.Join(" and ", entries)} on, where kube-proxy's rules lead from there; what other " +
                "rules there do is unknown";
        return string.Create(CultureInfo.InvariantCulture,
            $"The input shows only a part of table {table.Name}, without {string.Join(", ", missing)}: {begin}.");
    }

    private static bool IsPart(RuleTable table) =>
        table is { IsExcerpt: true, Name: "nat", Backend: not RuleBackend.Nftables, Family: TableFamily.Ip or TableFamily.Ip6 };

    private static bool HasBase(RuleTable table, Hook hook) => table.Chains.Any(chain => chain.Base?.Hook == hook);

    private static Chain At(Chain chain, Hook hook, int priority) => new()
    {
        Name = chain.Name,
        Base = new BaseChain(ChainType.Nat, hook, priority, VerdictKind.Accept),
        Rules = chain.Rules,
        Gaps = chain.Gaps,
        Source = chain.Source,
    };

    /// <summary>KUBE-SERVICES sends only packets to the node's own addresses to KUBE-NODEPORTS.</summary>
    private static Chain? OnlyNodePorts(RuleTable table) => table.FindChain(KubeProxyIptables.NodePorts) is null ? null : new Chain
    {
        Name = KubeProxyIptables.Services,
        Rules =
        [
            new Rule
            {
                Statements =
                [
                    new AddressTypeMatch(PacketSide.Destination, AddressTypes.Local),
                    new VerdictStatement(new Verdict(VerdictKind.Jump, KubeProxyIptables.NodePorts)),
                ],
            },
        ],
    };
}
