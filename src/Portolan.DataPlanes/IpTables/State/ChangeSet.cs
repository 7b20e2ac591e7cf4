using System.Buffers.Binary;
using System.Text;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>A change of one family's tables, and the order in which it is written.</summary>
internal sealed class ChangeSet
{
    /// <summary>
    /// Chains per transaction for iptables-nft-restore, which keeps the chains a transaction names in a sorted list that it walks for each
    /// line: its time grows with the square of this number, the time of the kernel's commits with the number of transactions.
    /// </summary>
    private const int ChainsPerTransaction = 500;

    private readonly List<RuleChain> _written = [];
    private readonly List<ChainId> _rewritten = [];
    private readonly List<ChainId> _created = [];
    private readonly List<SharedRule> _added = [];
    private readonly List<(ChainId Chain, ShownRule Rule, ObjectName? Owner)> _removed = [];
    private readonly List<ChainId> _deleted = [];

    /// <summary>The kernel holds rules of another layout: service chains and the jumps to them change in one transaction.</summary>
    public bool IsOfAnotherLayout { get; set; }

    public bool IsEmpty => _written.Count + _rewritten.Count + _created.Count + _added.Count + _removed.Count + _deleted.Count == 0;

    /// <summary>Number of rules and chains to be deleted.</summary>
    public int Removals => _removed.Count + _deleted.Count;

    /// <summary>True if a rule that belongs to no service is deleted: it may be another program's.</summary>
    public bool RemovesRulesOfNobody => _removed.Exists(static removed => removed.Owner is null);

    /// <summary>Creates or empties a chain, and fills it. Chains without a service come first, those of one service are adjacent.</summary>
    public void Write(RuleChain chain) => _written.Add(chain);

    /// <summary>Creates or empties a shared chain: it is filled with the rules that are added to it.</summary>
    public void Rewrite(ChainId chain) => _rewritten.Add(chain);

    /// <summary>Only creates a shared chain, because other programs use it too.</summary>
    public void Create(ChainId chain)
    {
        if (!_created.Contains(chain))
            _created.Add(chain);
    }

    /// <summary>Adds a rule at its position.</summary>
    public void Add(SharedRule rule) => _added.Add(rule);

    public void Remove(SharedRule rule) => _removed.Add((rule.Chain, ShownRule.Of(rule.Rule), rule.Owner));

    /// <summary>Deletes a rule by its text in iptables-save.</summary>
    public void Remove(ChainId chain, ShownRule rule) => _removed.Add((chain, rule, null));

    /// <summary>Deletes a chain once nothing jumps to it any more.</summary>
    public void Delete(ChainId chain) => _deleted.Add(chain);

    /// <summary>For messages: the chains the change affects, a few of them by name.</summary>
    public string Describe()
    {
        string[] chains =
        [
            .. _written.Select(static chain => chain.Name)
                .Concat(_rewritten.Select(static chain => chain.Name))
                .Concat(_added.Select(static rule => rule.Chain.Name))
                .Concat(_removed.Select(static rule => rule.Chain.Name))
                .Concat(_deleted.Select(static chain => chain.Name))
                .Distinct(),
        ];
        return string.Join(", ", chains.Take(4)) + (chains.Length > 4 ? $" and {chains.Length - 4} more" : "");
    }

    /// <summary>
    /// Writes the change so that there is never a gap: rules that reject or drop are added before the nat table changes and deleted after
    /// it, and a chain exists before anything jumps to it.
    /// </summary>
    /// <param name="script">Receives the lines.</param>
    /// <param name="splitsTransactions">
    /// True for nf_tables: first the services' own chains, in batches, then the jumps to them. False for ip_tables: each table in one
    /// transaction.
    /// </param>
    public void Write(RestoreScript script, bool splitsTransactions)
    {
        WriteChains(script, [.. _written.Where(static chain => chain.Id.Table == IpTable.Mangle)]);
        WriteChains(script, [.. _written.Where(static chain => chain.Id.Table == IpTable.Filter)]);
        WriteShared(script, IpTable.Filter);
        int portion = splitsTransactions && !IsOfAnotherLayout ? ChainsPerTransaction : int.MaxValue;
        int chains = 0;
        foreach (RuleChain[] whole in Portions(portion))
        {
            Array.Sort(whole.Select(static chain => SortKey(chain.Name)).ToArray(), whole);
            WriteChains(script, whole);
            chains = whole.Length;
            if (chains >= portion)
            {
                script.Commit();
                chains = 0;
            }
        }
        DispatchTree.Branch[] branches =
            [.. _written.OfType<DispatchTree.Branch>().OrderBy(static branch => branch.Name, StringComparer.Ordinal)];
        if (chains + branches.Length > portion)
            script.Commit();
        WriteChains(script, branches);
        // Before the additions: a rule that is in both is moved, and -D deletes the first match.
        WriteRemoved(script, IpTable.Nat);
        WriteShared(script, IpTable.Nat);
        WriteRemoved(script, IpTable.Filter);
        foreach (IGrouping<IpTable, ChainId> deleted in _deleted.GroupBy(static chain => chain.Table))
            WriteDeleted(script, [.. deleted], splitsTransactions);
    }

    /// <summary>Chains of the nat table by complete services, so that no rule jumps to a chain of a later batch.</summary>
    private IEnumerable<RuleChain[]> Portions(int size)
    {
        List<RuleChain> portion = [];
        foreach (RuleChain chain in _written)
        {
            if (chain is DispatchTree.Branch || chain.Id.Table != IpTable.Nat)
                continue;
            if (portion.Count >= size && chain.Owner != portion[^1].Owner)
            {
                yield return [.. portion];
                portion.Clear();
            }
            portion.Add(chain);
        }
        if (portion.Count > 0)
            yield return [.. portion];
    }

    /// <summary>
    /// Declares the new chains in descending order of their names, before any of their rules. libiptc keeps all chains in a list sorted by
    /// name, which it walks from the nearest of a few places it remembers: a name that goes to the front is inserted at once, one that goes
    /// to the end after a walk over hundreds. And chains declared in order are adjacent in its memory, which speeds up the walks that each
    /// rule causes.
    /// </summary>
    /// <param name="script">Receives the lines.</param>
    /// <param name="sorted">The chains in the order of their names.</param>
    private static void WriteChains(RestoreScript script, RuleChain[] sorted)
    {
        for (int i = sorted.Length - 1; i >= 0; i--)
            script.Empty(sorted[i].Id);
        foreach (RuleChain chain in sorted)
        {
            IReadOnlyList<IpRule> rules = chain.Rules();
            for (int i = 0; i < rules.Count; i++)
                script.Append(chain.Id, rules[i], chain.OwnerOf(i));
        }
    }

    // Eight letters after the prefix as a number: sorts sixty thousand names in a quarter of the time; the order only matters for speed.
    private static ulong SortKey(string name)
    {
        Span<byte> key = stackalloc byte[sizeof(ulong)];
        key.Clear();
        ReadOnlySpan<char> rest = name.AsSpan(KubeProxyIptables.Prefix.Length);
        Encoding.ASCII.GetBytes(rest[..Math.Min(rest.Length, key.Length)], key);
        return BinaryPrimitives.ReadUInt64BigEndian(key);
    }

    private void WriteShared(RestoreScript script, IpTable table)
    {
        foreach (ChainId chain in _created)
        {
            if (chain.Table == table)
                script.Create(chain);
        }
        HashSet<ChainId> rewritten = [.. _rewritten.Where(chain => chain.Table == table)];
        foreach (ChainId chain in _rewritten)
        {
            if (chain.Table == table)
                script.Empty(chain);
        }
        SharedRule[] added = [.. _added.Where(rule => rule.Chain.Table == table)];
        SharedRule[] filling = [.. added.Where(rule => rewritten.Contains(rule.Chain))];
        SharedRule[] joining = [.. added.Where(rule => !rewritten.Contains(rule.Chain))];
        foreach (SharedRule rule in filling.Where(static rule => rule.Position == RulePosition.Anywhere))
            script.Append(rule.Chain, rule.Rule, rule.Owner);
        foreach (SharedRule rule in filling.Where(static rule => rule.Position == RulePosition.AfterAddresses))
            script.Append(rule.Chain, rule.Rule, rule.Owner);
        // Each is inserted at the front of a chain that stays, so the last one is written first.
        foreach (SharedRule rule in joining.Where(static rule => rule.Position == RulePosition.Anywhere).Reverse())
            script.Prepend(rule.Chain, rule.Rule, rule.Owner);
        foreach (SharedRule rule in joining.Where(static rule => rule.Position == RulePosition.AfterAddresses))
            script.Append(rule.Chain, rule.Rule, rule.Owner);
        foreach (SharedRule rule in added.Where(static rule => rule.Position == RulePosition.Last))
            script.Append(rule.Chain, rule.Rule, rule.Owner);
        foreach (SharedRule rule in added.Where(static rule => rule.Position == RulePosition.First))
            script.Prepend(rule.Chain, rule.Rule, rule.Owner);
    }

    private void WriteRemoved(RestoreScript script, IpTable table)
    {
        foreach ((ChainId chain, ShownRule rule, ObjectName? owner) in _removed)
        {
            if (chain.Table == table)
                script.Delete(chain, rule, owner);
        }
    }

    private static void WriteDeleted(RestoreScript script, ChainId[] chains, bool splitsTransactions)
    {
        int portion = splitsTransactions ? ChainsPerTransaction : int.MaxValue;
        bool isSplit = chains.Length > portion;
        if (isSplit)
            script.Commit();
        // Chains may jump to each other: all are emptied before any is deleted.
        foreach (Action<ChainId> step in (ReadOnlySpan<Action<ChainId>>)[script.Empty, script.DeleteChain])
        {
            for (int i = 0; i < chains.Length; i++)
            {
                step(chains[i]);
                if (isSplit && ((i + 1) % portion == 0 || i == chains.Length - 1))
                    script.Commit();
            }
        }
    }
}
