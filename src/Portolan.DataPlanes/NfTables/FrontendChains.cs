using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Writes the chains that serve one scope of frontends: those with addresses of their own, or NodePorts, whose chains are the same except
/// for their names, the keys they look up, and the maps.
/// </summary>
/// <remarks>
/// A frontend's value (<see cref="PortolanFrontend"/>) leads through a verdict map to the chain that serves it. The chains for the values
/// that nearly all frontends have do no further look-up before that of the endpoint; all others share the chain "policies".
/// </remarks>
/// <param name="program">Where chains and verdicts go.</param>
/// <param name="scope">The frontends.</param>
internal sealed class FrontendChains(ProgramBuilder program, FrontendScope scope)
{
    /// <summary>
    /// Up to this number of backends the chains always exist, whether or not a frontend has that many. The kernel walks a whole map for
    /// every new rule that looks into it (nf_tables_bind_set): at 50,000 elements 3 ms per rule. So rules that look into the large maps are
    /// in chains of their own and do not change when services gain or lose an endpoint, change policies, or when ranges change.
    /// </summary>
    internal const int PreallocatedCounts = 8;

    /// <summary>Combinations of flags that have pick chains of their own.</summary>
    private static ReadOnlySpan<PortolanFrontendFlags> PlainFlags =>
        [PortolanFrontendFlags.None, PortolanFrontendFlags.OffCluster, PortolanFrontendFlags.Masquerade];

    private readonly ProgramInput _input = program.Input;
    private readonly RuleExpressions _expr = new(program.Input.Family, scope);
    private readonly int[] _timeouts = program.Input.Values(scope, RuleRequirementKind.AffinitySeconds);
    private readonly PortolanFrontend[] _outside = Frontends(program.Input, scope, RuleRequirementKind.Frontend);
    private readonly PortolanFrontend[] _inside = Frontends(program.Input, scope, RuleRequirementKind.InsideFrontend);

    private const PortolanFrontendFlags AffinityFlags = PortolanFrontendFlags.Affinity | PortolanFrontendFlags.OtherAffinity;

    private PortolanView Outside { get; } = scope == FrontendScope.NodePorts ? PortolanView.NodePorts : PortolanView.All;

    private PortolanView Inside => Outside | PortolanView.Inside;

    private PortolanSet Picks { get; } = scope == FrontendScope.NodePorts ? PortolanSet.NodePortPicks : PortolanSet.Picks;

    /// <summary>Writes all chains of the scope except the one that packets arrive from.</summary>
    internal void Write()
    {
        PortolanFrontendFlags used = _outside.Aggregate(PortolanFrontendFlags.None, static (all, one) => all | one.Flags);
        WriteOvertaken(Outside, _outside);
        if (_inside.Length > 0)
            WriteInside();
        WriteEnds();
        WriteAffinity(Outside, _outside);
        WritePolicies(used);
        foreach (PortolanFrontendFlags flags in PlainFlags)
            WritePicks(Outside, flags, _outside);
        LeadToPolicies(Outside, _outside);
    }

    /// <summary>The rule that takes packets to the frontends of this scope, and lets others through.</summary>
    internal IEnumerable<NfRule> Serving(string chain)
    {
        if (_input.WithCounters)
            yield return program.Rule(chain, [.. _expr.Key(), RuleExpressions.In(TableSchema.Name(PortolanSet.Counters))]);
        yield return program.Rule(chain, [.. StoreFrontend(Outside), .. RuleExpressions.LeadBy(TableSchema.Name(Kinds(Outside)))]);
    }

    private NfExpression[] StoreFrontend(PortolanView view)
    {
        PortolanSet map = view.HasFlag(PortolanView.Inside) ? PortolanSet.InsideFrontends
            : scope == FrontendScope.NodePorts ? PortolanSet.NodePortFrontends : PortolanSet.Frontends;
        return [.. _expr.Key(), RuleExpressions.Map(TableSchema.Name(map)), RuleExpressions.StorePriority];
    }

    /// <summary>The chains that pick an endpoint for frontends with some flags.</summary>
    private void WritePicks(PortolanView view, PortolanFrontendFlags flags, PortolanFrontend[] frontends)
    {
        PortolanChainKind kind = flags switch
        {
            PortolanFrontendFlags.OffCluster => PortolanChainKind.OffClusterPickOf,
            PortolanFrontendFlags.Masquerade => PortolanChainKind.MasqueradePickOf,
            _ => PortolanChainKind.PickOf,
        };
        bool isPlain = flags == PortolanFrontendFlags.None;
        // For NodePorts and for clients inside the cluster these chains do not depend on whether the client is a pod.
        if (!isPlain
            && (view.HasFlag(PortolanView.Inside) || (flags == PortolanFrontendFlags.OffCluster && scope == FrontendScope.NodePorts)))
            return;
        string map = TableSchema.Name(EndpointMap(view));
        foreach (ushort count in Counts(frontends.Where(frontend => frontend.Flags == flags || (isPlain && IsForPolicies(frontend)))))
        {
            string chain = Chain(kind, view, count);
            List<NfRule> rules = [];
            if (flags == PortolanFrontendFlags.Masquerade)
                rules.Add(program.Rule(chain, NfStatements.SetMark(_input.MasqueradeMark)));
            else if (flags == PortolanFrontendFlags.OffCluster && program.MarkUnlessPod() is { } mark)
                rules.Add(program.Rule(chain, mark));
            rules.Add(program.Rule(chain,
                [.. RuleExpressions.ClearPriority, .. _expr.KeyAndRandom(count), RuleExpressions.Map(map), _expr.Dnat()]));
            rules.Add(program.Rule(chain, [RuleExpressions.Goto(Chain(PortolanChainKind.Overtaken, view))]));
            program.Add(chain, rules);
            program.Lead(Kinds(view), new PortolanFrontend(flags, count).Value, NfVerdict.Goto(chain));
            if (isPlain && !view.HasFlag(PortolanView.Inside))
                program.Lead(Picks, count, NfVerdict.Goto(chain));
        }
    }

    /// <summary>The chains for frontends without an endpoint.</summary>
    private void WriteEnds()
    {
        WriteEnd(PortolanChainKind.NoEndpoints, PortolanFrontendFlags.None, PortolanSet.NoEndpoints, _expr.Reject);
        WriteEnd(PortolanChainKind.NoLocalEndpoints, PortolanFrontendFlags.Drop, PortolanSet.NoLocalEndpoints, RuleExpressions.Drop);
    }

    private void WriteEnd(PortolanChainKind kind, PortolanFrontendFlags flags, PortolanSet counters, NfExpression end)
    {
        string chain = Chain(kind, Outside);
        List<NfRule> rules = [];
        if (_input.WithCounters)
            rules.Add(program.Rule(chain, [.. _expr.Key(), RuleExpressions.In(TableSchema.Name(counters)), end]));
        rules.Add(program.Rule(chain, [end]));
        program.Add(chain, rules);
        // The kernel allows no loop: "policies" uses a map of its own, because "kinds" leads to "policies".
        program.Lead(Kinds(Outside), new PortolanFrontend(flags, 0).Value, NfVerdict.Goto(chain));
        program.Lead(Picks, new PortolanFrontend(flags, 0).Value, NfVerdict.Goto(chain));
    }

    /// <summary>
    /// A commit may take effect between two look-ups: the frontend had four endpoints and now has three, and index 3 was drawn.
    /// Index 0 exists for as long as the frontend has endpoints.
    /// </summary>
    private void WriteOvertaken(PortolanView view, PortolanFrontend[] frontends)
    {
        string chain = Chain(PortolanChainKind.Overtaken, view);
        List<NfRule> rules =
        [
            program.Rule(chain, [.. RuleExpressions.ClearPriority, .. _expr.KeyAndIndex(0),
                RuleExpressions.Map(TableSchema.Name(EndpointMap(view))), _expr.Dnat()],
                PortolanTables.RuleComments.Overtaken),
        ];
        if (HasAffinity(frontends))
        {
            rules.Add(program.Rule(chain,
                [.. _expr.KeyAndIndex(0), RuleExpressions.Map(TableSchema.Name(IdMap(view))), RuleExpressions.StorePriority]));
            rules.Add(program.Rule(chain, _expr.ToAffinityEndpoint()));
            if (HasLocalAffinity(frontends))
            {
                rules.Add(program.Rule(chain, RuleExpressions.SetPriorityBits(AffinityIds.LocalView)));
                rules.Add(program.Rule(chain, _expr.ToAffinityEndpoint()));
            }
        }
        rules.Add(view.HasFlag(PortolanView.Inside)
            ? program.Rule(chain, [RuleExpressions.Goto(Chain(PortolanChainKind.Overtaken, Outside))])
            : program.Rule(chain, [_expr.Reject]));
        program.Add(chain, rules);
    }

    /// <summary>The chains for clients inside the cluster, of frontends with policy Local.</summary>
    private void WriteInside()
    {
        WriteOvertaken(Inside, _inside);
        WritePicks(Inside, PortolanFrontendFlags.None, _inside);
        WriteAffinity(Inside, _inside);
        if (HasAffinity(_inside))
        {
            string policies = Chain(PortolanChainKind.Policies, Inside);
            program.Add(policies, [.. ToAffinity(policies, Inside, isLocal: false)]);
        }
        LeadToPolicies(Inside, _inside);

        string inside = Chain(PortolanChainKind.Inside, Outside);
        program.Add(inside,
        [
            program.Rule(inside, [.. StoreFrontend(Inside), .. RuleExpressions.LeadBy(TableSchema.Name(Kinds(Inside)))]),
            program.Rule(inside, [RuleExpressions.Goto(Chain(PortolanChainKind.Overtaken, Inside))], PortolanTables.RuleComments.Overtaken),
        ]);
        string external = Chain(PortolanChainKind.ExternalLocal, Outside);
        List<NfRule> rules = [];
        foreach (NfExpression[] isPod in program.FromPod)
            rules.Add(program.Rule(external, [.. isPod, RuleExpressions.Goto(inside)], PortolanTables.RuleComments.FromPod));
        rules.Add(program.Rule(external,
            [.. NfStatements.SourceIsLocal, .. NfStatements.SetMark(_input.MasqueradeMark), RuleExpressions.Goto(inside)],
            PortolanTables.RuleComments.FromNode));
        program.Add(external, rules);
    }

    /// <summary>What each flag of a frontend requires, one after the other, and then picking one of its endpoints.</summary>
    private void WritePolicies(PortolanFrontendFlags used)
    {
        string chain = Chain(PortolanChainKind.Policies, Outside);
        List<NfRule> rules = [];
        void When(PortolanFrontendFlags flag, params NfExpression[] then)
        {
            if (used.HasFlag(flag))
                rules.Add(program.Rule(chain, [.. RuleExpressions.PriorityHas(PortolanFrontend.MaskOf(flag)), .. then]));
        }

        When(PortolanFrontendFlags.Restricted, program.SourceCheck);
        When(PortolanFrontendFlags.ExternalLocal, RuleExpressions.Jump(Chain(PortolanChainKind.ExternalLocal, Outside)));
        When(PortolanFrontendFlags.Masquerade, NfStatements.SetMark(_input.MasqueradeMark));
        if (program.MarkUnlessPod() is { } mark)
            When(PortolanFrontendFlags.OffCluster, mark);
        if (HasLocalAffinity(_outside))
            rules.AddRange(ToAffinity(chain, Outside, isLocal: true));
        if (HasAffinity(_outside))
            rules.AddRange(ToAffinity(chain, Outside, isLocal: false));
        rules.Add(program.Rule(chain, RuleExpressions.LeadBy(TableSchema.Name(Picks), PortolanFrontend.EndMask)));
        program.Add(chain, rules);
    }

    private IEnumerable<NfRule> ToAffinity(string chain, PortolanView view, bool isLocal)
    {
        PortolanChainKind kind = isLocal ? PortolanChainKind.AffinityLocal : PortolanChainKind.Affinity;
        foreach (int seconds in _timeouts)
        {
            bool isUsual = seconds == PortolanTables.DefaultAffinitySeconds;
            PortolanFrontendFlags flags = (isUsual ? PortolanFrontendFlags.Affinity : PortolanFrontendFlags.OtherAffinity)
                | (isLocal ? PortolanFrontendFlags.LocalAffinity : PortolanFrontendFlags.None);
            uint mask = PortolanFrontend.MaskOf(flags);
            NfExpression[] isSo = isLocal ? RuleExpressions.PriorityIs(mask, mask) : RuleExpressions.PriorityHas(mask);
            NfExpression[] hasTimeout = isUsual
                ? [] : [.. _expr.Key(), RuleExpressions.In(TableSchema.Name(PortolanSet.AffinityFrontends, seconds))];
            yield return program.Rule(chain, [.. isSo, .. hasTimeout, RuleExpressions.Goto(Chain(kind, view, seconds))]);
        }
    }

    private void LeadToPolicies(PortolanView view, PortolanFrontend[] frontends)
    {
        string policies = Chain(PortolanChainKind.Policies, view);
        foreach (IGrouping<PortolanFrontendFlags, PortolanFrontend> group in frontends.Where(IsForPolicies)
            .GroupBy(static frontend => frontend.Flags))
        {
            IEnumerable<ushort> none = group.Any(static frontend => frontend.Count == 0) ? [0] : [];
            IEnumerable<ushort> some = group.Any(static frontend => frontend.Count != 0) ? Counts(group) : [];
            foreach (ushort count in none.Concat(some))
                program.Lead(Kinds(view), new PortolanFrontend(group.Key, count).Value, NfVerdict.Goto(policies));
        }
    }

    /// <summary>
    /// Session affinity: which endpoint does the kernel remember for this client at this service port? If none, or one that is no longer in
    /// use, pick one. Ids are passed in the packet's priority, which nothing else reads before postrouting clears it.
    /// </summary>
    private void WriteAffinity(PortolanView view, PortolanFrontend[] frontends)
    {
        PortolanFrontend[] own = [.. frontends.Where(static frontend => (frontend.Flags & AffinityFlags) != 0)];
        if (own.Length == 0)
            return;
        PortolanSet counts = CountsMap(view);
        foreach (ushort count in Counts(own))
        {
            string pick = Chain(PortolanChainKind.AffinityPickOf, view, count);
            program.Add(pick,
                [program.Rule(pick,
                [.. _expr.KeyAndRandom(count), RuleExpressions.Map(TableSchema.Name(IdMap(view))), RuleExpressions.StorePriority])]);
            program.Lead(counts, count, NfVerdict.Jump(pick));
        }
        // The rules of "policies" go to the chains of all timeouts, whichever frontends have them.
        foreach (int seconds in _timeouts)
        {
            WriteAffinity(view, counts, seconds, isLocal: false);
            if (HasLocalAffinity(own))
                WriteAffinity(view, counts, seconds, isLocal: true);
        }
    }

    private void WriteAffinity(PortolanView view, PortolanSet counts, int seconds, bool isLocal)
    {
        string chain = Chain(isLocal ? PortolanChainKind.AffinityLocal : PortolanChainKind.Affinity, view, seconds);
        string found = program.AffinityFound(seconds, isLocal);
        string clients = TableSchema.Name(PortolanSet.AffinityClients, seconds);
        program.Add(chain,
        [
            program.Rule(chain,
                [.. _expr.Key(), RuleExpressions.Map(TableSchema.Name(PortolanSet.AffinityPorts)), RuleExpressions.StorePriority]),
            program.Rule(chain,
                [.. _expr.Client(), RuleExpressions.Map(clients), RuleExpressions.StorePriority, RuleExpressions.Jump(found)]),
            // If that chain returns, the endpoint is no longer in use.
            program.Rule(chain, _expr.Forget(clients)),
            program.Rule(chain, [.. StoreFrontend(view), .. RuleExpressions.LeadBy(TableSchema.Name(counts), PortolanFrontend.CountMask)]),
            program.Rule(chain, [.. RuleExpressions.PriorityIs(AffinityIds.MarkMask, AffinityIds.Mark), RuleExpressions.Jump(found)]),
            program.Rule(chain, [RuleExpressions.Goto(Chain(PortolanChainKind.Overtaken, view))]),
        ]);
    }

    /// <summary>True for frontends whose rules always exist, whether or not a service requires them.</summary>
    internal static bool IsAlwaysServed(PortolanFrontend frontend) => frontend.Count == 0
        ? frontend.Flags is PortolanFrontendFlags.None or PortolanFrontendFlags.Drop
        : frontend.Count <= PreallocatedCounts && PlainFlags.Contains(frontend.Flags);

    private static bool IsForPolicies(PortolanFrontend frontend) =>
        !PlainFlags.Contains(frontend.Flags) && frontend is not { Flags: PortolanFrontendFlags.Drop, Count: 0 };

    private static bool HasAffinity(PortolanFrontend[] frontends) =>
        Array.Exists(frontends, static frontend => (frontend.Flags & AffinityFlags) != 0);

    private static bool HasLocalAffinity(PortolanFrontend[] frontends) =>
        Array.Exists(frontends, static frontend => frontend.Flags.HasFlag(PortolanFrontendFlags.LocalAffinity));

    private static PortolanFrontend[] Frontends(ProgramInput input, FrontendScope scope, RuleRequirementKind kind) =>
        [.. input.Values(scope, kind).Select(static value => PortolanFrontend.Of((uint)value))];

    /// <summary>The preallocated numbers of endpoints, and the others in use.</summary>
    private static IEnumerable<ushort> Counts(IEnumerable<PortolanFrontend> frontends) =>
        Enumerable.Range(1, PreallocatedCounts).Select(static count => (ushort)count)
            .Concat(frontends.Select(static frontend => frontend.Count).Where(static count => count > PreallocatedCounts)
            .Distinct().Order());

    private static PortolanSet Kinds(PortolanView view) => view switch
    {
        PortolanView.All => PortolanSet.Kinds,
        PortolanView.NodePorts => PortolanSet.NodePortKinds,
        PortolanView.Inside => PortolanSet.InsideKinds,
        _ => PortolanSet.NodePortInsideKinds,
    };

    private static PortolanSet CountsMap(PortolanView view) => view switch
    {
        PortolanView.All => PortolanSet.AffinityCounts,
        PortolanView.NodePorts => PortolanSet.NodePortAffinityCounts,
        PortolanView.Inside => PortolanSet.InsideAffinityCounts,
        _ => PortolanSet.NodePortInsideAffinityCounts,
    };

    private PortolanSet EndpointMap(PortolanView view) => view.HasFlag(PortolanView.Inside) ? PortolanSet.InsideEndpoints
        : scope == FrontendScope.NodePorts ? PortolanSet.NodePortEndpoints : PortolanSet.Endpoints;

    private static PortolanSet IdMap(PortolanView view) =>
        view.HasFlag(PortolanView.Inside) ? PortolanSet.InsideAffinityIds : PortolanSet.AffinityIds;

    private static string Chain(PortolanChainKind kind, PortolanView view, int number = 0) =>
        PortolanTables.Current.NameOf(kind, view, number);
}
