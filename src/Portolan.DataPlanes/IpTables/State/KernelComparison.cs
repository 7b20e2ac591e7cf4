using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>Finds the difference between what the kernel holds and what the services require.</summary>
/// <param name="layout">Generates the rules.</param>
/// <param name="tree">Is filled with the services' addresses; null if KUBE-SERVICES is linear.</param>
/// <param name="saved">What the kernel holds.</param>
/// <param name="rewritesShared">Shared chains with anything wrong in them are rewritten as a whole.</param>
internal sealed class KernelComparison(ChainLayout layout, DispatchTree? tree, SavedTables saved, bool rewritesShared)
{
    // With more changed rules than this a shared chain is rewritten: iptables-nft compares each -D with every rule of the chain.
    private const int MaxEdits = 64;

    // Fewer are compiled in less time than it takes to distribute the work.
    private const int FewServices = 500;

    private readonly ChangeSet _change = new();

    /// <summary>How many rules the services mean, after <see cref="Compare"/>.</summary>
    public RuleCounts Wanted { get; private set; }

    /// <summary>A rule of KUBE-SERVICES in the nat table that is not in the tree's chains.</summary>
    public static SharedRule InServices(OwnedRule rule) => new(ChainId.Nat(KubeProxyIptables.Services), rule.Rule, rule.Owner);

    public ChangeSet Compare(Dictionary<ObjectName, ServicePlan> plans)
    {
        foreach (FixedChain chain in layout.FixedChains())
        {
            if (!saved.Has(chain.Id) || !saved.RulesOf(chain.Id).Select(static rule => rule.Rule).SequenceEqual(chain.Rules()))
                _change.Write(chain);
        }
        HashSet<ChainId> stale = [.. saved.Owned];
        var shared = layout.SharedChains.ToDictionary(static chain => chain, static _ => new List<SharedRule>());
        List<SharedRule> inTree = [];
        foreach ((Fragment fragment, RuleCounts counts, List<RuleChain> wrong) in CompareAll(plans))
        {
            Wanted += counts;
            foreach (RuleChain chain in fragment.Chains)
                stale.Remove(chain.Id);
            wrong.ForEach(_change.Write);
            foreach (SharedRule rule in fragment.Shared)
            {
                if (tree is not null && rule.Address.Family != IpFamily.None)
                    inTree.Add(rule);
                else
                    shared[rule.Chain].Add(rule);
            }
        }
        if (tree is not null)
        {
            tree.Fill(inTree);
            CompareTree(tree, stale);
            shared[ChainId.Nat(KubeProxyIptables.Services)].AddRange(tree.Root().Select(InServices));
        }
        foreach ((ChainId chain, List<SharedRule> rules) in shared)
            CompareShared(chain, rules);
        CompareHooks();
        FindChainsOfOtherLayouts();
        foreach (ChainId chain in stale)
            _change.Delete(chain);
        return _change;
    }

    /// <summary>
    /// The rules of all services, in a stable order, and which of their own chains are not as they should be. For many services nothing can
    /// be written before the last one is compared, so the work is distributed over the CPUs.
    /// </summary>
    private IEnumerable<(Fragment Fragment, RuleCounts Counts, List<RuleChain> Wrong)> CompareAll(Dictionary<ObjectName, ServicePlan> plans)
    {
        return plans.Count < FewServices ? plans.Values.Select(Compare) : plans.Values.AsParallel().AsOrdered().Select(Compare);

        (Fragment, RuleCounts, List<RuleChain>) Compare(ServicePlan service)
        {
            Fragment fragment = layout.Compile(service);
            return (fragment, RuleCounts.Of(fragment), [.. fragment.Chains.Where(chain => !saved.Holds(chain))]);
        }
    }

    private void CompareTree(DispatchTree filled, HashSet<ChainId> stale)
    {
        foreach (DispatchTree.Branch branch in filled.AllBranches())
        {
            stale.Remove(branch.Id);
            if (!saved.Holds(branch))
                _change.Write(branch);
        }
    }

    private void CompareShared(ChainId chain, List<SharedRule> rules)
    {
        SharedRule[] tail = chain == ChainId.Nat(KubeProxyIptables.Services) ? [.. layout.NodePortDispatch()] : [];
        if (!saved.Has(chain))
        {
            Rewrite();
            return;
        }
        IReadOnlyList<ShownRule> present = saved.RulesOf(chain);
        Dictionary<ShownRule, (ShownRule Shown, int Place)> surplus = [];
        bool isDoubled = false;
        for (int i = 0; i < present.Count; i++)
            isDoubled |= !surplus.TryAdd(present[i], (present[i], i));

        List<SharedRule> missing = [];
        int lastForOneAddress = rules.Exists(static rule => rule.Position == RulePosition.AfterAddresses)
            ? rules.Max(rule => rule.Position == RulePosition.AfterAddresses ? -1 : PlaceOf(rule))
            : -1;
        foreach (var group in rules.GroupBy(static rule => rule.Series))
        {
            // If a series lacks a rule or has two in the wrong order, its existing rules count as surplus, to be deleted and added again.
            if (!IsInOrder(group.Select(PlaceOf))
                || group.Any(rule => rule.Position == RulePosition.AfterAddresses && PlaceOf(rule) < lastForOneAddress))
            {
                missing.AddRange(group);
                continue;
            }
            foreach (SharedRule rule in group)
                surplus.Remove(ShownRule.Of(rule.Rule));
        }
        // Each is for a different address, so their relative order does not matter.
        HashSet<ShownRule> last = [.. present.Skip(present.Count - tail.Length)];
        bool isTailRight = last.SetEquals(tail.Select(static rule => ShownRule.Of(rule.Rule)));
        for (int i = 0; isTailRight && i < tail.Length; i++)
            surplus.Remove(ShownRule.Of(tail[i].Rule));
        if (isTailRight && !isDoubled && missing.Count + surplus.Count == 0)
            return;
        if (rewritesShared || isDoubled || missing.Count + surplus.Count > MaxEdits)
        {
            Rewrite();
            return;
        }
        missing.ForEach(_change.Add);
        foreach ((ShownRule rule, _) in surplus.Values)
            _change.Remove(chain, rule);
        if (!isTailRight)
            Array.ForEach(tail, _change.Add);

        int PlaceOf(SharedRule rule) => surplus.TryGetValue(ShownRule.Of(rule.Rule), out var found) ? found.Place : -1;

        void Rewrite()
        {
            _change.Rewrite(chain);
            rules.ForEach(_change.Add);
            Array.ForEach(tail, _change.Add);
        }
    }

    /// <summary>True if each position is after the previous one; -1 for none.</summary>
    private static bool IsInOrder(IEnumerable<int> places)
    {
        int last = -1;
        foreach (int place in places)
        {
            if (place <= last)
                return false;
            last = place;
        }
        return true;
    }

    private void CompareHooks()
    {
        ChainId firewall = ChainId.Filter(KubeProxyIptables.Firewall);
        foreach (SharedRule hook in layout.Hooks())
        {
            ShownRule wanted = ShownRule.Of(hook.Rule);
            string target = wanted.Target;
            ShownRule[] copies = [.. saved.RulesOf(hook.Chain).Where(rule => rule.Equals(wanted))];
            if (copies.Length == 0 && !saved.LeadsUnread(hook.Chain, target))
                _change.Add(hook);
            foreach (ShownRule copy in copies.Skip(1))
                _change.Remove(hook.Chain, copy);
            // Chains that hooks jump to and that no layout fills are shared with the kubelet.
            if (target == firewall.Name && !saved.Has(firewall))
                _change.Create(firewall);
        }
    }

    /// <summary>What another layout, or another version of kube-proxy, left behind: chains that nothing updates any more.</summary>
    private void FindChainsOfOtherLayouts()
    {
        HashSet<ChainId> ours = [.. layout.SharedChains, .. layout.FixedChains().Select(static chain => chain.Id)];
        HashSet<ChainId> surplus = [.. saved.Shared.Where(chain => !ours.Contains(chain))];
        foreach (ChainId chain in surplus)
            _change.Delete(chain);
        foreach ((ChainId chain, ShownRule rule) in saved.Jumps())
        {
            if (!KubeProxyIptables.RoleOf(chain.Name).IsShared() && surplus.Contains(new(chain.Table, rule.Target)))
                _change.Remove(chain, rule);
        }
        foreach (SharedRule hook in layout.HooksOfOtherLayouts())
        {
            if (saved.RulesOf(hook.Chain).Contains(ShownRule.Of(hook.Rule)))
                _change.Remove(hook);
        }
        // The layouts decide in different chains what is masqueraded, so all must change in one transaction.
        ChainId proxyFirewall = ChainId.Filter(KubeProxyIptables.ProxyFirewall);
        _change.IsOfAnotherLayout = saved.RulesOf(ChainId.Nat(KubeProxyIptables.Services)).Count > 0
            && saved.Has(proxyFirewall) != ours.Contains(proxyFirewall);
    }
}
