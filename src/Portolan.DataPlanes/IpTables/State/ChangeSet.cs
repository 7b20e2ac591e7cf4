using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>Chains to be written for one service.</summary>
/// <param name="Owner">The service.</param>
/// <param name="Names">The chains' names.</param>
/// <param name="Chains">The chains; null for all of <paramref name="Plan"/>'s, which are made when they are written.</param>
/// <param name="Plan">Used without <paramref name="Chains"/>, so that a first sync need not hold the rules of all services in memory.</param>
internal readonly record struct ServiceWrite(ObjectName Owner, string[] Names, List<OwnedChain>? Chains, ServicePlan? Plan)
{
    /// <summary>Some of a service's chains.</summary>
    public static ServiceWrite Some(ObjectName owner, List<OwnedChain> chains) => new(owner, [.. chains.Select(static chain => chain.Name)], chains, null);

    /// <summary>All of a service's chains.</summary>
    public static ServiceWrite All(ObjectName owner, ServicePlan plan, List<OwnedChain> chains) =>
        new(owner, [.. chains.Select(static chain => chain.Name)], null, plan);
}

/// <summary>A change of one family's tables, and the order in which it is made.</summary>
internal sealed class ChangeSet(ChainLayout layout)
{
    /// <summary>
    /// Chains per transaction for iptables-nft-restore, which keeps the chains a transaction names in a sorted list that it walks for each
    /// line: its time grows with the square of this number, that of the kernel's commits with the number of transactions.
    /// </summary>
    private const int ChainsPerTransaction = 500;

    public ChainLayout Layout { get; } = layout;

    public List<ServiceWrite> Services { get; } = [];

    public List<DispatchTree.Branch> Branches { get; } = [];

    /// <summary>Chains without rules of services, written whole.</summary>
    public List<(RuleTable Table, string Chain, string[] Rules)> Fixed { get; } = [];

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

    public bool IsEmpty => Services.Count == 0 && Branches.Count == 0 && Fixed.Count == 0 && Rewritten.Count == 0 && Added.Count == 0
        && Removed.Count == 0 && TailAdded.Count == 0 && Hooks.Count == 0 && NewChains.Count == 0 && Deleted.Count == 0
        && DeletedShared.Count == 0 && !NeedsMangleCanary;

    /// <summary>For messages: which chains the change is about, a few of them by name.</summary>
    public string Describe()
    {
        string[] chains =
        [
            .. Services.SelectMany(static service => service.Names),
            .. Branches.Select(static branch => branch.Name),
            .. Fixed.Select(static chain => chain.Chain),
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
    /// True for nf_tables: first services' own chains, in portions, then what leads to them. False for ip_tables: all names first, in their order.
    /// </param>
    public void Write(RestoreScript script, bool splitsTransactions)
    {
        if (NeedsMangleCanary)
        {
            script.Use("mangle");
            script.Chain(ChainName.Canary);
        }
        WriteShared(script, RuleTable.Filter, removes: false);
        WriteFixed(script, RuleTable.Nat);
        if (!splitsTransactions)
            DeclareOwned(script);
        bool isInPortions = splitsTransactions && !IsOfAnotherLayout;
        int chains = 0;
        foreach (ServiceWrite service in Services)
        {
            if (splitsTransactions)
                Declare(script, service.Names);
            WriteService(script, service.Owner, service.Chains ?? Layout.Compile(service.Plan).Chains);
            chains += service.Names.Length;
            if (isInPortions && chains >= ChainsPerTransaction)
            {
                script.Commit();
                chains = 0;
            }
        }
        if (isInPortions && chains + Branches.Count > ChainsPerTransaction)
            script.Commit();
        if (splitsTransactions)
            Declare(script, Branches.Select(static branch => branch.Name));
        WriteBranches(script);
        WriteShared(script, RuleTable.Nat, removes: true);
        if (Removed.Exists(static removed => removed.Rule.Table == RuleTable.Filter))
            WriteRemoved(script, RuleTable.Filter);
        WriteDeletedShared(script);
        WriteDeleted(script, splitsTransactions);
    }

    /// <summary>
    /// libiptc finds a chain by an index over its sorted list of chains, and walks a part of that list for each line: with chains that came in
    /// order, side by side in its memory, iptables-legacy-restore takes a third less time.
    /// </summary>
    private void DeclareOwned(RestoreScript script)
    {
        string[] names = [.. Services.SelectMany(static service => service.Names), .. Branches.Select(static branch => branch.Name)];
        Array.Sort(names, string.CompareOrdinal);
        Declare(script, names);
    }

    private static void Declare(RestoreScript script, IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            script.Use("nat");
            script.Chain(name);
        }
    }

    private static void WriteService(RestoreScript script, ObjectName owner, List<OwnedChain> chains)
    {
        script.Use("nat");
        script.Owner = owner;
        foreach (OwnedChain chain in chains)
        {
            foreach (string rule in chain.Rules)
                script.Append(chain.Name, rule);
        }
        script.Owner = null;
    }

    private void WriteBranches(RestoreScript script)
    {
        if (Branches.Count == 0)
            return;
        script.Use("nat");
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

    private void WriteFixed(RestoreScript script, RuleTable table)
    {
        foreach ((RuleTable where, string chain, string[] rules) in Fixed)
        {
            if (where != table)
                continue;
            script.Use(NameOf(table));
            script.Chain(chain);
        }
        foreach ((RuleTable where, string chain, string[] rules) in Fixed)
        {
            if (where != table)
                continue;
            foreach (string rule in rules)
                script.Append(chain, rule);
        }
    }

    private void WriteShared(RestoreScript script, RuleTable table, bool removes)
    {
        string name = NameOf(table);
        if (table == RuleTable.Filter)
            WriteFixed(script, table);
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
            if (rule.Table != table || Rewritten.Contains((table, rule.Chain)) != isRewritten)
                continue;
            script.Use(NameOf(table));
            script.Owner = owner;
            if (isRewritten)
                script.Append(rule.Chain, rule.Rule);
            else
                script.Prepend(rule.Chain, rule.Rule);
        }
        script.Owner = null;
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
