using System.Buffers.Binary;
using System.Text;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>A change of one family's tables, and the order in which it is made.</summary>
internal sealed class ChangeSet(ChainLayout layout)
{
    /// <summary>
    /// Chains per transaction for iptables-nft-restore, which keeps the chains a transaction names in a sorted list that it walks for each
    /// line: its time grows with the square of this number, that of the kernel's commits with the number of transactions.
    /// </summary>
    private const int ChainsPerTransaction = 500;

    public ChainLayout Layout { get; } = layout;

    /// <summary>Chains of the nat table to be written whole: those of no service come first, those of one service stand side by side.</summary>
    public List<NatChain> Whole { get; } = [];

    public List<DispatchTree.Branch> Branches { get; } = [];

    /// <summary>The same of the filter table, where services have no chains of their own.</summary>
    public List<(string Chain, string[] Rules)> WholeFilter { get; } = [];

    /// <summary>Shared chains that are emptied (or created) and filled with <see cref="Added"/> and <see cref="TailAdded"/>.</summary>
    public HashSet<(RuleTable Table, string Chain)> Rewritten { get; } = [];

    public List<(ObjectName? Owner, SharedRule Rule)> Added { get; } = [];

    public List<(ObjectName? Owner, SharedRule Rule)> Removed { get; } = [];

    public List<SharedRule> TailAdded { get; } = [];

    public List<SharedRule> Hooks { get; } = [];

    /// <summary>Shared chains to create only, because others use them too.</summary>
    public List<(RuleTable Table, string Chain)> NewChains { get; } = [];

    public bool NeedsMangleCanary { get; set; }

    /// <summary>Chains of the nat table that go.</summary>
    public List<string> Deleted { get; } = [];

    /// <summary>Shared chains of another layout, which go when nothing leads to them any more.</summary>
    public List<(RuleTable Table, string Chain)> DeletedShared { get; } = [];

    /// <summary>The kernel holds rules of another layout: services' chains and what leads to them change in one transaction.</summary>
    public bool IsOfAnotherLayout { get; set; }

    public bool IsEmpty => Whole.Count == 0 && Branches.Count == 0 && WholeFilter.Count == 0 && Rewritten.Count == 0 && Added.Count == 0
        && Removed.Count == 0 && TailAdded.Count == 0 && Hooks.Count == 0 && NewChains.Count == 0 && Deleted.Count == 0
        && DeletedShared.Count == 0 && !NeedsMangleCanary;

    /// <summary>For messages: which chains the change is about, a few of them by name.</summary>
    public string Describe()
    {
        string[] chains =
        [
            .. Whole.Select(static chain => chain.Name),
            .. Branches.Select(static branch => branch.Name),
            .. WholeFilter.Select(static chain => chain.Chain),
            .. Rewritten.Select(static chain => chain.Chain),
            .. Added.Concat(Removed).Select(static rule => rule.Rule.Chain).Distinct(),
            .. Hooks.Select(static hook => hook.Chain).Distinct(),
            .. DeletedShared.Select(static chain => chain.Chain),
            .. Deleted,
        ];
        return string.Join(", ", chains.Take(4)) + (chains.Length > 4 ? $" and {chains.Length - 4} more" : "");
    }

    /// <summary>
    /// Writes the change so that no packet meets a gap: what is refused or dropped is added before the nat table changes and removed after
    /// it, what is led to exists before anything leads to it.
    /// </summary>
    /// <param name="script">Takes the lines.</param>
    /// <param name="splitsTransactions">
    /// True for nf_tables: first services' own chains, in portions, then what leads to them. False for ip_tables: each table in one transaction.
    /// </param>
    public void Write(RestoreScript script, bool splitsTransactions)
    {
        if (NeedsMangleCanary)
        {
            script.Use("mangle");
            script.Chain(ChainName.Canary);
        }
        WriteWholeFilter(script);
        WriteShared(script, RuleTable.Filter, removes: false);
        int portion = splitsTransactions && !IsOfAnotherLayout ? ChainsPerTransaction : int.MaxValue;
        int chains = 0;
        foreach (NatChain[] whole in Portions(portion))
        {
            WriteWhole(script, whole);
            chains = whole.Length;
            if (chains >= portion)
            {
                script.Commit();
                chains = 0;
            }
        }
        if (chains + Branches.Count > portion)
            script.Commit();
        WriteBranches(script);
        WriteShared(script, RuleTable.Nat, removes: true);
        if (Removed.Exists(static removed => removed.Rule.Table == RuleTable.Filter))
            WriteRemoved(script, RuleTable.Filter);
        WriteDeletedShared(script);
        WriteDeleted(script, splitsTransactions);
    }

    /// <summary>Whole services, so that no rule leads to a chain of a later portion.</summary>
    private IEnumerable<NatChain[]> Portions(int size)
    {
        int start = 0;
        for (int i = 1; i <= Whole.Count; i++)
        {
            if (i < Whole.Count && (i - start < size || Whole[i].Owner == Whole[i - 1].Owner))
                continue;
            yield return [.. Whole.Slice(start, i - start)];
            start = i;
        }
    }

    private static void WriteWhole(RestoreScript script, NatChain[] chains)
    {
        Array.Sort(chains.Select(static chain => SortKey(chain.Name)).ToArray(), chains);
        script.Use("nat");
        Declare(script, chains.Select(static chain => chain.Name));
        foreach (NatChain chain in chains)
        {
            script.Owner = chain.Owner;
            foreach (string rule in chain.Rules())
                script.Append(chain.Name, rule);
        }
        script.Owner = null;
    }

    // Eight letters behind "KUBE-" as a number: sixty thousand names are sorted in a quarter of the time, and the order is for speed only.
    private static ulong SortKey(string name)
    {
        Span<byte> key = stackalloc byte[sizeof(ulong)];
        key.Clear();
        Encoding.ASCII.GetBytes(name.AsSpan(5, Math.Min(name.Length - 5, key.Length)), key);
        return BinaryPrimitives.ReadUInt64BigEndian(key);
    }

    /// <summary>
    /// Names the chains that come, the last by name first, before any of their rules. libiptc keeps all chains in a list sorted by name, which it
    /// walks from the nearest of a few places it remembers: a name that goes to the front is put there at once, one that goes to the end after
    /// a walk over hundreds. And chains whose names came in order lie side by side in its memory, for the walks that each rule costs.
    /// </summary>
    /// <param name="script">Takes the lines.</param>
    /// <param name="sorted">The names in their order.</param>
    private static void Declare(RestoreScript script, IEnumerable<string> sorted)
    {
        foreach (string name in sorted.Reverse())
            script.Chain(name);
    }

    private void WriteBranches(RestoreScript script)
    {
        if (Branches.Count == 0)
            return;
        script.Use("nat");
        Declare(script, Branches.Select(static branch => branch.Name).Order(StringComparer.Ordinal));
        foreach (DispatchTree.Branch branch in Branches)
        {
            foreach ((ObjectName? owner, string rule) in branch.Rules)
            {
                script.Owner = owner;
                script.Append(branch.Name, rule);
            }
        }
        script.Owner = null;
    }

    private void WriteWholeFilter(RestoreScript script)
    {
        if (WholeFilter.Count == 0)
            return;
        script.Use(NameOf(RuleTable.Filter));
        foreach ((string chain, _) in WholeFilter)
            script.Chain(chain);
        foreach ((string chain, string[] rules) in WholeFilter)
        {
            foreach (string rule in rules)
                script.Append(chain, rule);
        }
    }

    private void WriteShared(RestoreScript script, RuleTable table, bool removes)
    {
        string name = NameOf(table);
        foreach ((RuleTable where, string chain) in NewChains)
        {
            if (where != table)
                continue;
            script.Use(name);
            script.NewChain(chain);
        }
        foreach ((RuleTable where, string chain) in Layout.SharedChains)
        {
            if (where != table || !Rewritten.Contains((where, chain)))
                continue;
            script.Use(name);
            script.Chain(chain);
        }
        // Before the additions: a rule that is in both moves, and -D takes the first it finds.
        if (removes)
            WriteRemoved(script, table);
        WriteAdded(script, table, isRewritten: true);
        WriteAdded(script, table, isRewritten: false);
        foreach (SharedRule rule in TailAdded)
        {
            if (rule.Table != table)
                continue;
            script.Use(name);
            script.Append(rule.Chain, rule.Rule);
        }
        foreach (SharedRule hook in Hooks)
        {
            if (hook.Table != table)
                continue;
            script.Use(name);
            script.Prepend(hook.Chain, hook.Rule);
        }
    }

    private void WriteAdded(RestoreScript script, RuleTable table, bool isRewritten)
    {
        // Each goes to the front of a chain that stays, so that the last one goes first.
        foreach ((ObjectName? owner, SharedRule rule) in isRewritten ? Added : Enumerable.Reverse(Added))
        {
            if (!rule.IsForAllAddresses)
                WriteAdded(script, table, isRewritten, owner, rule, goesToFront: !isRewritten);
        }
        foreach ((ObjectName? owner, SharedRule rule) in Added)
        {
            if (rule.IsForAllAddresses)
                WriteAdded(script, table, isRewritten, owner, rule, goesToFront: false);
        }
        script.Owner = null;
    }

    private void WriteAdded(RestoreScript script, RuleTable table, bool isRewritten, ObjectName? owner, SharedRule rule, bool goesToFront)
    {
        if (rule.Table != table || Rewritten.Contains((table, rule.Chain)) != isRewritten)
            return;
        script.Use(NameOf(table));
        script.Owner = owner;
        if (goesToFront)
            script.Prepend(rule.Chain, rule.Rule);
        else
            script.Append(rule.Chain, rule.Rule);
    }

    private void WriteRemoved(RestoreScript script, RuleTable table)
    {
        foreach ((ObjectName? owner, SharedRule rule) in Removed)
        {
            if (rule.Table != table)
                continue;
            script.Use(NameOf(table));
            script.Owner = owner;
            script.Delete(rule.Chain, rule.Rule);
        }
        script.Owner = null;
    }

    private void WriteDeletedShared(RestoreScript script)
    {
        foreach (IGrouping<RuleTable, (RuleTable Table, string Chain)> chains in DeletedShared.GroupBy(static chain => chain.Table))
        {
            script.Use(NameOf(chains.Key));
            foreach ((_, string chain) in chains)
                script.Chain(chain);
            foreach ((_, string chain) in chains)
                script.DeleteChain(chain);
        }
    }

    private void WriteDeleted(RestoreScript script, bool splitsTransactions)
    {
        int portion = splitsTransactions ? ChainsPerTransaction : int.MaxValue;
        if (Deleted.Count > portion)
            script.Commit();
        // Chains may lead to each other: all are emptied before one is deleted.
        foreach (string[] names in Deleted.Chunk(Math.Min(portion, Math.Max(1, Deleted.Count))))
        {
            script.Use("nat");
            foreach (string name in names)
                script.Chain(name);
            if (Deleted.Count > portion)
                script.Commit();
        }
        foreach (string[] names in Deleted.Chunk(Math.Min(portion, Math.Max(1, Deleted.Count))))
        {
            script.Use("nat");
            foreach (string name in names)
                script.DeleteChain(name);
            if (Deleted.Count > portion)
                script.Commit();
        }
    }

    internal static string NameOf(RuleTable table) => table == RuleTable.Nat ? "nat" : "filter";
}
