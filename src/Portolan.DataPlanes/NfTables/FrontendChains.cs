using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Writes the chains that serve one scope of frontends: those with addresses of their own, or NodePorts, whose chains are the same but for their
/// names, the keys they look up, and the map of endpoints.
/// </summary>
/// <param name="input">What the rules are made from.</param>
/// <param name="scope">The frontends.</param>
/// <param name="podConditions">The conditions of which one holds for a packet from a pod.</param>
/// <param name="chains">Where the chains go, in an order in which each may be created.</param>
internal sealed class FrontendChains(
    ProgramInput input, FrontendScope scope, Func<IEnumerable<NfExpression[]>> podConditions, List<ChainProgram> chains)
{
    /// <summary>
    /// Numbers of backends that have their chains whether or not a frontend has so many. The kernel walks a whole map for every new rule that
    /// looks into it (nf_tables_bind_set): at 50,000 elements a millisecond and more for a rule. So rules that look into the large maps stand in
    /// chains of their own and stay as they are while services come to have one endpoint more or less, change policies, or ranges change.
    /// </summary>
    internal const int PreallocatedCounts = 8;

    private readonly RuleExpressions _expr = new(input.Family, scope);
    private readonly NfTableId _table = TableSchema.Table(input.Family);
    private readonly string _prefix = scope == FrontendScope.NodePorts ? "node-port-" : "";
    private readonly int[] _timeouts = input.Values(scope, RuleRequirementKind.AffinitySeconds);
    private readonly bool _hasExternalLocal = input.Has(scope, RuleRequirementKind.ExternalLocal);

    private string ExternalLocal => _prefix + "external-local";

    private string Inside => _prefix + "inside";

    /// <summary>Writes the chains that <see cref="Serving"/> leads to.</summary>
    internal void Write()
    {
        ElementSet endpoints = scope == FrontendScope.NodePorts ? ElementSet.NodePortEndpoints : ElementSet.Endpoints;
        WriteView(RuleRequirementKind.Endpoints, endpoints, RuleRequirementKind.AffinityIds, ElementSet.AffinityIds, _prefix);
        if (!_hasExternalLocal)
            return;
        WriteView(RuleRequirementKind.InsideEndpoints, ElementSet.InsideEndpoints, RuleRequirementKind.InsideAffinityIds, ElementSet.InsideAffinityIds, Inside + "-");
        WriteInside();
    }

    /// <summary>The rule that counts new connections, where counters are configured.</summary>
    internal IEnumerable<NfRule> Counting(string chain)
    {
        if (input.WithCounters)
            yield return Keyed(chain, "frontend-counters");
    }

    /// <summary>The rules that decide about packets to the frontends of this scope; other packets come through all of them.</summary>
    internal IEnumerable<NfRule> Serving(string chain)
    {
        if (_hasExternalLocal)
            yield return Keyed(chain, "external-local", RuleExpressions.Jump(ExternalLocal));
        yield return Keyed(chain, "masquerade-always", RuleExpressions.SetMark(input.MasqueradeMark));
        foreach (NfRule rule in ToAffinity(chain, _prefix))
            yield return rule;
        if (input.Has(scope, RuleRequirementKind.Endpoints))
            yield return Rule(chain, [RuleExpressions.Jump(_prefix + "pick")]);
        yield return Keyed(chain, "no-endpoints", _expr.Reject);
        yield return Keyed(chain, "no-local-endpoints", RuleExpressions.Drop);
    }

    private IEnumerable<NfRule> ToAffinity(string chain, string view)
    {
        foreach (int seconds in _timeouts)
        {
            string set = TableSchema.Name(ElementSet.AffinityFrontends, seconds);
            yield return Keyed(chain, set, RuleExpressions.Jump(AffinityChain(view, seconds)));
            // Only a commit between two lookups leads here: once more, with what it left.
            yield return Keyed(chain, set, RuleExpressions.Jump(AffinityChain(view, seconds)));
        }
    }

    private void WriteInside()
    {
        List<NfRule> external = [];
        foreach (NfExpression[] isPod in podConditions())
            external.Add(Rule(ExternalLocal, [.. isPod, RuleExpressions.Goto(Inside)], "from a pod"));
        external.Add(Rule(ExternalLocal, [.. RuleExpressions.SourceIsLocal, .. RuleExpressions.SetMark(input.MasqueradeMark), RuleExpressions.Goto(Inside)], "from this node"));
        Add(ExternalLocal, external);

        List<NfRule> inside = [.. ToAffinity(Inside, Inside + "-")];
        if (input.Has(scope, RuleRequirementKind.InsideEndpoints))
            inside.Add(Rule(Inside, [RuleExpressions.Jump(Inside + "-pick")]));
        Add(Inside, inside);
    }

    /// <summary>The chains that choose a backend, for one view of the frontends: all clients, or clients inside.</summary>
    private void WriteView(RuleRequirementKind use, ElementSet map, RuleRequirementKind affinityUse, ElementSet idMap, string view)
    {
        string mapName = TableSchema.Name(map);
        int[] counts = Counts(use);
        if (counts.Length > 0)
        {
            // pick-1 also serves as the last resort of a packet that a commit overtakes.
            foreach (int count in counts)
            {
                string chain = FormattableString.Invariant($"{view}pick-{count}");
                Add(chain, [Rule(chain, [.. _expr.KeyAndRandom((uint)count), RuleExpressions.Map(mapName), _expr.Dnat()])]);
            }
            string pick = view + "pick", byCount = view + "pick-by-count";
            WriteTree(byCount, pick, mapName, counts);
            NfExpression[] exists = [.. _expr.KeyAndIndex(0), RuleExpressions.In(mapName)];
            Add(pick,
            [
                Rule(pick, [.. exists, RuleExpressions.Jump(byCount)]),
                Rule(pick, [.. exists, RuleExpressions.Jump(view + "pick-1")], "only while a commit lands between two lookups"),
            ]);
        }

        if (_timeouts.Length == 0)
            return;
        string idMapName = TableSchema.Name(idMap);
        int[] idCounts = Counts(affinityUse);
        foreach (int count in idCounts)
        {
            string chain = FormattableString.Invariant($"{view}affinity-pick-{count}");
            Add(chain, [Rule(chain, [.. _expr.KeyAndRandom((uint)count), RuleExpressions.Map(idMapName), RuleExpressions.StorePriority])]);
        }
        WriteTree(view + "affinity-pick", view + "affinity-pick", idMapName, idCounts);
        foreach (int seconds in _timeouts)
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
        NfExpression[] HasMoreThan(int count) => [.. _expr.KeyAndIndex((uint)count), RuleExpressions.In(map)];

        void Branch(string into, List<NfRule> list, ReadOnlySpan<int> range)
        {
            if (range.Length <= 3)
            {
                for (int i = range.Length - 1; i > 0; i--)
                    list.Add(Rule(into, [.. HasMoreThan(range[i - 1]), RuleExpressions.Goto(Leaf(range[i]))]));
                list.Add(Rule(into, [RuleExpressions.Goto(Leaf(range[0]))]));
                return;
            }
            int middle = range.Length / 2;
            string upper = From(range[middle]);
            List<NfRule> upperRules = [];
            Branch(upper, upperRules, range[middle..]);
            Add(upper, upperRules);
            list.Add(Rule(into, [.. HasMoreThan(range[middle - 1]), RuleExpressions.Goto(upper)]));
            Branch(into, list, range[..middle]);
        }

        List<NfRule> rules = [], unusualRules = [];
        if (counts.Length > 0)
        {
            string unusual = From(PreallocatedCounts + 1);
            if (counts.Length > PreallocatedCounts)
                Branch(unusual, unusualRules, counts.AsSpan(PreallocatedCounts));
            Add(unusual, unusualRules);
            rules.Add(Rule(chain, [.. HasMoreThan(PreallocatedCounts), RuleExpressions.Goto(unusual)]));
            Branch(chain, rules, counts.AsSpan(0, PreallocatedCounts));
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
        NfExpression[] client = _expr.Client();

        List<NfRule> walk = [];
        // Rounded up, so that services growing by an endpoint do not rewrite the chain each time.
        int walked = (maxCount + stride - 1) / stride * stride;
        for (int i = 0; i < walked; i++)
        {
            if (i > 0 && i % stride == 0)
                walk.Add(Rule(chain, [.. _expr.KeyAndIndex((uint)i), RuleExpressions.In(idMap, inverted: true), RuleExpressions.Goto(fresh)]));
            walk.Add(Rule(chain, [.. _expr.KeyAndIndex((uint)i), RuleExpressions.Map(idMap), RuleExpressions.StorePriority]));
            walk.Add(Rule(chain, [.. client, RuleExpressions.In(clients), RuleExpressions.Goto(found)]));
        }
        walk.Add(Rule(chain, [RuleExpressions.Goto(fresh)]));

        Add(found,
        [
            Rule(found, [.. client, new NfDynamicSet(clients, NfDynamicSetOperation.Update, NfRegister.At(0)) { Timeout = TimeSpan.FromSeconds(seconds) }]),
            Rule(found, [RuleExpressions.LoadPriority(0), RuleExpressions.Map(TableSchema.Name(ElementSet.AffinityEndpoints)), _expr.Dnat()]),
        ]);
        Add(fresh, [Rule(fresh, [RuleExpressions.Jump(view + "affinity-pick")]), Rule(fresh, [RuleExpressions.Goto(found)])]);
        Add(chain, walk);
    }

    private static string AffinityChain(string view, int seconds) => FormattableString.Invariant($"{view}affinity-{seconds}");

    /// <summary>The usual numbers of backends and the others in use, ascending; none when there is no frontend of the kind at all.</summary>
    private int[] Counts(RuleRequirementKind kind)
    {
        int[] used = input.Values(scope, kind);
        return used.Length == 0 ? [] : [.. Enumerable.Range(1, PreallocatedCounts), .. used.Where(static count => count > PreallocatedCounts)];
    }

    private NfRule Keyed(string chain, string set, params NfExpression[] then) => Rule(chain, [.. _expr.Key(), RuleExpressions.In(set), .. then]);

    private NfRule Rule(string chain, NfExpression[] expressions, string? comment = null) =>
        new(_table, chain, [.. expressions]) { Comment = comment };

    private void Add(string chain, IReadOnlyList<NfRule> rules) =>
        chains.Add(new ChainProgram(new NfChain(_table, chain), [.. rules]));
}
