using System.Collections.Immutable;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>
/// What one family's tables should hold, and the change that achieves it: from what was written last, or from what the kernel holds.
/// Pure; the plane makes the changes.
/// </summary>
internal sealed class FamilyTables(ChainLayout layout, IpTablesDispatch dispatch)
{
    private readonly Dictionary<ObjectName, ServicePlan> _plans = [];
    private DispatchTree? _tree = NewTree(layout, dispatch);
    private int _endpoints;
    private RuleCounts _ofServices;

    /// <summary>How many rules are meant to be there, as of the last <see cref="Take"/> or <see cref="ChangeFrom"/>.</summary>
    public RuleCounts Owned => _ofServices + RuleCounts.Of(Layout);

    public ChainLayout Layout { get; private set; } = layout;

    /// <summary>Plans the rules are generated from, as of the last <see cref="Take"/>.</summary>
    public IReadOnlyDictionary<ObjectName, ServicePlan> Plans => _plans;

    /// <summary>
    /// Node-wide facts changed in a way that may affect any rule: the next change has to be computed from what the kernel holds.
    /// </summary>
    public void UseLayout(ChainLayout layout)
    {
        Layout = layout;
        _tree = NewTree(layout, dispatch);
    }

    /// <summary>Replaces plans without computing the change: to be called before <see cref="ChangeFrom"/>.</summary>
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

    /// <summary>
    /// Replaces plans and the addresses of NodePorts, and returns the resulting change, assuming that what was written before is still
    /// in place. The cost depends on the changes only.
    /// </summary>
    /// <param name="services">The services that change.</param>
    /// <param name="next">The layout from now on: the same except for the node's addresses.</param>
    public ChangeSet Take(ImmutableArray<ServiceChange> services, ChainLayout next)
    {
        var change = new ChangeSet();
        List<SharedRule> removedInTree = [], addedInTree = [];
        foreach ((ObjectName service, ServicePlan? plan) in services)
        {
            Fragment old = Layout.Compile(_plans.GetValueOrDefault(service)), wanted = Layout.Compile(plan);
            Replace(service, plan);
            _ofServices += RuleCounts.Of(wanted) - RuleCounts.Of(old);
            CompareChains(change, old, wanted);
            (IEnumerable<SharedRule> goes, IEnumerable<SharedRule> comes) = CompareRules(old.Shared, wanted.Shared);
            foreach (SharedRule rule in goes)
            {
                if (IsInTree(rule))
                    removedInTree.Add(rule);
                else
                    change.Remove(rule);
            }
            foreach (SharedRule rule in comes)
            {
                if (IsInTree(rule))
                    addedInTree.Add(rule);
                else
                    change.Add(rule);
            }
        }
        if (_tree is not null)
            ChangeTree(change, _tree.Change(removedInTree, addedInTree));

        SharedRule[] dispatched = [.. Layout.NodePortDispatch()], dispatchedNext = [.. next.NodePortDispatch()];
        foreach (SharedRule rule in dispatchedNext.Except(dispatched))
            change.Add(rule);
        foreach (SharedRule rule in dispatched.Except(dispatchedNext))
            change.Remove(rule);
        Layout = next;
        return change;
    }

    /// <summary>
    /// The change from what the kernel holds to what it should hold. What is already right is not touched and keeps its counters.
    /// </summary>
    /// <param name="saved">What the kernel holds.</param>
    /// <param name="rewritesShared">
    /// True to rewrite the chains shared by all services as a whole if anything in them is wrong: single rules, which may be another
    /// program's, could not be deleted by their printed text.
    /// </param>
    public ChangeSet ChangeFrom(SavedTables saved, bool rewritesShared = false)
    {
        var comparison = new KernelComparison(Layout, _tree, saved, rewritesShared);
        ChangeSet change = comparison.Compare(_plans);
        _ofServices = comparison.Wanted;
        return change;
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
    /// What is deleted and what is added. The rules of a series keep their order: if one of them changes, all are deleted and added again.
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
        foreach (RuleChain chain in next.Chains)
        {
            if (old.Find(chain.Id) is not { } before || !before.HasRulesOf(chain))
                change.Write(chain);
        }
        foreach (RuleChain chain in old.Chains)
        {
            if (next.Find(chain.Id) is null)
                change.Delete(chain.Id);
        }
    }

    private static void ChangeTree(ChangeSet change, TreeChange tree)
    {
        foreach (DispatchTree.Branch branch in tree.Written)
            change.Write(branch);
        foreach (ChainId chain in tree.Deleted)
            change.Delete(chain);
        foreach (OwnedRule rule in tree.RootRemoved)
            change.Remove(KernelComparison.InServices(rule));
        foreach (OwnedRule rule in tree.RootAdded)
            change.Add(KernelComparison.InServices(rule));
    }

    private static DispatchTree? NewTree(ChainLayout layout, IpTablesDispatch dispatch) =>
        dispatch == IpTablesDispatch.Tree ? new(layout.Context.Family) : null;
}
