using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// The chains of kube-proxy v1.36 (pkg/proxy/iptables/proxier.go): KUBE-SVC- leads to the cluster's endpoints, KUBE-SVL- to the node's own,
/// KUBE-EXT- handles traffic from outside, KUBE-FW- the source ranges before it.
/// </summary>
internal sealed class ModernLayout(LayoutContext context, AddressPlan node) : ChainLayout(context, node)
{
    public override IReadOnlyList<ChainId> SharedChains { get; } =
    [
        ChainId.Filter(KubeProxyIptables.Services),
        ChainId.Filter(KubeProxyIptables.ExternalServices),
        ChainId.Filter(KubeProxyIptables.NodePorts),
        ChainId.Filter(KubeProxyIptables.ProxyFirewall),
        ChainId.Nat(KubeProxyIptables.Services),
        ChainId.Nat(KubeProxyIptables.NodePorts),
    ];

    public override IEnumerable<FixedChain> FixedChains()
    {
        foreach (FixedChain chain in CommonChains())
            yield return chain;
        string? counter = Context.HasCounters ? KubeProxyIptables.InvalidCounter : null;
        yield return new(
            ChainId.Filter(KubeProxyIptables.Forward), [.. Forwarding(counter), Replies(KubeProxyIptablesComment.ForwardedReplies)]);
    }

    public override IEnumerable<SharedRule> Hooks()
    {
        ChainId input = ChainId.Filter("INPUT"), forward = ChainId.Filter("FORWARD"), output = ChainId.Filter("OUTPUT");
        yield return Hook(input, KubeProxyIptablesComment.ExternalPortals, KubeProxyIptables.ExternalServices, RuleMatch.IsNew);
        yield return Hook(forward, KubeProxyIptablesComment.ExternalPortals, KubeProxyIptables.ExternalServices, RuleMatch.IsNew);
        yield return Hook(input, KubeProxyIptablesComment.HealthChecks, KubeProxyIptables.NodePorts);
        yield return Hook(forward, KubeProxyIptablesComment.Portals, KubeProxyIptables.Services, RuleMatch.IsNew);
        yield return Hook(output, KubeProxyIptablesComment.Portals, KubeProxyIptables.Services, RuleMatch.IsNew);
        yield return Hook(forward, KubeProxyIptablesComment.Forwarding, KubeProxyIptables.Forward);
        yield return Hook(input, KubeProxyIptablesComment.ProxyFirewall, KubeProxyIptables.ProxyFirewall, RuleMatch.IsNew);
        yield return Hook(output, KubeProxyIptablesComment.ProxyFirewall, KubeProxyIptables.ProxyFirewall, RuleMatch.IsNew);
        yield return Hook(forward, KubeProxyIptablesComment.ProxyFirewall, KubeProxyIptables.ProxyFirewall, RuleMatch.IsNew);
        foreach (SharedRule hook in FirewallHooks())
            yield return hook;
        foreach (SharedRule hook in NatHooks())
            yield return hook;
    }

    public override IEnumerable<SharedRule> HooksOfOtherLayouts()
    {
        yield return ClassicLayout.ForwardToFirewall;
    }

    protected override void CompilePort(Fragment fragment, PortPlan port)
    {
        string name = port.Name.ToString();
        string hash = KubeProxyIptables.HashOf(name, port.Name.Protocol);
        string clusterChain = KubeProxyIptables.ClusterEndpointsPrefix + hash, localChain = KubeProxyIptables.LocalEndpointsPrefix + hash;
        string externalChain = KubeProxyIptables.ExternalPrefix + hash, firewallChain = KubeProxyIptables.LoadBalancerPrefix + hash;
        bool isFirewalled = false;
        Frontend? external = null;

        foreach (Frontend frontend in port.Frontends)
        {
            bool isServed = frontend.Pod.Action is FrontendAction.ToClusterBackends or FrontendAction.ToLocalBackends;
            switch (frontend.Kind)
            {
                case FrontendKind.ClusterIP when RejectOrDrop(frontend.Outside.Action, port, name) is { } rejectOrDrop:
                    fragment.Shared.Add(Denied(port, frontend, rejectOrDrop));
                    break;
                case FrontendKind.ClusterIP:
                    AddService(fragment, port, frontend, KubeProxyIptablesComment.ClusterIP(name),
                        frontend.Outside.Action == FrontendAction.ToLocalBackends ? localChain : clusterChain);
                    break;
                case FrontendKind.NodePort:
                    if (isServed)
                        AddNodePort(fragment, port, frontend, name, externalChain);
                    break;
                case FrontendKind.ExternalIP:
                    if (isServed)
                        AddService(fragment, port, frontend, KubeProxyIptablesComment.ExternalIP(name), externalChain);
                    break;
                default:
                    if (isServed)
                    {
                        AddService(fragment, port, frontend, KubeProxyIptablesComment.LoadBalancerIP(name),
                            frontend.IsSourceRestricted ? firewallChain : externalChain);
                    }
                    if (isServed && frontend.IsSourceRestricted)
                    {
                        IpRule other = At(port, frontend, KubeProxyIptablesComment.NotAccepted(name, firewallChain));
                        fragment.Shared.Add(new(
                            ChainId.Filter(KubeProxyIptables.ProxyFirewall), other with { Target = RuleTarget.Drop }, port.Name.Service));
                        isFirewalled = true;
                    }
                    break;
            }
            if (frontend.Kind == FrontendKind.ClusterIP)
                continue;
            if (isServed)
                external ??= frontend;
            if (RejectOrDrop(frontend.Outside.Action, port, name) is { } outside)
                fragment.Shared.Add(Denied(port, frontend, outside));
        }

        var destinations = Destinations.Of(port, Context.HasEndpointComments);
        fragment.Chains.AddRange(destinations.All);
        if (destinations.Cluster.Length > 0)
            fragment.Chains.Add(Balancing(clusterChain, port, destinations.Cluster, FrontendAction.ToClusterBackends));
        if (destinations.Local.Length > 0)
            fragment.Chains.Add(Balancing(localChain, port, destinations.Local, FrontendAction.ToLocalBackends));
        if (external is { } example)
            fragment.Chains.Add(ToExternal(externalChain, port, example, clusterChain, localChain));
        if (isFirewalled)
            fragment.Chains.Add(SourceRanges(firewallChain, port, externalChain));
    }

    protected override void AddHealthCheck(Fragment fragment, PortPlan port, ushort healthCheckPort)
    {
        SharedRule rule = new(
            ChainId.Filter(KubeProxyIptables.NodePorts),
            new()
            {
                Protocol = IpProtocol.Tcp,
                Port = healthCheckPort,
                Comment = KubeProxyIptablesComment.HealthCheck(port.Name.ToString()),
                Target = RuleTarget.Accept,
            },
            port.Name.Service);
        // The rule names the port, not its protocol: once is enough for TCP and UDP ports of one name.
        if (!fragment.Shared.Contains(rule))
            fragment.Shared.Add(rule);
    }

    private static void AddService(Fragment fragment, PortPlan port, Frontend frontend, string comment, string target) =>
        fragment.Shared.Add(InServices(port, frontend, At(port, frontend, comment) with { Target = To(target) }));

    /// <summary>KUBE-SVC- or KUBE-SVL-: masquerading for the cluster IP if it jumps here, then the endpoints.</summary>
    private PortChain Balancing(string chain, PortPlan port, EndpointChain[] destinations, FrontendAction action) => new(chain, port, () =>
    {
        List<IpRule> rules = [];
        string name = port.Name.ToString();
        foreach (Frontend frontend in port.Frontends)
        {
            if (frontend.Kind == FrontendKind.ClusterIP && frontend.Outside.Action == action)
                AddMasquerading(rules, port, frontend, name);
        }
        AddBackends(rules, port, destinations, i => KubeProxyIptablesComment.ToEndpoint(name, destinations[i].Endpoint.ToString()));
        return rules;
    });

    private void AddMasquerading(List<IpRule> rules, PortPlan port, Frontend frontend, string name)
    {
        IpRule rule = At(port, frontend, KubeProxyIptablesComment.ClusterIP(name));
        if (frontend.Outside.Masquerade == Masquerading.Always)
            rules.Add(rule with { Target = MarkMasquerade });
        else if (frontend.Outside.Masquerade == Masquerading.OffCluster && MarkOffCluster(rule) is { } marked)
            rules.Add(marked);
    }

    private void AddNodePort(Fragment fragment, PortPlan port, Frontend frontend, string name, string target)
    {
        IpRule rule = At(port, frontend, name) with { Target = To(target) };
        if (Context is { AllowsLocalhost: true, HasCounters: true })
            fragment.Shared.Add(InNodePorts(port, rule with { Destination = LoopbackIPv4, Counter = KubeProxyIptables.LocalhostCounter }));
        fragment.Shared.Add(InNodePorts(port, rule));
    }

    private static PortChain SourceRanges(string chain, PortPlan port, string externalChain) => new(chain, port, () =>
    {
        string name = port.Name.ToString();
        IpRule accepted = new() { Comment = KubeProxyIptablesComment.LoadBalancerIP(name), Target = To(externalChain) };
        return
        [
            .. port.SourceRanges.Select(range => accepted with { Source = new(range) }),
            new() { Comment = KubeProxyIptablesComment.OtherTraffic(name) },
        ];
    });

    private PortChain ToExternal(
        string chain, PortPlan port, Frontend frontend, string clusterChain, string localChain) => new(chain, port, () =>
    {
        string name = port.Name.ToString();
        if (!port.ExternalPolicyLocal)
        {
            return
            [
                new() { Comment = KubeProxyIptablesComment.ExternalTraffic("masquerade", name), Target = MarkMasquerade },
                new() { Target = To(clusterChain) },
            ];
        }
        IpRule fromNode = new() { Match = RuleMatch.FromLocal };
        List<IpRule> rules =
        [
            .. FromPods(new() { Comment = KubeProxyIptablesComment.ExternalTraffic("pod", name), Target = To(clusterChain) }),
            fromNode with { Comment = KubeProxyIptablesComment.ExternalTraffic("masquerade LOCAL", name), Target = MarkMasquerade },
            fromNode with { Comment = KubeProxyIptablesComment.ExternalTraffic("route LOCAL", name), Target = To(clusterChain) },
        ];
        if (frontend.Outside.Action == FrontendAction.ToLocalBackends)
            rules.Add(new() { Target = To(localChain) });
        return rules;
    });
}
