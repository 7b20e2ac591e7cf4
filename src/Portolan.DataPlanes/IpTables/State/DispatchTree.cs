using Portolan.DataPlanes.IpTables.Layout;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>
/// KUBE-SERVICES as a tree: chains per address prefix, each leading to at most four narrower ones, down to leaves with the rules of a few
/// addresses. A packet walks a number of rules that grows with the logarithm of the number of services.
/// </summary>
/// <remarks>
/// The shape depends on the addresses there are, not on the order they came in: a prefix with more than <see cref="LeafSize"/> addresses
/// branches by the next two bits after those all of them share. A change of one address touches the chains on its path only.
/// Services that share an address stand in the order of their names, so that a comparison finds the chain as it was written.
/// </remarks>
internal sealed class DispatchTree(IpFamily family)
{
    /// <summary>Addresses a leaf holds at most; one more chain costs about as much as walking this many rules costs on average.</summary>
    public const int LeafSize = 8;

    private const int BranchBits = 2;

    private readonly List<InetAddress> _addresses = [];
    private readonly Dictionary<InetAddress, List<(ObjectName Owner, string Rule)>> _rules = [];
    private readonly int _bits = InetAddress.LengthOf(family) * 8;

    public void Add(InetAddress address, ObjectName owner, string rule)
    {
        if (!_rules.TryGetValue(address, out List<(ObjectName, string)>? rules))
        {
            _rules.Add(address, rules = []);
            _addresses.Insert(~_addresses.BinarySearch(address), address);
        }
        Insert(rules, owner, rule);
    }

    /// <summary>Adds many at once: sorted once.</summary>
    public void Fill(IEnumerable<(InetAddress Address, ObjectName Owner, string Rule)> entries)
    {
        _addresses.Clear();
        _rules.Clear();
        foreach ((InetAddress address, ObjectName owner, string rule) in entries)
        {
            if (!_rules.TryGetValue(address, out List<(ObjectName, string)>? rules))
            {
                _rules.Add(address, rules = []);
                _addresses.Add(address);
            }
            Insert(rules, owner, rule);
        }
        _addresses.Sort();
    }

    public void Remove(InetAddress address, ObjectName owner, string rule)
    {
        if (!_rules.TryGetValue(address, out List<(ObjectName, string)>? rules))
            return;
        rules.Remove((owner, rule));
        if (rules.Count > 0)
            return;
        _rules.Remove(address);
        _addresses.RemoveAt(_addresses.BinarySearch(address));
    }

    /// <summary>The rules that stand in KUBE-SERVICES itself.</summary>
    public IEnumerable<(ObjectName? Owner, string Rule)> Root() => _addresses.Count == 0 ? [] : Rules(NodeOf(0, _addresses.Count), isRoot: true);

    /// <summary>All chains, a prefix before those inside it.</summary>
    public IEnumerable<Branch> AllBranches() => Below(0, _addresses.Count, static (_, _) => true);

    /// <summary>
    /// The chains that may look different once up to <paramref name="changed"/>.Count addresses come or go: those on the paths of these
    /// addresses, those beside the paths, and the small ones that may merge or split. A chain that is in here before a change and not after
    /// it may still exist: see <see cref="Find"/>.
    /// </summary>
    public IEnumerable<Branch> BranchesNear(IReadOnlyCollection<InetAddress> changed) =>
        Below(0, _addresses.Count, (prefix, count) => count <= LeafSize + changed.Count || changed.Any(prefix.Contains));

    /// <summary>The chain of a prefix, if the tree has one.</summary>
    public Branch? Find(InetPrefix prefix)
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

    // Rules of one owner keep the order they come in: mark, then jump.
    private static void Insert(List<(ObjectName Owner, string Rule)> rules, ObjectName owner, string rule) =>
        rules.Insert(rules.FindLastIndex(entry => entry.Owner <= owner) + 1, (owner, rule));

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

    private IEnumerable<(ObjectName? Owner, string Rule)> Rules(Node node, bool isRoot)
    {
        if (!node.IsLeaf)
        {
            // From KUBE-SERVICES a jump, because what finds no service there may still be for a NodePort; further down nobody is waiting.
            foreach (Node child in Children(node))
            {
                yield return (null, new RuleSpec
                {
                    Destination = child.Prefix.ToString(),
                    Target = ChainName.OfBranch(child.Prefix),
                    IsGoto = !isRoot,
                }.ToString());
            }
            yield break;
        }
        for (int i = node.From; i < node.To; i++)
        {
            foreach ((ObjectName owner, string rule) in _rules[_addresses[i]])
                yield return (owner, rule);
        }
    }

    /// <summary>The addresses of a range with the prefix that all of them share.</summary>
    private Node NodeOf(int from, int to)
    {
        UInt128 difference = _addresses[from].ToNumber() ^ _addresses[to - 1].ToNumber();
        int length = _bits - (128 - (int)UInt128.LeadingZeroCount(difference));
        return new(InetPrefix.Of(_addresses[from], length), from, to);
    }

    /// <summary>A node's branches: the parts of its range by the next bits, each under its own (longer) prefix of that length.</summary>
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
    /// <param name="Prefix">The destinations it is for.</param>
    /// <param name="Rules">Its rules, and for which service each is; null for jumps within the tree.</param>
    public readonly record struct Branch(InetPrefix Prefix, List<(ObjectName? Owner, string Rule)> Rules)
    {
        public string Name => ChainName.OfBranch(Prefix);

        public bool HasRulesOf(Branch other) => Rules.SequenceEqual(other.Rules);
    }

    private readonly record struct Node(InetPrefix Prefix, int From, int To)
    {
        public int Count => To - From;

        public bool IsLeaf => Count <= LeafSize;
    }
}
