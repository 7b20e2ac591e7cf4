using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Services.Node;

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
    ImmutableArray<RuleRequirement> Uses,
    LocalDetector Detector,
    ImmutableArray<InetPrefix> ServiceCidrs,
    uint MasqueradeMark,
    bool WithCounters)
{
    /// <summary>True when a service asks for it, with whatever value.</summary>
    internal bool Has(FrontendScope scope, RuleRequirementKind kind) => Values(scope, kind).Length > 0;

    /// <summary>The values that services ask for, ascending.</summary>
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
internal sealed class TableCompiler
{
    private const string Services = "services";
    private const string NodePorts = "node-ports";
    private const string ServiceRanges = "service-ranges";

    private readonly ProgramInput _input;
    private readonly RuleExpressions _expr;
    private readonly NfTableId _table;
    private readonly List<ChainProgram> _chains = [];

    private TableCompiler(ProgramInput input)
    {
        _input = input;
        _expr = new RuleExpressions(input.Family);
        _table = TableSchema.Table(input.Family);
    }

    /// <summary>The program for an input.</summary>
    internal static TableProgram Build(ProgramInput input) => new TableCompiler(input).Build();

    private TableProgram Build()
    {
        var addresses = new FrontendChains(_input, FrontendScope.Addresses, PodConditions, _chains);
        FrontendChains? nodePorts = _input.Has(FrontendScope.NodePorts, RuleRequirementKind.Frontends)
            ? new FrontendChains(_input, FrontendScope.NodePorts, PodConditions, _chains)
            : null;
        addresses.Write();
        nodePorts?.Write();
        int[] prefixLengths = _input.Values(FrontendScope.Addresses, RuleRequirementKind.PrefixLength);
        // Where nothing is counted and no range is given that parses, there is nothing to check: dropped at once.
        bool hasSourceCheck = prefixLengths.Length > 0 || _input.WithCounters;
        if (hasSourceCheck)
            WriteSourceCheck(prefixLengths);
        WriteOffCluster();
        if (nodePorts is not null)
            Add(NodePorts, [.. nodePorts.Counting(NodePorts), .. nodePorts.Serving(NodePorts)]);
        WriteServiceRanges();
        WriteServices(addresses, nodePorts is not null, hasSourceCheck);
        int[] timeouts =
        [
            .. _input.Values(FrontendScope.Addresses, RuleRequirementKind.AffinitySeconds)
                .Union(_input.Values(FrontendScope.NodePorts, RuleRequirementKind.AffinitySeconds)).Order(),
        ];
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
                case ElementSet.Counters or ElementSet.SourceDropped when !_input.WithCounters:
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
            postrouting.Add(Rule(chain, RuleExpressions.ClearPriority(AffinityIds.MarkMask, AffinityIds.Mark)));
        }
        postrouting.Add(Rule(chain, [.. RuleExpressions.TakeMark(_input.MasqueradeMark), RuleExpressions.Masquerade]));
        postrouting.Add(Rule(chain, [.. RuleExpressions.IsTranslated, .. _expr.Pair(), RuleExpressions.In("hairpin"), RuleExpressions.Masquerade]));
        Add(chain, postrouting, new NfHook("nat", NfHookNumber.Postrouting, srcnat));
        Add("prerouting", [Rule("prerouting", [RuleExpressions.Jump(Services)])], new NfHook("nat", NfHookNumber.Prerouting, dstnat));
        Add("output", [Rule("output", [RuleExpressions.Jump(Services)])], new NfHook("nat", NfHookNumber.Output, dstnat));
    }

    private void WriteServices(FrontendChains addresses, bool hasNodePorts, bool hasSourceCheck)
    {
        List<NfRule> rules = [];
        // The address in the keys of NodePorts is never a packet's own.
        if (hasNodePorts)
            rules.Add(Rule(Services, [.. _expr.DestinationIsUnspecified, RuleExpressions.Return]));
        rules.AddRange(addresses.Counting(Services));
        NfExpression restricted = hasSourceCheck ? RuleExpressions.Jump("source-check") : RuleExpressions.Drop;
        rules.Add(Rule(Services, [.. _expr.Key(), RuleExpressions.In("source-restricted"), restricted]));
        rules.Add(Rule(Services, [_expr.Destination(0), RuleExpressions.In("cluster-ips"), RuleExpressions.Jump("off-cluster")]));
        rules.AddRange(addresses.Serving(Services));
        // After all that has this very address: a service's own external IP wins over NodePorts there, as in kube-proxy.
        if (hasNodePorts)
            rules.Add(Rule(Services, [_expr.Destination(0), RuleExpressions.In("node-port-addresses"), RuleExpressions.Jump(NodePorts)]));
        rules.Add(Rule(Services, [_expr.Destination(0), RuleExpressions.In("cluster-ips"), .. RuleExpressions.DestinationIsNotLocal, _expr.Reject],
            "unknown port of a cluster IP"));
        rules.Add(Rule(Services, [RuleExpressions.Jump(ServiceRanges)]));
        Add(Services, rules);
    }

    /// <summary>A chain of its own, so that another ServiceCIDR does not write rules again that look into maps (see <see cref="FrontendChains"/>).</summary>
    private void WriteServiceRanges() => Add(ServiceRanges,
    [
        .. _input.ServiceCidrs.Select(cidr =>
            Rule(ServiceRanges, [.. _expr.DestinationIn(cidr), .. RuleExpressions.DestinationIsNotLocal, RuleExpressions.Drop], "unallotted cluster IP")),
    ]);

    private void WriteSourceCheck(int[] prefixLengths)
    {
        List<NfRule> rules = [];
        foreach (int length in prefixLengths)
        {
            rules.Add(Rule("source-check",
                [.. _expr.KeyAndMaskedSource(length), RuleExpressions.In(TableSchema.Name(ElementSet.SourceRanges, length)), RuleExpressions.Return]));
        }
        if (_input.WithCounters)
            rules.Add(Rule("source-check", [.. _expr.Key(), RuleExpressions.In("source-dropped"), RuleExpressions.Drop]));
        rules.Add(Rule("source-check", [RuleExpressions.Drop], "not in loadBalancerSourceRanges"));
        Add("source-check", rules);
    }

    private void WriteOffCluster()
    {
        List<NfRule> rules = [];
        foreach (NfExpression[] isPod in PodConditions())
            rules.Add(Rule("off-cluster", [.. isPod, RuleExpressions.Return], "from a pod"));
        if (_input.Detector.Mode != LocalDetection.None && rules.Count > 0)
            rules.Add(Rule("off-cluster", RuleExpressions.SetMark(_input.MasqueradeMark)));
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
                yield return RuleExpressions.FromInterface(_input.Detector.Interface, isPrefix: false);
                break;
            case LocalDetection.InterfacePrefix:
                yield return RuleExpressions.FromInterface(_input.Detector.Interface, isPrefix: true);
                break;
            case LocalDetection.None:
                break;
        }
    }

    private NfRule Rule(string chain, NfExpression[] expressions, string? comment = null) =>
        new(_table, chain, [.. expressions]) { Comment = comment };

    private void Add(string chain, IReadOnlyList<NfRule> rules, NfHook? hook = null) =>
        _chains.Add(new ChainProgram(new NfChain(_table, chain) { Hook = hook }, [.. rules]));
}
