using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// The orders in which the kernel may call chains of equal priority at one hook, where the input does not show it. nft lists tables in the
/// order in which they were made, and iptables-nft's are among them; when the kernel's own iptables hooked its tables in, no listing shows.
/// </summary>
internal sealed class TableOrders
{
    // Each is a walk of its own; beyond it only the first and the last place of all legacy tables are tried.
    private const int MostOrders = 32;

    private TableOrders(HookTable usual) => Usual = usual;

    /// <summary>The order of the listing.</summary>
    internal HookTable Usual { get; }

    /// <summary>The listing the other way round, for a note; null where nothing depends on the order of tables in nf_tables.</summary>
    internal HookTable? Reversed { get; private init; }

    /// <summary>The possible orders, where tables of legacy iptables share priorities with others; empty where none does.</summary>
    internal IReadOnlyList<(string When, HookTable Hooks)> Possible { get; private init; } = [];

    /// <summary>What the order is about: "filter FORWARD and firewalld filter_FORWARD".</summary>
    internal string Chains => string.Join("; ", Usual.Ties.Where(static tie => IsMixed(tie.Tables)).Select(static tie => tie.Chains));

    internal static TableOrders Of(Ruleset ruleset, IpFamily family)
    {
        var usual = new HookTable(ruleset, family);
        RuleTable[][] mixed = [.. usual.Ties.Select(static tie => tie.Tables).Where(IsMixed)];
        return new TableOrders(usual)
        {
            Reversed = usual.Ties.Count > mixed.Length ? new HookTable(ruleset, family, [.. ruleset.Tables.Reverse()]) : null,
            Possible = mixed.Length == 0 ? [] : [.. Orders(ruleset, [.. mixed.SelectMany(static tables => tables).Distinct()])
                .Select(order => (order.When, new HookTable(ruleset, family, order.Tables)))],
        };
    }

    private static bool IsMixed(RuleTable[] tables) =>
        Array.Exists(tables, IsLegacy) && Array.Exists(tables, static table => !IsLegacy(table));

    /// <summary>True for a table of the kernel's own iptables; one of an unknown back-end counts as such.</summary>
    internal static bool IsLegacy(RuleTable table) => table.Backend is not (RuleBackend.Nftables or RuleBackend.IptablesNft);

    private static IEnumerable<(string When, IReadOnlyList<RuleTable> Tables)> Orders(Ruleset ruleset, RuleTable[] tied)
    {
        RuleTable[] legacy = [.. ruleset.Tables.Where(table => IsLegacy(table) && tied.Contains(table))];
        RuleTable[] others = [.. ruleset.Tables.Where(table => !IsLegacy(table) && tied.Contains(table))];
        int places = others.Length + 1;
        bool isSmall = Math.Pow(places, legacy.Length) <= MostOrders;
        IEnumerable<int[]> choices = isSmall ? Choices(legacy.Length, places)
            : [[.. legacy.Select(static _ => 0)], [.. legacy.Select(_ => others.Length)]];
        foreach (int[] choice in choices)
        {
            var order = new List<RuleTable>();
            for (int place = 0; place <= others.Length; place++)
            {
                order.AddRange(legacy.Where((_, index) => choice[index] == place));
                if (place < others.Length)
                    order.Add(others[place]);
            }
            // The table that was made last is called first.
            IEnumerable<string> words = legacy.Select(
                (table, index) =>
                    choice[index] == others.Length ? $"legacy iptables' table {table.Name} is called first"
                    : choice[index] == 0 ? $"legacy iptables' table {table.Name} is called last"
                    : $"legacy iptables' table {table.Name} is called after {others[choice[index]].Name} and before "
                        + others[choice[index] - 1].Name
            );
            yield return (string.Join(" and ", words), [.. ruleset.Tables.Except(tied), .. order]);
        }
    }

    private static IEnumerable<int[]> Choices(int count, int places)
    {
        int all = (int)Math.Pow(places, count);
        for (int number = 0; number < all; number++)
        {
            var choice = new int[count];
            for (int index = 0, rest = number; index < count; index++, rest /= places)
                choice[index] = rest % places;
            yield return choice;
        }
    }
}
