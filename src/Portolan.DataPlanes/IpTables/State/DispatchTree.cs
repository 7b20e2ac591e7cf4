using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>
/// KUBE-SERVICES as a tree: chains per address prefix, each with jumps to at most four narrower ones, down to leaves with the rules of a
/// few addresses. The number of rules a packet traverses grows with the logarithm of the number of services.
/// </summary>
/// <remarks>
/// The shape depends on the addresses, not on the order in which they were added: a prefix with more than <see cref="LeafSize"/> addresses
/// branches by the next two bits after those all of them share. A change of one address only touches the chains on its path.
/// Services that share an address are ordered by name, so that a comparison finds the chain as it was written.
/// </remarks>
internal sealed class DispatchTree(IpFamily family)
{
    /// <summary>Most addresses in a leaf; one more chain costs about as much as traversing this many rules costs on average.</summary>
    public const int LeafSize = 8;

    private const int BranchBits = 2;

    private readonly List<InetAddress> _addresses = [];
    private readonly Dictionary<InetAddress, List<OwnedRule>> _rules = [];
    private readonly int _bits = InetAddress.LengthOf(family) * 8;

    /// <summary>Adds many at once: sorted once.</summary>
    /// <param name="rules">The rules of all services that have an address.</param>
    public void Fill(IEnumerable<SharedRule> rules)
    {
        _addresses.Clear();
        _rules.Clear();
        foreach (SharedRule rule in rules)
        {
            if (!_rules.TryGetValue(rule.Address, out List<OwnedRule>? there))
            {
                _rules.Add(rule.Address, there = []);
                _addresses.Add(rule.Address);
            }
            Insert(there, rule);
        }
        _addresses.Sort();
    }

    /// <summary>Removes rules and adds others.</summary>
    /// <returns>The chains and rules that change.</returns>
    public TreeChange Change(IReadOnlyCollection<SharedRule> removed, IReadOnlyCollection<SharedRule> added)
    {
        if (removed.Count + added.Count == 0)
            return TreeChange.None;
        HashSet<InetAddress> addresses = [.. removed.Concat(added).Select(static rule => rule.Address)];
        Dictionary<InetPrefix, Branch> before = BranchesNear(addresses).ToDictionary(static branch => branch.Prefix);
        OwnedRule[] rootBefore = [.. Root()];
        foreach (SharedRule rule in removed)
            Remove(rule);
        foreach (SharedRule rule in added)
            Add(rule);

        List<Branch> written = [];
        List<ChainId> deleted = [];
        foreach (Branch branch in BranchesNear(addresses))
        {
            if (!before.Remove(branch.Prefix, out Branch? old) || !old.HasRulesOf(branch))
                written.Add(branch);
        }
        foreach (Branch old in before.Values)
        {
            if (Find(old.Prefix) is not { } kept)
                deleted.Add(old.Id);
            else if (!kept.HasRulesOf(old))
                written.Add(kept);
        }
        // All of an owner's or none: rules for one destination keep their order.
        ILookup<ObjectName?, OwnedRule> wasRoot = rootBefore.ToLookup(static rule => rule.Owner);
        ILookup<ObjectName?, OwnedRule> root = Root().ToLookup(static rule => rule.Owner);
        return new(written, deleted, DifferingGroups(wasRoot, root), DifferingGroups(root, wasRoot));
    }

    /// <summary>The rules that are in KUBE-SERVICES itself.</summary>
    public IEnumerable<OwnedRule> Root() => _addresses.Count == 0 ? [] : Rules(NodeOf(0, _addresses.Count), isRoot: true);

    /// <summary>All chains, a prefix before those inside it.</summary>
    public IEnumerable<Branch> AllBranches() => Below(0, _addresses.Count, static (_, _) => true);

    /// <summary>
    /// The chains that may change if up to <paramref name="changed"/>.Count addresses are added or removed: those on the paths of these
    /// addresses, those beside the paths, and the small ones that may merge or split. A chain that is returned before a change and not
    /// after it may still exist: see <see cref="Find"/>.
    /// </summary>
    private IEnumerable<Branch> BranchesNear(HashSet<InetAddress> changed) =>
        Below(0, _addresses.Count, (prefix, count) => count <= LeafSize + changed.Count || changed.Any(prefix.Contains));

    /// <summary>The chain of a prefix, if the tree has one.</summary>
    private Branch? Find(InetPrefix prefix)
    {
        int from = 0, to = _addresses.Count;
        while (to > from && NodeOf(from, to) is { IsLeaf: false } node)
        {
            Node? next = null;
            foreach (Node child in Children(node))
            {
                if (child.Prefix == prefix)
                    return BranchOf(child);
                if (child.Prefix.Length < prefix.Length && child.Prefix.Contains(prefix.Address))
                    next = child;
            }
            if (next is not { } inner)
                return null;
            (from, to) = (inner.From, inner.To);
        }
        return null;
    }

    private void Add(SharedRule rule)
    {
        if (!_rules.TryGetValue(rule.Address, out List<OwnedRule>? there))
        {
            _rules.Add(rule.Address, there = []);
            _addresses.Insert(~_addresses.BinarySearch(rule.Address), rule.Address);
        }
        Insert(there, rule);
    }

    private void Remove(SharedRule rule)
    {
        if (!_rules.TryGetValue(rule.Address, out List<OwnedRule>? there))
            return;
        there.Remove(new(rule.Rule, rule.Owner));
        if (there.Count > 0)
            return;
        _rules.Remove(rule.Address);
        _addresses.RemoveAt(_addresses.BinarySearch(rule.Address));
    }

    // Rules of one owner keep their order: mark, then jump.
    private static void Insert(List<OwnedRule> rules, SharedRule rule) =>
        rules.Insert(rules.FindLastIndex(there => there.Owner <= rule.Owner) + 1, new(rule.Rule, rule.Owner));

    private static OwnedRule[] DifferingGroups(ILookup<ObjectName?, OwnedRule> of, ILookup<ObjectName?, OwnedRule> against) =>
        [.. of.Where(group => !group.SequenceEqual(against[group.Key])).SelectMany(static group => group)];

    private IEnumerable<Branch> Below(int from, int to, Func<InetPrefix, int, bool> isEntered)
    {
        if (to == from || NodeOf(from, to) is not { IsLeaf: false } node)
            yield break;
        foreach (Node child in Children(node))
        {
            yield return BranchOf(child);
            if (!isEntered(child.Prefix, child.Count))
                continue;
            foreach (Branch branch in Below(child.From, child.To, isEntered))
                yield return branch;
        }
    }

    private Branch BranchOf(Node child) => new(child.Prefix, [.. Rules(NodeOf(child.From, child.To), isRoot: false)]);

    private IEnumerable<OwnedRule> Rules(Node node, bool isRoot)
    {
        if (!node.IsLeaf)
        {
            // From KUBE-SERVICES a jump, because a packet that finds no service may still be for a NodePort; further down a goto is enough.
            foreach (Node child in Children(node))
            {
                var target = new JumpTarget(KubeProxyIptables.BranchChain(child.Prefix), IsGoto: !isRoot);
                yield return new(new() { Destination = new(child.Prefix), Target = target }, null);
            }
            yield break;
        }
        for (int i = node.From; i < node.To; i++)
        {
            foreach (OwnedRule rule in _rules[_addresses[i]])
                yield return rule;
        }
    }

    /// <summary>The addresses of a range with the prefix that all of them share.</summary>
    private Node NodeOf(int from, int to)
    {
        UInt128 difference = _addresses[from].ToNumber() ^ _addresses[to - 1].ToNumber();
        int length = _bits - (128 - (int)UInt128.LeadingZeroCount(difference));
        return new(InetPrefix.Of(_addresses[from], length), from, to);
    }

    /// <summary>A node's branches: the parts of its range by the next bits, each with its own (longer) prefix of that length.</summary>
    private IEnumerable<Node> Children(Node node)
    {
        int length = Math.Min(node.Prefix.Length + BranchBits, _bits);
        for (int from = node.From; from < node.To;)
        {
            InetPrefix prefix = InetPrefix.Of(_addresses[from], length);
            int to = _addresses.BinarySearch(from, node.To - from, prefix.Last, null);
            to = to < 0 ? ~to : to + 1;
            yield return new(prefix, from, to);
            from = to;
        }
    }

    /// <summary>One chain of the tree.</summary>
    /// <param name="prefix">The destinations it is for.</param>
    /// <param name="rules">Its rules, and the service of each; null for jumps within the tree.</param>
    public sealed class Branch(InetPrefix prefix, OwnedRule[] rules) : RuleChain(ChainId.Nat(KubeProxyIptables.BranchChain(prefix)))
    {
        private readonly IpRule[] _rules = [.. rules.Select(static rule => rule.Rule)];

        public InetPrefix Prefix => prefix;

        public override ObjectName? Owner => null;

        public override IReadOnlyList<IpRule> Rules() => _rules;

        public override ObjectName? OwnerOf(int rule) => rules[rule].Owner;
    }

    private readonly record struct Node(InetPrefix Prefix, int From, int To)
    {
        public int Count => To - From;

        public bool IsLeaf => Count <= LeafSize;
    }
}

/// <summary>How a change of addresses changes the tree.</summary>
/// <param name="Written">New and changed chains.</param>
/// <param name="Deleted">Deleted chains.</param>
/// <param name="RootRemoved">Rules removed from KUBE-SERVICES.</param>
/// <param name="RootAdded">Rules added to KUBE-SERVICES, including removed ones of a service that has another changed rule.</param>
internal sealed record TreeChange(
    IReadOnlyList<DispatchTree.Branch> Written,
    IReadOnlyList<ChainId> Deleted,
    IReadOnlyList<OwnedRule> RootRemoved,
    IReadOnlyList<OwnedRule> RootAdded)
{
    public static TreeChange None { get; } = new([], [], [], []);
}
