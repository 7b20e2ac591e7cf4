using System.Collections.Immutable;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>
/// Who writes service rules here (two back-ends or two proxies at once are an error), and which tables are switched off.
/// </summary>
public static class WriterChecks
{
    /// <summary>True when both back-ends of iptables hold service rules of a family.</summary>
    public static bool AreBothBackendsInUse(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return Families.Any(family => Backends(rules, family).Count > 1);
    }

    private static ImmutableArray<TableFamily> Families { get; } = [TableFamily.Ip, TableFamily.Ip6];

    internal static IEnumerable<Finding> Of(Ruleset rules)
    {
        foreach (TableFamily family in Families)
        {
            string subject = family == TableFamily.Ip ? "IPv4" : "IPv6";
            if (Backends(rules, family).Count > 1)
            {
                RuleTable legacy = rules.Tables.First(table => table.Family == family && table.Backend == RuleBackend.IptablesLegacy
                    && ServiceTables.HasIptablesServices(table));
                yield return new Finding(FindingSeverity.Error, "two-backends", subject, First(legacy, KubeProxyIptables.Services),
                    "Service rules are in both back-ends of iptables, legacy and nft. The kernel applies both; the older ones are not " +
                    "updated any more.",
                    "Find out which back-end the proxy uses now (iptables --version in its container) and flush the KUBE chains of " +
                        "the other.");
            }
            string[] names = [.. Proxies(rules, family)];
            if (names.Length > 1)
            {
                yield return new Finding(FindingSeverity.Error, "two-proxies", subject, null,
                    $"Rules of more than one service proxy are loaded: {string.Join(" and ", names)}. Whichever comes first " +
                    "decides, with endpoints that may be stale.",
                    "Stop the proxy that should not run, and clean up after it (kube-proxy --cleanup, portolan proxy --cleanup).");
            }
        }
    }

    /// <summary>Tables that exist but have no effect.</summary>
    internal static IEnumerable<Finding> SwitchedOff(Ruleset rules)
    {
        foreach (RuleTable table in rules.Tables.Where(static table => table.IsDormant))
        {
            string name = $"{table.Family.ToString().ToLowerInvariant()} {table.Name}";
            bool hasServices = ServiceTables.HasIptablesServices(table)
                || ServiceTables.IsOwn(table);
            yield return new Finding(hasServices ? FindingSeverity.Error : FindingSeverity.Warning, "dormant-table", name, null,
                $"Table {name} is switched off (flag dormant): no packet sees its chains" +
                (hasServices ? ", and no service in it is served." : "."),
                $"Find out who did it, and switch it on again: nft add table {name}");
        }
    }

    private static IEnumerable<string> Proxies(Ruleset rules, TableFamily family)
    {
        if (rules.Tables.Any(table => table.Family == family && table.Backend != RuleBackend.Nftables
            && ProxyModes.IsIpvsTable(table)))
            yield return "kube-proxy's ipsets and rules of mode ipvs";
        else if (rules.Tables.Any(table => table.Family == family && table.Backend != RuleBackend.Nftables
            && ServiceTables.HasIptablesServices(table)))
            yield return $"iptables chains ({KubeProxyIptables.Services}, of kube-proxy or Portolan)";
        if (rules.FindTable(family, KubeProxyNftables.TableName) is not null)
            yield return "kube-proxy's nftables table";
        if (rules.FindTable(family, PortolanTables.TableName) is not null)
            yield return "Portolan's table";
        if (rules.FindTable(family, PortolanIpvs.TableName) is not null)
            yield return "Portolan's table of mode ipvs";
    }

    private static List<RuleBackend> Backends(Ruleset rules, TableFamily family) =>
    [
        .. rules.Tables.Where(table => table.Family == family && table.Backend is RuleBackend.IptablesLegacy or RuleBackend.IptablesNft
            && ServiceTables.HasIptablesServices(table))
            .Select(table => table.Backend).Distinct(),
    ];

    private static RuleRef? First(RuleTable table, string chain) =>
        table.FindChain(chain) is { Rules.IsEmpty: false } found ? new RuleRef(table, found, 0) : null;
}
