using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The sets, chains and rules of one family's table, without elements: their number depends on what kinds of services there are.
/// </summary>
/// <param name="Sets">Sets and maps by name.</param>
/// <param name="Chains">Chains in an order in which each may be created; a chain's rules may jump to any of them.</param>
/// <param name="Verdicts">The elements of the verdict maps.</param>
internal sealed record TableProgram(ImmutableArray<NfSet> Sets, ImmutableArray<ChainProgram> Chains,
    ImmutableArray<VerdictElement> Verdicts);

/// <summary>An element of a verdict map, whose keys are numbers that the packet's priority may have.</summary>
/// <param name="Map">The map's name.</param>
/// <param name="Key">The number.</param>
/// <param name="Verdict">Where it goes.</param>
internal readonly record struct VerdictElement(string Map, uint Key, NfVerdict Verdict);

/// <summary>A chain and its rules.</summary>
internal sealed record ChainProgram(NfChain Chain, ImmutableArray<NfRule> Rules);

/// <summary>What the static rules are generated from.</summary>
/// <param name="Family">The family.</param>
/// <param name="Uses">What services require, sorted.</param>
/// <param name="Detector">How packets from pods are recognised.</param>
/// <param name="ServiceCidrs">Ranges whose unallocated addresses are dropped, this family's.</param>
/// <param name="MasqueradeMark">The mark bit between prerouting and postrouting.</param>
/// <param name="WithCounters">Whether new connections are counted per frontend.</param>
internal sealed record ProgramInput(
    IpFamily Family,
    ImmutableArray<RuleRequirement> Uses,
    LocalDetector Detector,
    ImmutableArray<InetPrefix> ServiceCidrs,
    uint MasqueradeMark,
    bool WithCounters)
{
    /// <summary>True if a service requires it, with any value.</summary>
    internal bool Has(FrontendScope scope, RuleRequirementKind kind) => Values(scope, kind).Length > 0;

    /// <summary>The affinity timeouts of all frontends in seconds, ascending.</summary>
    internal int[] AffinityTimeouts =>
    [
        .. Values(FrontendScope.Addresses, RuleRequirementKind.AffinitySeconds)
            .Union(Values(FrontendScope.NodePorts, RuleRequirementKind.AffinitySeconds)).Order(),
    ];

    /// <summary>The values that services require, ascending.</summary>
    internal int[] Values(FrontendScope scope, RuleRequirementKind kind)
    {
        List<int> values = [];
        foreach (RuleRequirement use in Uses)
        {
            if (use.Scope == scope && use.Kind == kind)
                values.Add(use.Value);
        }
        return [.. values];
    }
}

/// <summary>Writes the static rules. Pure.</summary>
internal static class TableCompiler
{
    /// <summary>The program for an input.</summary>
    internal static TableProgram Build(ProgramInput input)
    {
        var program = new ProgramBuilder(input);
        var expressions = new RuleExpressions(input.Family);
        var addresses = new FrontendChains(program, FrontendScope.Addresses);
        addresses.Write();
        FrontendChains? nodePorts = input.Has(FrontendScope.NodePorts, RuleRequirementKind.Frontends)
            ? new FrontendChains(program, FrontendScope.NodePorts)
            : null;
        nodePorts?.Write();
        WriteSourceCheck(program, expressions);
        if (nodePorts is not null)
        {
            string chain = Chain(PortolanChainKind.NodePorts);
            program.Add(chain, [.. nodePorts.Serving(chain)]);
        }
        WriteServiceRanges(program, expressions);
        WriteServices(program, expressions, addresses, nodePorts is not null);
        WriteBaseChains(program, expressions);
        return program.Build(Sets(program));
    }

    private static ImmutableArray<NfSet> Sets(ProgramBuilder program)
    {
        ProgramInput input = program.Input;
        var sets = ImmutableArray.CreateBuilder<NfSet>();
        void Define(PortolanSet set, int variant = 0) => sets.Add(TableSchema.Definition(input.Family, set, variant, input.WithCounters));
        foreach (PortolanSet set in Enum.GetValues<PortolanSet>())
        {
            if (!PortolanTables.Current.Has(set))
                continue;
            switch (set)
            {
                case PortolanSet.SourceRanges:
                    foreach (int length in input.Values(FrontendScope.Addresses, RuleRequirementKind.PrefixLength))
                        Define(set, length);
                    break;
                case PortolanSet.AffinityFrontends:
                    foreach (int seconds in input.AffinityTimeouts.Where(static time => time != PortolanTables.DefaultAffinitySeconds))
                        Define(set, seconds);
                    break;
                case PortolanSet.AffinityClients:
                    foreach (int seconds in input.AffinityTimeouts)
                        Define(set, seconds);
                    break;
                case >= PortolanSet.Kinds:
                    if (program.Leads(set))
                        Define(set);
                    break;
                case PortolanSet.Counters or PortolanSet.SourceDropped or PortolanSet.NoEndpoints or PortolanSet.NoLocalEndpoints
                    when !input.WithCounters:
                    break;
                default:
                    Define(set);
                    break;
            }
        }
        return sets.ToImmutable();
    }

    private static void WriteBaseChains(ProgramBuilder program, RuleExpressions expressions)
    {
        const int dstnat = -100;
        const int srcnat = 100;
        string postrouting = Chain(PortolanChainKind.Postrouting);
        List<NfRule> rules = [];
        if (program.Input.AffinityTimeouts.Length > 0)
            rules.Add(program.Rule(postrouting,
                [.. RuleExpressions.PriorityIs(AffinityIds.MarkMask, AffinityIds.Mark), .. RuleExpressions.ClearPriority]));
        rules.Add(program.Rule(postrouting, [.. NfStatements.TakeMark(program.Input.MasqueradeMark), NfStatements.Masquerade]));
        rules.Add(program.Rule(postrouting,
            [.. RuleExpressions.IsTranslated, .. expressions.Pair(), RuleExpressions.In(TableSchema.Name(PortolanSet.Hairpin)),
            NfStatements.Masquerade]));
        program.Add(postrouting, rules, new NfHook("nat", NfHookNumber.Postrouting, srcnat));
        foreach ((PortolanChainKind kind, NfHookNumber hook) in (ReadOnlySpan<(PortolanChainKind, NfHookNumber)>)
            [(PortolanChainKind.Prerouting, NfHookNumber.Prerouting), (PortolanChainKind.Output, NfHookNumber.Output)])
        {
            string chain = Chain(kind);
            program.Add(chain, [program.Rule(chain, [RuleExpressions.Jump(Chain(PortolanChainKind.Services))])],
                new NfHook("nat", hook, dstnat));
        }
    }

    private static void WriteServices(ProgramBuilder program, RuleExpressions expressions, FrontendChains addresses, bool hasNodePorts)
    {
        string chain = Chain(PortolanChainKind.Services);
        List<NfRule> rules = [.. addresses.Serving(chain)];
        // After everything with this exact address: a service's own external IP wins over NodePorts there, as in kube-proxy.
        if (hasNodePorts)
        {
            rules.Add(program.Rule(chain, [expressions.Destination(0), RuleExpressions.In(TableSchema.Name(PortolanSet.NodePortAddresses)),
                RuleExpressions.Jump(Chain(PortolanChainKind.NodePorts))]));
        }
        rules.Add(program.Rule(chain,
            [expressions.Destination(0), RuleExpressions.In(TableSchema.Name(PortolanSet.ClusterIPs)),
            .. NfStatements.DestinationIsNotLocal, expressions.Reject],
            PortolanTables.RuleComments.UnknownPort));
        rules.Add(program.Rule(chain, [RuleExpressions.Jump(Chain(PortolanChainKind.ServiceRanges))]));
        program.Add(chain, rules);
    }

    private static void WriteServiceRanges(ProgramBuilder program, RuleExpressions expressions)
    {
        string chain = Chain(PortolanChainKind.ServiceRanges);
        program.Add(chain,
        [
            .. program.Input.ServiceCidrs.Select(cidr => program.Rule(chain,
                [.. NfStatements.DestinationIn(cidr), .. NfStatements.DestinationIsNotLocal, RuleExpressions.Drop],
                PortolanTables.RuleComments.UnallocatedClusterIP)),
        ]);
    }

    private static void WriteSourceCheck(ProgramBuilder program, RuleExpressions expressions)
    {
        if (!program.HasSourceCheck)
            return;
        string chain = Chain(PortolanChainKind.SourceCheck);
        List<NfRule> rules = [];
        foreach (int length in program.Input.Values(FrontendScope.Addresses, RuleRequirementKind.PrefixLength))
        {
            rules.Add(program.Rule(chain,
                [.. expressions.KeyAndMaskedSource(length), RuleExpressions.In(TableSchema.Name(PortolanSet.SourceRanges, length)),
                RuleExpressions.Return]));
        }
        if (program.Input.WithCounters)
            rules.Add(program.Rule(chain,
                [.. expressions.Key(), RuleExpressions.In(TableSchema.Name(PortolanSet.SourceDropped)), RuleExpressions.Drop]));
        rules.Add(program.Rule(chain, [RuleExpressions.Drop], PortolanTables.RuleComments.SourceNotAllowed));
        program.Add(chain, rules);
    }

    private static string Chain(PortolanChainKind kind) => PortolanTables.Current.NameOf(kind);
}
