using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// The chains of kube-proxy before v1.24, which many runbooks describe: KUBE-FW- for load balancers, KUBE-XLB- for policy Local,
/// KUBE-MARK-DROP for what a later rule of the filter table drops. What happens to a packet follows today's semantics.
/// </summary>
/// <remarks>
/// Unlike v1.20: marked packets are also dropped when they are forwarded, external IPs do not depend on where a packet comes from, and
/// services with internalTrafficPolicy Local (which v1.20 did not have) get a KUBE-SVL- chain. If some of the node's addresses take no
/// NodePorts (because of nodePortAddresses, and ::1 always), one without local endpoints also drops there.
/// </remarks>
internal sealed class ClassicLayout(LayoutContext context, AddressPlan node) : ChainLayout(context, node)
{
    /// <summary>
    /// A load balancer's address need not be one of the node's: then marked packets are forwarded, which v1.20 did not consider.
    /// </summary>
    public static SharedRule ForwardToFirewall { get; } = Hook(ChainId.Filter("FORWARD"), null, KubeProxyIptables.Firewall);

    public override IReadOnlyList<ChainId> SharedChains { get; } =
    [
        ChainId.Filter(KubeProxyIptables.Services),
        ChainId.Filter(KubeProxyIptables.ExternalServices),
        ChainId.Nat(KubeProxyIptables.Services),
        ChainId.Nat(KubeProxyIptables.NodePorts),
    ];

    public override IEnumerable<FixedChain> FixedChains()
    {
        foreach (FixedChain chain in CommonChains())
            yield return chain;
        yield return new(
            ChainId.Nat(KubeProxyIptables.MarkDrop),
            new IpRule { Target = new MarkTarget(KubeProxyIptables.DropMark, KubeProxyIptables.DropMark) });
        yield return new(
            ChainId.Filter(KubeProxyIptables.Forward),
            [
                .. Forwarding(invalidCounter: null),
                Replies(KubeProxyIptablesComment.ForwardedFromPods),
                Replies(KubeProxyIptablesComment.ForwardedToPods),
            ]);
    }

    public override IEnumerable<SharedRule> Hooks()
    {
        ChainId input = ChainId.Filter("INPUT"), forward = ChainId.Filter("FORWARD"), output = ChainId.Filter("OUTPUT");
        yield return Hook(input, KubeProxyIptablesComment.ExternalPortals, KubeProxyIptables.ExternalServices, RuleMatch.IsNew);
        yield return Hook(forward, KubeProxyIptablesComment.ExternalPortals, KubeProxyIptables.ExternalServices, RuleMatch.IsNew);
        yield return Hook(forward, KubeProxyIptablesComment.Portals, KubeProxyIptables.Services, RuleMatch.IsNew);
        yield return Hook(output, KubeProxyIptablesComment.Portals, KubeProxyIptables.Services, RuleMatch.IsNew);
        yield return Hook(forward, KubeProxyIptablesComment.Forwarding, KubeProxyIptables.Forward);
        foreach (SharedRule hook in FirewallHooks())
            yield return hook;
        yield return ForwardToFirewall;
        yield return InFirewall(new()
        {
            Comment = KubeProxyIptablesComment.DropsMarked,
            Match = new MarkMatch(KubeProxyIptables.DropMark, KubeProxyIptables.DropMark),
            Target = RuleTarget.Drop,
        });
        foreach (SharedRule hook in NatHooks())
            yield return hook;
    }

    protected override void CompilePort(Fragment fragment, PortPlan port)
    {
        string name = port.Name.ToString();
        string hash = KubeProxyIptables.HashOf(name, port.Name.Protocol);
        string clusterChain = KubeProxyIptables.ClusterEndpointsPrefix + hash, localChain = KubeProxyIptables.LocalEndpointsPrefix + hash;
        string externalChain = KubeProxyIptables.ExternalLocalPrefix + hash, firewallChain = KubeProxyIptables.LoadBalancerPrefix + hash;
        string outsideChain = port.ExternalPolicyLocal ? externalChain : clusterChain;
        bool isExternal = false, isBalanced = false, staysHere = false;
        foreach (Frontend frontend in port.Frontends)
        {
            if (frontend.Pod.Action == FrontendAction.Reject
                || (frontend.Kind == FrontendKind.ClusterIP && frontend.Outside.Action == FrontendAction.Drop))
            {
                fragment.Shared.Add(Denied(port, frontend, RejectOrDrop(frontend.Outside.Action, port, name)!));
                continue;
            }
            switch (frontend.Kind)
            {
                case FrontendKind.ClusterIP:
                    staysHere = frontend.Outside.Action == FrontendAction.ToLocalBackends;
                    AddClusterIP(fragment, port, frontend, name, staysHere ? localChain : clusterChain);
                    break;
                case FrontendKind.ExternalIP:
                    IpRule rule = At(port, frontend, KubeProxyIptablesComment.ExternalIP(name));
                    AddExternal(fragment, InServices(port, frontend, rule), outsideChain, port.ExternalPolicyLocal);
                    isExternal = true;
                    break;
                case FrontendKind.LoadBalancer:
                    IpRule balanced = At(port, frontend, KubeProxyIptablesComment.LoadBalancerIP(name)) with { Target = To(firewallChain) };
                    fragment.Shared.Add(InServices(port, frontend, balanced));
                    if (!isBalanced)
                        fragment.Chains.Add(Firewall(firewallChain, port, frontend.IsSourceRestricted, outsideChain));
                    isExternal = isBalanced = true;
                    break;
                default:
                    AddNodePort(fragment, port, frontend, name, outsideChain);
                    // Packets to addresses that take no NodePorts do not reach KUBE-XLB-, and are dropped as in the modern layout.
                    if (frontend.Outside.Action == FrontendAction.Drop && !(Context.TakesNodePortsEverywhere && Context.AllowsLocalhost))
                        fragment.Shared.Add(Denied(port, frontend, RejectOrDrop(frontend.Outside.Action, port, name)!));
                    isExternal = true;
                    break;
            }
        }
        var destinations = Destinations.Of(port, Context.HasEndpointComments);
        fragment.Chains.AddRange(destinations.All);
        if (destinations.Cluster.Length > 0)
            fragment.Chains.Add(Balancing(clusterChain, port, destinations.Cluster));
        if (staysHere)
            fragment.Chains.Add(Balancing(localChain, port, destinations.Local));
        if (isExternal && port.ExternalPolicyLocal)
            fragment.Chains.Add(LocalPolicy(externalChain, port, destinations.Local, clusterChain));
    }

    protected override void AddHealthCheck(Fragment fragment, PortPlan port, ushort healthCheckPort)
    {
        // This generation left health check ports to the administrator's own rules.
    }

    private void AddClusterIP(Fragment fragment, PortPlan port, Frontend frontend, string name, string target)
    {
        IpRule rule = At(port, frontend, KubeProxyIptablesComment.ClusterIP(name));
        if (frontend.Outside.Masquerade == Masquerading.Always)
            fragment.Shared.Add(InServices(port, frontend, rule with { Target = MarkMasquerade }));
        else if (MarkOffCluster(rule) is { } marked)
            fragment.Shared.Add(InServices(port, frontend, marked));
        fragment.Shared.Add(InServices(port, frontend, rule with { Target = To(target) }));
    }

    private static void AddExternal(Fragment fragment, SharedRule rule, string target, bool keepsSource)
    {
        if (!keepsSource)
            fragment.Shared.Add(rule with { Rule = rule.Rule with { Target = MarkMasquerade } });
        fragment.Shared.Add(rule with { Rule = rule.Rule with { Target = To(target) } });
    }

    private void AddNodePort(Fragment fragment, PortPlan port, Frontend frontend, string name, string target)
    {
        IpRule rule = At(port, frontend, name);
        // Loopback sources cannot leave the node as they are.
        if (port.ExternalPolicyLocal)
        {
            PrefixMatch loopback = Family == IpFamily.IPv4 ? LoopbackIPv4 : LoopbackIPv6;
            fragment.Shared.Add(InNodePorts(port, rule with { Source = loopback, Target = MarkMasquerade }));
        }
        AddExternal(fragment, InNodePorts(port, rule), target, port.ExternalPolicyLocal);
    }

    private static PortChain Firewall(string chain, PortPlan port, bool isSourceRestricted, string target) => new(chain, port, () =>
    {
        List<IpRule> rules = [];
        IpRule rule = new() { Comment = KubeProxyIptablesComment.LoadBalancerIP(port.Name.ToString()) };
        if (!port.ExternalPolicyLocal)
            rules.Add(rule with { Target = MarkMasquerade });
        IpRule accepted = rule with { Target = To(target) };
        if (isSourceRestricted)
            rules.AddRange(port.SourceRanges.Select(range => accepted with { Source = new(range) }));
        else
            rules.Add(accepted);
        rules.Add(rule with { Target = To(KubeProxyIptables.MarkDrop) });
        return rules;
    });

    private PortChain Balancing(string chain, PortPlan port, EndpointChain[] destinations) => new(chain, port, () =>
    {
        List<IpRule> rules = [];
        string name = port.Name.ToString();
        AddBackends(rules, port, destinations, _ => name);
        return rules;
    });

    private PortChain LocalPolicy(string chain, PortPlan port, EndpointChain[] local, string clusterChain) => new(chain, port, () =>
    {
        string name = port.Name.ToString();
        IpRule fromNode = new() { Match = RuleMatch.FromLocal };
        List<IpRule> rules =
        [
            .. FromPods(new() { Comment = KubeProxyIptablesComment.PodsToClusterIP, Target = To(clusterChain) }),
            fromNode with { Comment = KubeProxyIptablesComment.LocalTraffic("masquerade", name), Target = MarkMasquerade },
            fromNode with { Comment = KubeProxyIptablesComment.LocalTraffic("route", name), Target = To(clusterChain) },
        ];
        if (local.Length == 0)
            rules.Add(new() { Comment = KubeProxyIptablesComment.NoLocalEndpoints(name), Target = To(KubeProxyIptables.MarkDrop) });
        else
            AddBackends(rules, port, local, i => KubeProxyIptablesComment.BalancingRule(i, name));
        return rules;
    });
}
