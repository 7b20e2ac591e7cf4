using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>Finds faults in service rules, by themselves and compared with the cluster.</summary>
public static class RuleChecker
{
    /// <summary>Runs all checks.</summary>
    public static CheckResult Check(CheckInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var limits = new List<string>();
        IEnumerable<Finding> findings = [
            .. WriterChecks.Of(input.Rules),
            .. WriterChecks.SwitchedOff(input.Rules),
            .. input.Rules.Tables.Where(table => table.Family is TableFamily.Ip or TableFamily.Ip6 or TableFamily.Inet)
                .SelectMany(table => ChainChecks.Of(table, input.Guide)),
            .. ShareChecks.Of(input.Rules, input.Services),
            .. PathChecks.Of(input.Rules, input.Guide),
            .. IpvsChecks.Of(input),
            .. ObstacleChecks.Of(input, limits),
            .. input.Cluster is null ? [] : ClusterChecks.Of(input, limits),
        ];
        foreach (RuleTable table in input.Rules.Tables.Where(table => table.IsExcerpt))
            limits.Add($"The input shows only a part of table {table.Name}: missing and unused chains, and jumps into it, are not " +
                "checked there.");
        limits.AddRange(ProxyModes.Of(input.Rules));
        if (input.Services.Services.IsEmpty)
            limits.Add("The rules serve no services.");
        foreach (TableFamily family in (ImmutableArray<TableFamily>)[TableFamily.Ip, TableFamily.Ip6])
        {
            if (Caveats.LacksFilter(input.Rules, family))
                limits.Add(Caveats.NoFilter);
        }
        return new CheckResult(
            [.. findings.OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Code, StringComparer.Ordinal)
                .ThenBy(finding => finding.Subject, StringComparer.Ordinal)],
            [.. limits]);
    }

    internal static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
