using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Services.Plan;

namespace Portolan.DataPlanes.NfTables;

/// <summary>The sets, chains and rules of one family's table, without elements: their number depends on what kinds of services there are.</summary>
/// <param name="Sets">Sets and maps by name.</param>
/// <param name="Chains">Chains in an order in which each may be created; a chain's rules may jump to any of them.</param>
internal sealed record TableProgram(ImmutableArray<NfSet> Sets, ImmutableArray<ChainProgram> Chains);

/// <summary>A chain and its rules.</summary>
internal sealed record ChainProgram(NfChain Chain, ImmutableArray<NfRule> Rules);

/// <summary>What the static rules are made from.</summary>
/// <param name="Family">The family.</param>
/// <param name="Uses">What services ask for, sorted.</param>
/// <param name="Detector">How pods are told from others.</param>
/// <param name="ServiceCidrs">Ranges whose unallotted addresses are dropped, this family's.</param>
/// <param name="MasqueradeMark">The mark bit between prerouting and postrouting.</param>
/// <param name="WithCounters">Whether new connections are counted per frontend.</param>
internal sealed record ProgramInput(
    IpFamily Family,
    ImmutableArray<RuleUse> Uses,
    LocalDetector Detector,
    ImmutableArray<InetPrefix> ServiceCidrs,
    uint MasqueradeMark,
    bool WithCounters);

/// <summary>Writes the static rules. Pure.</summary>
internal sealed class RuleProgram
{
    private const string Services = "services";
    private const string Inside = "inside";

    /// <summary>
    /// Numbers of backends that have their chains whether or not a frontend has so many. The kernel walks a whole map for every new rule that
    /// looks into it (nf_tables_bind_set): at 50,000 elements a millisecond and more for a rule. So rules that look into the large maps stand in
    /// chains of their own and stay as they are while services come to have one endpoint more or less, change policies, or ranges change.
    /// </summary>
    private const int UsualCounts = 8;

    private readonly ProgramInput _input;
    private readonly Expr _expr;
    private readonly NfTableId _table;
    private readonly List<ChainProgram> _chains = [];

    private RuleProgram(ProgramInput input)
    {
        _input = input;
        _expr = new Expr(input.Family);
        _table = TableSchema.Table(input.Family);
    }

    /// <summary>The program for an input.</summary>
    internal static TableProgram Build(ProgramInput input) => new RuleProgram(input).Build();

    private TableProgram Build()
    {
        int[] timeouts = Values(RuleUseKind.AffinitySeconds);
        int[] prefixLengths = Values(RuleUseKind.PrefixLength);
        bool hasExternalLocal = Values(RuleUseKind.ExternalLocal).Length > 0;

        WriteView(RuleUseKind.Endpoints, ElementSet.Endpoints, RuleUseKind.AffinityIds, ElementSet.AffinityIds, "", timeouts);
        if (hasExternalLocal)
        {
            WriteView(RuleUseKind.InsideEndpoints, ElementSet.InsideEndpoints,
                RuleUseKind.InsideAffinityIds, ElementSet.InsideAffinityIds, "inside-", timeouts);
            WriteInside(timeouts);
        }
        if (prefixLengths.Length > 0)
            WriteSourceCheck(prefixLengths);
        WriteOffCluster();
        WriteServices(timeouts, hasExternalLocal, prefixLengths.Length > 0);
        WriteBaseChains(timeouts.Length > 0);
        return new TableProgram(Sets(timeouts, prefixLengths), [.. _chains]);
    }

    private ImmutableArray<NfSet> Sets(int[] timeouts, int[] prefixLengths)
    {
        var sets = ImmutableArray.CreateBuilder<NfSet>();
        foreach (ElementSet set in Enum.GetValues<ElementSet>())
        {
            switch (set)
            {
                case ElementSet.SourceRanges:
                    foreach (int length in prefixLengths)
                        sets.Add(TableSchema.Definition(_input.Family, set, length));
                    break;
                case ElementSet.AffinityFrontends:
                    foreach (int seconds in timeouts)
                    {
                        sets.Add(TableSchema.Definition(_input.Family, set, seconds));
                        sets.Add(TableSchema.Clients(_input.Family, seconds));
                    }
                    break;
                case ElementSet.Counters when !_input.WithCounters:
                    break;
                default:
                    sets.Add(TableSchema.Definition(_input.Family, set, withCounters: _input.WithCounters));
                    break;
            }
        }
        return sets.ToImmutable();
    }

    private void WriteBaseChains(bool hasAffinity)
    {
        const int dstnat = -100;
        const int srcnat = 100;
        List<NfRule> postrouting = [];
        // A chain's last statements, so that the rules of services can be read first in a listing.
        string chain = "postrouting";
        if (hasAffinity)
        {
            postrouting.Add(Rule(chain, Expr.ClearPriority(AffinityIds.MarkMask, AffinityIds.Mark)));
        }
        postrouting.Add(Rule(chain, [.. Expr.TakeMark(_input.MasqueradeMark), Expr.Masquerade]));
        postrouting.Add(Rule(chain, [.. Expr.IsTranslated, _expr.Source(0), _expr.Destination(_expr.AddressSlots), Expr.In("hairpin"), Expr.Masquerade]));
        Add(chain, postrouting, new NfHook("nat", NfHookNumber.Postrouting, srcnat));
        Add("prerouting", [Rule("prerouting", [Expr.Jump(Services)])], new NfHook("nat", NfHookNumber.Prerouting, dstnat));
        Add("output", [Rule("output", [Expr.Jump(Services)])], new NfHook("nat", NfHookNumber.Output, dstnat));
    }

    private void WriteServices(int[] timeouts, bool hasExternalLocal, bool hasSourceRanges)
    {
        List<NfRule> rules = [];
        void Key(string set, params NfExpression[] then) => rules.Add(Rule(Services, [.. _expr.Key(), Expr.In(set), .. then]));

        if (_input.WithCounters)
            Key("frontend-counters");
        if (hasSourceRanges)
            Key("source-restricted", Expr.Jump("source-check"));
        else
            Key("source-restricted", Expr.Drop);
        if (hasExternalLocal)
            Key("external-local", Expr.Jump("external-local"));
        rules.Add(Rule(Services, [_expr.Destination(0), Expr.In("cluster-ips"), Expr.Jump("off-cluster")]));
        Key("masquerade-always", Expr.SetMark(_input.MasqueradeMark));
        foreach (int seconds in timeouts)
        {
            string set = TableSchema.Name(ElementSet.AffinityFrontends, seconds);
            Key(set, Expr.Jump(AffinityChain("", seconds)));
            // Only a commit between two lookups leads here: once more, with what it left.
            Key(set, Expr.Jump(AffinityChain("", seconds)));
        }
        if (Values(RuleUseKind.Endpoints).Length > 0)
            rules.Add(Rule(Services, [Expr.Jump("pick")]));
        Key("no-endpoints", _expr.Reject);
        Key("no-local-endpoints", Expr.Drop);
        rules.Add(Rule(Services, [_expr.Destination(0), Expr.In("cluster-ips"), .. Expr.DestinationIsNotLocal, _expr.Reject],
            "unknown port of a cluster IP"));
        foreach (InetPrefix cidr in _input.ServiceCidrs)
        {
            rules.Add(Rule(Services, [.. _expr.DestinationIn(cidr), .. Expr.DestinationIsNotLocal, Expr.Drop],
                "unallotted cluster IP"));
        }
        Add(Services, rules);
    }

    private void WriteInside(int[] timeouts)
    {
        List<NfRule> external = [];
        foreach (NfExpression[] isPod in PodConditions())
            external.Add(Rule("external-local", [.. isPod, Expr.Goto(Inside)], "from a pod"));
        external.Add(Rule("external-local", [.. Expr.SourceIsLocal, .. Expr.SetMark(_input.MasqueradeMark), Expr.Goto(Inside)], "from this node"));
        Add("external-local", external);

        List<NfRule> inside = [];
        foreach (int seconds in timeouts)
        {
            NfExpression[] hasAffinity = [.. _expr.Key(), Expr.In(TableSchema.Name(ElementSet.AffinityFrontends, seconds))];
            inside.Add(Rule(Inside, [.. hasAffinity, Expr.Jump(AffinityChain("inside-", seconds))]));
            inside.Add(Rule(Inside, [.. hasAffinity, Expr.Jump(AffinityChain("inside-", seconds))]));
        }
        if (Values(RuleUseKind.InsideEndpoints).Length > 0)
            inside.Add(Rule(Inside, [Expr.Jump("inside-pick")]));
        Add(Inside, inside);
    }

    private void WriteSourceCheck(int[] prefixLengths)
    {
        List<NfRule> rules = [];
        foreach (int length in prefixLengths)
        {
            rules.Add(Rule("source-check",
                [.. _expr.KeyAndMaskedSource(length), Expr.In(TableSchema.Name(ElementSet.SourceRanges, length)), Expr.Return]));
        }
        rules.Add(Rule("source-check", [Expr.Drop], "not in loadBalancerSourceRanges"));
        Add("source-check", rules);
    }

    private void WriteOffCluster()
    {
        List<NfRule> rules = [];
        foreach (NfExpression[] isPod in PodConditions())
            rules.Add(Rule("off-cluster", [.. isPod, Expr.Return], "from a pod"));
        if (_input.Detector.Mode != LocalDetection.None && rules.Count > 0)
            rules.Add(Rule("off-cluster", Expr.SetMark(_input.MasqueradeMark)));
        Add("off-cluster", rules);
    }

    private IEnumerable<NfExpression[]> PodConditions()
    {
        switch (_input.Detector.Mode)
        {
            case LocalDetection.Cidrs:
                foreach (InetPrefix cidr in _input.Detector.Cidrs)
                {
                    if (cidr.Family == _input.Family)
                        yield return _expr.SourceIn(cidr);
                }
                break;
            case LocalDetection.Interface:
                yield return Expr.FromInterface(_input.Detector.Interface, isPrefix: false);
                break;
            case LocalDetection.InterfacePrefix:
                yield return Expr.FromInterface(_input.Detector.Interface, isPrefix: true);
                break;
            case LocalDetection.None:
                break;
        }
    }

    /// <summary>The chains that choose a backend, for one view of the frontends: all clients, or clients inside.</summary>
    private void WriteView(RuleUseKind use, ElementSet map, RuleUseKind affinityUse, ElementSet idMap, string view, int[] timeouts)
    {
        string mapName = TableSchema.Name(map);
        int[] counts = Counts(use);
        if (counts.Length > 0)
        {
            // pick-1 also serves as the last resort of a packet that a commit overtakes.
            foreach (int count in counts)
            {
                string chain = FormattableString.Invariant($"{view}pick-{count}");
                Add(chain, [Rule(chain, [.. _expr.KeyAndRandom((uint)count), Expr.Map(mapName), _expr.Dnat()])]);
            }
            string pick = view + "pick", byCount = view + "pick-by-count";
            WriteTree(byCount, pick, mapName, counts);
            NfExpression[] exists = [.. _expr.KeyAndIndex(0), Expr.In(mapName)];
            Add(pick,
            [
                Rule(pick, [.. exists, Expr.Jump(byCount)]),
                Rule(pick, [.. exists, Expr.Jump(view + "pick-1")], "only while a commit lands between two lookups"),
            ]);
        }

        if (timeouts.Length == 0)
            return;
        string idMapName = TableSchema.Name(idMap);
        int[] idCounts = Counts(affinityUse);
        foreach (int count in idCounts)
        {
            string chain = FormattableString.Invariant($"{view}affinity-pick-{count}");
            Add(chain, [Rule(chain, [.. _expr.KeyAndRandom((uint)count), Expr.Map(idMapName), Expr.StorePriority])]);
        }
        WriteTree(view + "affinity-pick", view + "affinity-pick", idMapName, idCounts);
        foreach (int seconds in timeouts)
            WriteAffinity(view, idMapName, idCounts.Length == 0 ? 0 : idCounts[^1], seconds);
    }

    /// <summary>
    /// A decision tree from a frontend to the chain for its number of backends. It asks whether an index exists, so no element has to say
    /// how many there are. The part for the usual numbers never changes; what is above them has a chain of its own.
    /// </summary>
    private void WriteTree(string chain, string leafPrefix, string map, int[] counts)
    {
        string Leaf(int count) => FormattableString.Invariant($"{leafPrefix}-{count}");
        string From(int count) => FormattableString.Invariant($"{leafPrefix}-from-{count}");
        NfExpression[] HasMoreThan(int count) => [.. _expr.KeyAndIndex((uint)count), Expr.In(map)];

        void Branch(string into, List<NfRule> list, ReadOnlySpan<int> range)
        {
            if (range.Length <= 3)
            {
                for (int i = range.Length - 1; i > 0; i--)
                    list.Add(Rule(into, [.. HasMoreThan(range[i - 1]), Expr.Goto(Leaf(range[i]))]));
                list.Add(Rule(into, [Expr.Goto(Leaf(range[0]))]));
                return;
            }
            int middle = range.Length / 2;
            string upper = From(range[middle]);
            List<NfRule> upperRules = [];
            Branch(upper, upperRules, range[middle..]);
            Add(upper, upperRules);
            list.Add(Rule(into, [.. HasMoreThan(range[middle - 1]), Expr.Goto(upper)]));
            Branch(into, list, range[..middle]);
        }

        List<NfRule> rules = [], unusualRules = [];
        if (counts.Length > 0)
        {
            string unusual = From(UsualCounts + 1);
            if (counts.Length > UsualCounts)
                Branch(unusual, unusualRules, counts.AsSpan(UsualCounts));
            Add(unusual, unusualRules);
            rules.Add(Rule(chain, [.. HasMoreThan(UsualCounts), Expr.Goto(unusual)]));
            Branch(chain, rules, counts.AsSpan(0, UsualCounts));
        }
        Add(chain, rules);
    }

    /// <summary>
    /// Session affinity: walk the frontend's backends and look whether this client has been with one of them; else pick one. The backend's
    /// affinity id travels in the packet's priority, which nothing reads before postrouting clears it.
    /// </summary>
    private void WriteAffinity(string view, string idMap, int maxCount, int seconds)
    {
        const int stride = 8;
        string chain = AffinityChain(view, seconds);
        string found = FormattableString.Invariant($"{view}affinity-{seconds}-found");
        string fresh = FormattableString.Invariant($"{view}affinity-{seconds}-new");
        string clients = TableSchema.ClientsName(seconds);
        NfExpression[] client = [_expr.Source(0), Expr.LoadPriority(_expr.AddressSlots)];

        List<NfRule> walk = [];
        // Rounded up, so that services growing by an endpoint do not rewrite the chain each time.
        int walked = (maxCount + stride - 1) / stride * stride;
        for (int i = 0; i < walked; i++)
        {
            if (i > 0 && i % stride == 0)
                walk.Add(Rule(chain, [.. _expr.KeyAndIndex((uint)i), Expr.In(idMap, inverted: true), Expr.Goto(fresh)]));
            walk.Add(Rule(chain, [.. _expr.KeyAndIndex((uint)i), Expr.Map(idMap), Expr.StorePriority]));
            walk.Add(Rule(chain, [.. client, Expr.In(clients), Expr.Goto(found)]));
        }
        walk.Add(Rule(chain, [Expr.Goto(fresh)]));

        Add(found,
        [
            Rule(found, [.. client, new NfDynamicSet(clients, NfDynamicSetOperation.Update, NfRegister.At(0)) { Timeout = TimeSpan.FromSeconds(seconds) }]),
            Rule(found, [Expr.LoadPriority(0), Expr.Map(TableSchema.Name(ElementSet.AffinityEndpoints)), _expr.Dnat()]),
        ]);
        Add(fresh, [Rule(fresh, [Expr.Jump(view + "affinity-pick")]), Rule(fresh, [Expr.Goto(found)])]);
        Add(chain, walk);
    }

    private static string AffinityChain(string view, int seconds) => FormattableString.Invariant($"{view}affinity-{seconds}");

    /// <summary>The usual numbers of backends and the others in use, ascending; none when there is no frontend of the kind at all.</summary>
    private int[] Counts(RuleUseKind kind)
    {
        int[] used = Values(kind);
        return used.Length == 0 ? [] : [.. Enumerable.Range(1, UsualCounts), .. used.Where(static count => count > UsualCounts)];
    }

    private int[] Values(RuleUseKind kind)
    {
        List<int> values = [];
        foreach (RuleUse use in _input.Uses)
        {
            if (use.Kind == kind)
                values.Add(use.Value);
        }
        return [.. values];
    }

    private NfRule Rule(string chain, NfExpression[] expressions, string? comment = null) =>
        new(_table, chain, [.. expressions]) { Comment = comment };

    private void Add(string chain, IReadOnlyList<NfRule> rules, NfHook? hook = null) =>
        _chains.Add(new ChainProgram(new NfChain(_table, chain) { Hook = hook }, [.. rules]));
}
