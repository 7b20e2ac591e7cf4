namespace Portolan.Bench.IpTables;

/// <summary>
/// The same rules as input for iptables-restore, in the orders somebody writes them: for one the tool needs half as much again as for
/// another.
/// </summary>
internal static class RestoreOrders
{
    /// <summary>Portolan's order: names from the last to the first, rules of chains from the first to the last.</summary>
    /// <param name="saved">What iptables-save shows: all by name.</param>
    public static string NamesReversed(string saved) =>
        Nat(saved, names => names.OrderDescending(StringComparer.Ordinal), static rules => rules);

    /// <summary>The order of kube-proxy v1.36 (proxier.go, syncProxyRules): service by service, first all names, then all rules.</summary>
    /// <param name="saved">What iptables-save shows: all by name.</param>
    public static string ByService(string saved)
    {
        // What a service's chain leads to stands before it; shared chains come last.
        Dictionary<string, int> places = [];
        int place = 0;
        foreach (string line in saved.Split('\n').Where(static line => line.StartsWith("-A KUBE-SVC-", StringComparison.Ordinal)))
        {
            places[line[(line.LastIndexOf(' ') + 1)..]] = place++;
            places[ChainOf(line)] = place++;
        }
        return Nat(saved, names => names.OrderBy(PlaceOf), rules => rules.OrderBy(rule => PlaceOf(ChainOf(rule))));

        int PlaceOf(string chain) =>
            places.GetValueOrDefault(chain, chain.StartsWith("KUBE-", StringComparison.Ordinal) ? int.MaxValue : -1);
    }

    private static string ChainOf(string rule) => rule.Split(' ', 3)[1];

    private static string Nat(string saved, Func<IEnumerable<string>, IEnumerable<string>> ordersNames, Func<IEnumerable<string>,
        IEnumerable<string>> ordersRules)
    {
        string[] lines = saved.Split('\n');
        int start = Array.IndexOf(lines, "*nat") + 1, end = Array.IndexOf(lines, "COMMIT", start);
        Dictionary<string, string> names = lines[start..end].Where(static line => line[0] == ':')
            .ToDictionary(static line => line[1..line.IndexOf(' ')]);
        return string.Join('\n',
        [
            .. lines[..start],
            .. ordersNames(names.Keys).Select(name => names[name]),
            .. ordersRules(lines[start..end].Where(static line => line[0] == '-')),
            .. lines[end..],
        ]);
    }
}
