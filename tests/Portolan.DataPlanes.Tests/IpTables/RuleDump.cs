using System.Text;
using System.Text.RegularExpressions;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>A dump of iptables-save, made comparable: no counters, one space, rules of services that share a chain in one order.</summary>
internal static partial class RuleDump
{
    private static readonly HashSet<string> s_unordered =
        ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL"];

    /// <summary>Lines "table CHAIN" and "table -A CHAIN ...", sorted by table and chain.</summary>
    public static string[] Normalize(string dump)
    {
        string table = "";
        SortedDictionary<string, List<string>> chains = new(StringComparer.Ordinal);
        foreach (string raw in dump.Split('\n'))
        {
            string line = Spaces().Replace(Counters().Replace(raw, ""), " ").Trim();
            if (line.StartsWith('*'))
                table = line[1..];
            else if (line.StartsWith(':'))
                chains[$"{table} {line[1..].Split(' ')[0]}"] = [];
            else if (line.StartsWith("-A ", StringComparison.Ordinal))
                chains[$"{table} {line.Split(' ')[1]}"].Add($"{table} {line}");
        }
        foreach ((string chain, List<string> rules) in chains)
        {
            bool isFirewall = chain.Contains("KUBE-FW-", StringComparison.Ordinal);
            if (!isFirewall && !s_unordered.Contains(chain.Split(' ')[1]))
                continue;
            int ordered = rules.Count(static rule => rule.Contains("must be the last", StringComparison.Ordinal)
                || rule.Contains("will be dropped", StringComparison.Ordinal) || rule.EndsWith("KUBE-MARK-DROP", StringComparison.Ordinal));
            // Ranges of one firewall chain mean the same in any order; rules for one destination (mark, then jump) do not.
            string[] sorted = [.. rules.Take(rules.Count - ordered)
                .OrderBy(rule => isFirewall ? rule : SourceAndTarget().Replace(rule, ""), StringComparer.Ordinal)];
            // What leads to KUBE-NODEPORTS is last, for each address a rule.
            string[] last = [.. rules.Skip(sorted.Length)];
            rules.Clear();
            rules.AddRange([.. sorted, .. isFirewall ? last : [.. last.Order(StringComparer.Ordinal)]]);
        }
        return [.. chains.SelectMany(static chain => chain.Value.Prepend(chain.Key))];
    }

    /// <summary>What only one of two dumps has, for messages.</summary>
    public static string Difference(string[] expected, string[] actual)
    {
        var text = new StringBuilder();
        foreach (string line in expected.Except(actual))
            text.Append("missing: ").AppendLine(line);
        foreach (string line in actual.Except(expected))
            text.Append("surplus: ").AppendLine(line);
        return text.Length == 0 && !expected.SequenceEqual(actual) ? "same lines in another order" : text.ToString();
    }

    [GeneratedRegex(@"^\[\d+:\d+\] ")]
    private static partial Regex Counters();

    [GeneratedRegex("(! )?-[si] [^ ]+ | -[jg] [^\"]*$")]
    private static partial Regex SourceAndTarget();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
