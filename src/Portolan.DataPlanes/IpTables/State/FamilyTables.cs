using System.Collections.Immutable;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>
/// What one family's tables are meant to hold, and the change that leads there: from what was written last, or from what the kernel shows.
/// Pure; the plane runs the changes.
/// </summary>
internal sealed class FamilyTables(ChainLayout layout, IpTablesDispatch dispatch)
{
    // With more changed rules than this a shared chain is written anew: iptables-nft compares each -D with every rule of the chain.
    private const int MaxEdits = 64;

    // Fewer are compiled in less time than it takes to share the work.
    private const int FewServices = 500;

    private readonly Dictionary<ObjectName, ServicePlan> _plans = [];
    private DispatchTree? _tree = NewTree(layout, dispatch);
    private int _endpoints;

    public ChainLayout Layout { get; private set; } = layout;

    /// <summary>Plans the rules are made from, as of the last <see cref="Take"/>.</summary>
    public IReadOnlyDictionary<ObjectName, ServicePlan> Plans => _plans;

    /// <summary>Node-wide facts changed in a way that may concern any rule: the change from here has to be taken from what the kernel shows.</summary>
    public void UseLayout(ChainLayout layout)
    {
        Layout = layout;
        _tree = NewTree(layout, dispatch);
    }

    /// <summary>Replaces plans without saying what changes: before <see cref="ChangeFrom"/>.</summary>
    public void Replace(ObjectName service, ServicePlan? plan)
    {
        _endpoints += EndpointsOf(plan) - EndpointsOf(_plans.GetValueOrDefault(service));
        if (plan is null)
            _plans.Remove(service);
        else
            _plans[service] = plan;
    }

    /// <summary>How many endpoints, counted once for each port they serve, there will be after some changes.</summary>
    public int EndpointsAfter(ImmutableArray<ServiceChange> services) => _endpoints
        + services.Sum(change => EndpointsOf(change.Plan) - EndpointsOf(_plans.GetValueOrDefault(change.Service)));

    /// <summary>Replaces plans and tells what that changes, supposing that what was written before is there. Costs what the changes cost.</summary>
    public ChangeSet Take(ImmutableArray<ServiceChange> services)
    {
        var change = new ChangeSet(Layout);
        List<(InetAddress Address, ObjectName Owner, string Rule)> removed = [], added = [];
        foreach ((ObjectName service, ServicePlan? plan) in services)
        {
            Fragment old = Layout.Compile(_plans.GetValueOrDefault(service)), next = Layout.Compile(plan);
            Replace(service, plan);
            CompareChains(change, old, next);
            (IEnumerable<SharedRule> goes, IEnumerable<SharedRule> comes) = CompareRules(old.Shared, next.Shared);
            foreach (SharedRule rule in goes)
            {
                if (IsInTree(rule))
                    removed.Add((rule.Address, service, rule.Rule));
                else
                    change.Removed.Add((service, rule));
            }
            foreach (SharedRule rule in comes)
            {
                if (IsInTree(rule))
                    added.Add((rule.Address, service, rule.Rule));
                else
                    change.Added.Add((service, rule));
            }
        }
        if (_tree is not null)
            ChangeTree(change, _tree, removed, added);
        return change;
    }

    /// <summary>Replaces the addresses NodePorts are found by, and tells what that changes.</summary>
    public void TakeNodePortDispatch(ChangeSet change, ChainLayout next)
    {
        SharedRule[] old = [.. Layout.NodePortDispatch()], wanted = [.. next.NodePortDispatch()];
        change.TailAdded.AddRange(wanted.Except(old));
        foreach (SharedRule rule in old.Except(wanted))
            change.Removed.Add((null, rule));
        Layout = next;
    }

    /// <summary>The change from what the kernel shows to what is meant. What is right already is not touched and keeps its counters.</summary>
    /// <param name="saved">What the kernel shows.</param>
    /// <param name="rewritesShared">
    /// True to write the chains that all services share as a whole where anything in them is wrong: single rules, which may be somebody else's,
    /// could not be taken out as they are shown.
    /// </param>
    public ChangeSet ChangeFrom(SavedTables saved, bool rewritesShared = false)
    {
        var change = new ChangeSet(Layout) { NeedsMangleCanary = !saved.Has("mangle", ChainName.Canary) };
        foreach ((RuleTable table, string chain, string[] rules) in Layout.FixedChains())
        {
            if (saved.Has(ChangeSet.NameOf(table), chain) && saved.RulesOf(ChangeSet.NameOf(table), chain).Select(Fingerprint.Normalize).SequenceEqual(rules))
                continue;
            if (table == RuleTable.Nat)
                change.Whole.Add(new FixedChain(chain, rules));
            else
                change.WholeFilter.Add((chain, rules));
        }

        HashSet<string> stale = [.. saved.Owned.Keys];
        var shared = Layout.SharedChains.ToDictionary(static key => key, static _ => new List<(ObjectName? Owner, SharedRule Rule)>());
        List<(InetAddress Address, ObjectName Owner, string Rule)> inTree = [];
        foreach ((ObjectName service, Fragment fragment, List<NatChain> wrong) in CompareAll(saved))
        {
            foreach (NatChain chain in fragment.Chains)
                stale.Remove(chain.Name);
            change.Whole.AddRange(wrong);
            foreach (SharedRule rule in fragment.Shared)
            {
                if (IsInTree(rule))
                    inTree.Add((rule.Address, service, rule.Rule));
                else
                    shared[(rule.Table, rule.Chain)].Add((service, rule));
            }
        }
        if (_tree is not null)
            FillTree(change, saved, stale, _tree, inTree, shared[(RuleTable.Nat, ChainName.Services)]);
        foreach (((RuleTable Table, string Chain) chain, List<(ObjectName? Owner, SharedRule Rule)> rules) in shared)
            CompareShared(change, saved, chain, rules, rewritesShared);
        CompareHooks(change, saved);
        FindChainsOfOtherLayouts(change, saved);
        change.Deleted.AddRange(stale);
        return change;
    }

    /// <summary>
    /// What all services mean, in an order that stays, and which of their own chains are not as they should be. Nothing of many can be written
    /// before the last is compared, so that processors share it.
    /// </summary>
    private IEnumerable<(ObjectName Service, Fragment Fragment, List<NatChain> Wrong)> CompareAll(SavedTables saved)
    {
        return _plans.Count < FewServices ? _plans.Select(Compare) : _plans.AsParallel().AsOrdered().Select(Compare);

        (ObjectName, Fragment, List<NatChain>) Compare(KeyValuePair<ObjectName, ServicePlan> service)
        {
            Fragment fragment = Layout.Compile(service.Value);
            return (service.Key, fragment, [.. fragment.Chains.Where(chain => !saved.Holds(chain))]);
        }
    }

    private int EndpointsOf(ServicePlan? plan)
    {
        int count = 0;
        foreach (PortPlan port in plan?.Ports ?? [])
        {
            if (port.Family != Layout.Context.Family)
                continue;
            count += port.LocalBackends.IsEmpty || port.LocalBackends == port.ClusterBackends
                ? port.ClusterBackends.Length
                : port.ClusterBackends.Union(port.LocalBackends).Count();
        }
        return count;
    }

    private bool IsInTree(SharedRule rule) => _tree is not null && rule.Address.Family != IpFamily.None;

    /// <summary>
    /// What goes and what comes. The rules of a series keep their order: where one of them changes, all are taken out and put in again.
    /// </summary>
    private static (IEnumerable<SharedRule> Goes, IEnumerable<SharedRule> Comes) CompareRules(List<SharedRule> old, List<SharedRule> next)
    {
        if (old.SequenceEqual(next))
            return ([], []);
        var before = old.ToLookup(static rule => rule.Series);
        var after = next.ToLookup(static rule => rule.Series);
        return (before.Where(group => !group.SequenceEqual(after[group.Key])).SelectMany(static group => group),
            after.Where(group => !group.SequenceEqual(before[group.Key])).SelectMany(static group => group));
    }

    private static void CompareChains(ChangeSet change, Fragment old, Fragment next)
    {
        foreach (NatChain chain in next.Chains)
        {
            if (old.Find(chain.Name) is not { } before || !before.Rules().SequenceEqual(chain.Rules()))
                change.Whole.Add(chain);
        }
        foreach (NatChain chain in old.Chains)
        {
            if (next.Find(chain.Name) is null)
                change.Deleted.Add(chain.Name);
        }
    }

    private static void CompareShared(ChangeSet change, SavedTables saved, (RuleTable Table, string Chain) chain,
        List<(ObjectName? Owner, SharedRule Rule)> rules, bool rewrites)
    {
        string table = ChangeSet.NameOf(chain.Table);
        SharedRule[] tail = chain == (RuleTable.Nat, ChainName.Services) ? [.. change.Layout.NodePortDispatch()] : [];
        if (!saved.Has(table, chain.Chain))
        {
            Rewrite();
            return;
        }
        IReadOnlyList<string> present = saved.RulesOf(table, chain.Chain);
        Dictionary<string, (string Text, int Place)> surplus = [];
        bool isDoubled = false;
        for (int i = 0; i < present.Count; i++)
            isDoubled |= !surplus.TryAdd(Fingerprint.Normalize(present[i]), (present[i], i));

        int PlaceOf(SharedRule rule) => surplus.TryGetValue(rule.Rule, out var found) ? found.Place : -1;
        int lastForOneAddress = rules.Exists(static entry => entry.Rule.IsForAllAddresses)
            ? rules.Max(entry => entry.Rule.IsForAllAddresses ? -1 : PlaceOf(entry.Rule))
            : -1;
        List<(ObjectName? Owner, SharedRule Rule)> missing = [];
        foreach (var group in rules.GroupBy(static entry => (entry.Owner, entry.Rule.Series)))
        {
            // What is there of a series that lacks a rule, or has two the wrong way round, stays surplus, to be taken out and put in again.
            if (!IsInOrder(group.Select(entry => PlaceOf(entry.Rule)))
                || group.Any(entry => entry.Rule.IsForAllAddresses && PlaceOf(entry.Rule) < lastForOneAddress))
            {
                missing.AddRange(group);
                continue;
            }
            foreach ((_, SharedRule rule) in group)
                surplus.Remove(rule.Rule);
        }
        // Each is for another address, so that their order among each other says nothing.
        bool isTailRight = present.Skip(present.Count - tail.Length).Select(Fingerprint.Normalize).ToHashSet().SetEquals(tail.Select(static rule => rule.Rule));
        for (int i = 0; isTailRight && i < tail.Length; i++)
            surplus.Remove(tail[i].Rule);
        if (isTailRight && !isDoubled && missing.Count + surplus.Count == 0)
            return;
        if (!rewrites && !isDoubled && missing.Count + surplus.Count <= MaxEdits)
        {
            change.Added.AddRange(missing);
            foreach ((string rule, _) in surplus.Values)
                change.Removed.Add((null, new(chain.Table, chain.Chain, rule)));
            if (!isTailRight)
                change.TailAdded.AddRange(tail);
            return;
        }
        Rewrite();

        void Rewrite()
        {
            change.Rewritten.Add(chain);
            change.Added.AddRange(rules);
            change.TailAdded.AddRange(tail);
        }
    }

    /// <summary>True when each place is behind the one before; -1 for none.</summary>
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

    private void CompareHooks(ChangeSet change, SavedTables saved)
    {
        foreach (SharedRule hook in Layout.Hooks())
        {
            string table = ChangeSet.NameOf(hook.Table);
            int copies = saved.RulesOf(table, hook.Chain).Count(rule => Fingerprint.Normalize(rule) == hook.Rule);
            if (copies == 0 && !saved.LeadsUnread(table, hook.Chain, RuleSpec.TargetOf(hook.Rule)))
                change.Hooks.Add(hook);
            change.Removed.AddRange(Enumerable.Repeat(((ObjectName?)null, hook), Math.Max(0, copies - 1)));
            // Chains that hooks lead to and that no layout fills are the kubelet's as well.
            if (hook.Rule == $"-j {ChainName.Firewall}" && !saved.Has(table, ChainName.Firewall)
                && !change.NewChains.Contains((hook.Table, ChainName.Firewall)))
                change.NewChains.Add((hook.Table, ChainName.Firewall));
        }
    }

    /// <summary>What another layout, or another version of kube-proxy, left: chains that nobody keeps in step any more.</summary>
    private void FindChainsOfOtherLayouts(ChangeSet change, SavedTables saved)
    {
        HashSet<(RuleTable Table, string Chain)> ours = [.. Layout.SharedChains, .. Layout.FixedChains().Select(static chain => (chain.Table, chain.Chain))];
        foreach (RuleTable table in (ReadOnlySpan<RuleTable>)[RuleTable.Nat, RuleTable.Filter])
        {
            string name = ChangeSet.NameOf(table);
            HashSet<string> surplus =
                [.. saved.Chains.Where(chain => chain.Table == name && ChainName.Shared.Contains(chain.Chain) && !ours.Contains((table, chain.Chain))).Select(static chain => chain.Chain)];
            change.DeletedShared.AddRange(surplus.Select(chain => (table, chain)));
            foreach ((_, string chain, string rule) in saved.Jumps().Where(jump => jump.Table == name && !ChainName.Shared.Contains(jump.Chain)))
            {
                if (surplus.Contains(RuleSpec.TargetOf(rule)))
                    change.Removed.Add((null, new(table, chain, rule)));
            }
        }
        foreach (SharedRule hook in Layout.HooksOfOtherLayouts())
        {
            if (saved.RulesOf(ChangeSet.NameOf(hook.Table), hook.Chain).Contains(hook.Rule))
                change.Removed.Add((null, hook));
        }
        // The layouts say in different chains what is masqueraded: until all have changed, none may.
        change.IsOfAnotherLayout = saved.RulesOf("nat", ChainName.Services).Count > 0
            && saved.Has("filter", ChainName.ProxyFirewall) != ours.Contains((RuleTable.Filter, ChainName.ProxyFirewall));
    }

    private static void FillTree(ChangeSet change, SavedTables saved, HashSet<string> stale, DispatchTree tree,
        List<(InetAddress Address, ObjectName Owner, string Rule)> entries, List<(ObjectName? Owner, SharedRule Rule)> root)
    {
        tree.Fill(entries);
        foreach (DispatchTree.Branch branch in tree.AllBranches())
        {
            stale.Remove(branch.Name);
            if (!saved.Owned.TryGetValue(branch.Name, out ulong fingerprint)
                || fingerprint != Fingerprint.Of([.. branch.Rules.Select(static entry => entry.Rule)]))
                change.Branches.Add(branch);
        }
        foreach ((ObjectName? owner, string rule) in tree.Root())
            root.Add((owner, new(RuleTable.Nat, ChainName.Services, rule)));
    }

    internal static void ChangeTree(ChangeSet change, DispatchTree tree, List<(InetAddress Address, ObjectName Owner, string Rule)> removed,
        List<(InetAddress Address, ObjectName Owner, string Rule)> added)
    {
        if (removed.Count + added.Count == 0)
            return;
        HashSet<InetAddress> addresses = [.. removed.Concat(added).Select(static entry => entry.Address)];
        Dictionary<InetPrefix, DispatchTree.Branch> before = tree.BranchesNear(addresses).ToDictionary(static branch => branch.Prefix);
        (ObjectName? Owner, string Rule)[] rootBefore = [.. tree.Root()];
        foreach ((InetAddress address, ObjectName owner, string rule) in removed)
            tree.Remove(address, owner, rule);
        foreach ((InetAddress address, ObjectName owner, string rule) in added)
            tree.Add(address, owner, rule);

        foreach (DispatchTree.Branch branch in tree.BranchesNear(addresses))
        {
            if (!before.Remove(branch.Prefix, out DispatchTree.Branch old) || !old.HasRulesOf(branch))
                change.Branches.Add(branch);
        }
        foreach (DispatchTree.Branch old in before.Values)
        {
            if (tree.Find(old.Prefix) is not { } kept)
                change.Deleted.Add(old.Name);
            else if (!kept.HasRulesOf(old))
                change.Branches.Add(kept);
        }
        // By owner, all or none: rules for one destination keep their order, as in CompareRules.
        var wasRoot = rootBefore.ToLookup(static entry => entry.Owner);
        var root = tree.Root().ToLookup(static entry => entry.Owner);
        foreach ((ObjectName? owner, string rule) in root.Where(group => !group.SequenceEqual(wasRoot[group.Key])).SelectMany(static group => group))
            change.Added.Add((owner, new(RuleTable.Nat, ChainName.Services, rule)));
        foreach ((ObjectName? owner, string rule) in wasRoot.Where(group => !group.SequenceEqual(root[group.Key])).SelectMany(static group => group))
            change.Removed.Add((owner, new(RuleTable.Nat, ChainName.Services, rule)));
    }

    private static DispatchTree? NewTree(ChainLayout layout, IpTablesDispatch dispatch) =>
        dispatch == IpTablesDispatch.Tree ? new(layout.Context.Family) : null;
}
