using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// The chains of kube-proxy v1.36 (pkg/proxy/iptables/proxier.go): KUBE-SVC- leads to the cluster's endpoints, KUBE-SVL- to the node's own,
/// KUBE-EXT- decides for traffic from outside, KUBE-FW- before it for source ranges.
/// </summary>
internal sealed class ModernLayout(LayoutContext context, AddressPlan node) : ChainLayout(context, node)
{
    public override IReadOnlyList<(RuleTable Table, string Chain)> SharedChains { get; } =
    [
        (RuleTable.Filter, ChainName.Services),
        (RuleTable.Filter, ChainName.ExternalServices),
        (RuleTable.Filter, ChainName.NodePorts),
        (RuleTable.Filter, ChainName.ProxyFirewall),
        (RuleTable.Nat, ChainName.Services),
        (RuleTable.Nat, ChainName.NodePorts),
    ];

    public override IEnumerable<(RuleTable Table, string Chain, string[] Rules)> FixedChains()
    {
        foreach (var chain in CommonChains())
            yield return chain;
        yield return (RuleTable.Filter, ChainName.Forward,
            [.. Forwarding(Context.HasCounters ? InvalidCounter : null), Replies("kubernetes forwarding conntrack rule")]);
    }

    public override IEnumerable<SharedRule> Hooks()
    {
        const string LoadBalancer = "kubernetes load balancer firewall";
        yield return Hook(RuleTable.Filter, "INPUT", External, ChainName.ExternalServices, New);
        yield return Hook(RuleTable.Filter, "FORWARD", External, ChainName.ExternalServices, New);
        yield return Hook(RuleTable.Filter, "INPUT", "kubernetes health check service ports", ChainName.NodePorts);
        yield return Hook(RuleTable.Filter, "FORWARD", Portals, ChainName.Services, New);
        yield return Hook(RuleTable.Filter, "OUTPUT", Portals, ChainName.Services, New);
        yield return Hook(RuleTable.Filter, "FORWARD", "kubernetes forwarding rules", ChainName.Forward);
        yield return Hook(RuleTable.Filter, "INPUT", LoadBalancer, ChainName.ProxyFirewall, New);
        yield return Hook(RuleTable.Filter, "OUTPUT", LoadBalancer, ChainName.ProxyFirewall, New);
        yield return Hook(RuleTable.Filter, "FORWARD", LoadBalancer, ChainName.ProxyFirewall, New);
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
        string hash = ChainName.HashOf(port.Name);
        string clusterChain = "KUBE-SVC-" + hash, localChain = "KUBE-SVL-" + hash, externalChain = "KUBE-EXT-" + hash, firewallChain = "KUBE-FW-" + hash;
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
                    AddService(fragment, port, frontend, $"{name} cluster IP",
                        frontend.Outside.Action == FrontendAction.ToLocalBackends ? localChain : clusterChain);
                    break;
                case FrontendKind.NodePort:
                    if (isServed)
                        AddNodePort(fragment, port, frontend, name, externalChain);
                    break;
                case FrontendKind.ExternalIP:
                    if (isServed)
                        AddService(fragment, port, frontend, $"{name} external IP", externalChain);
                    break;
                default:
                    if (isServed)
                        AddService(fragment, port, frontend, $"{name} loadbalancer IP", frontend.IsSourceRestricted ? firewallChain : externalChain);
                    if (isServed && frontend.IsSourceRestricted)
                    {
                        fragment.Shared.Add(new(RuleTable.Filter, ChainName.ProxyFirewall,
                            (At(port, frontend, $"{name} traffic not accepted by {firewallChain}") with { Target = "DROP" }).ToString()));
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
        SharedRule rule = new(RuleTable.Filter, ChainName.NodePorts, new RuleSpec
        {
            Protocol = IpProtocol.Tcp,
            Port = healthCheckPort,
            Comment = $"{port.Name} health check node port",
            Target = "ACCEPT",
        }.ToString());
        // The rule names the port, not its protocol: once is enough for TCP and UDP ports of one name.
        if (!fragment.Shared.Contains(rule))
            fragment.Shared.Add(rule);
    }

    private static void AddService(Fragment fragment, PortPlan port, Frontend frontend, string comment, string target) =>
        fragment.Shared.Add(new(RuleTable.Nat, ChainName.Services, (At(port, frontend, comment) with { Target = target }).ToString(), frontend.Address));

    /// <summary>KUBE-SVC- or KUBE-SVL-: masquerading for the cluster IP where it leads here, then the endpoints.</summary>
    private PortChain Balancing(string chain, PortPlan port, EndpointChain[] destinations, FrontendAction action) => new(chain, port, () =>
    {
        List<string> rules = [];
        string name = port.Name.ToString();
        foreach (Frontend frontend in port.Frontends)
        {
            if (frontend.Kind == FrontendKind.ClusterIP && frontend.Outside.Action == action)
                AddMasquerading(rules, port, frontend, name);
        }
        AddBackends(rules, port, destinations, i => $"{name} -> {destinations[i].Endpoint}");
        return rules;
    });

    private void AddMasquerading(List<string> rules, PortPlan port, Frontend frontend, string name)
    {
        RuleSpec rule = At(port, frontend, $"{name} cluster IP");
        if (frontend.Outside.Masquerade == Masquerading.Always)
            rules.Add((rule with { Target = ChainName.MarkMasquerade }).ToString());
        else if (frontend.Outside.Masquerade == Masquerading.OffCluster && MarkOffCluster(rule) is { } marked)
            rules.Add(marked.ToString());
    }

    private void AddNodePort(Fragment fragment, PortPlan port, Frontend frontend, string name, string target)
    {
        RuleSpec rule = At(port, frontend, name) with { Target = target };
        if (Context is { AllowsLocalhost: true, HasCounters: true })
        {
            fragment.Shared.Add(new(RuleTable.Nat, ChainName.NodePorts,
                (rule with { Destination = "127.0.0.0/8", Counter = LocalhostCounter }).ToString()));
        }
        fragment.Shared.Add(new(RuleTable.Nat, ChainName.NodePorts, rule.ToString()));
    }

    private static PortChain SourceRanges(string chain, PortPlan port, string externalChain) => new(chain, port, () =>
    [
        .. port.SourceRanges.Select(range =>
            new RuleSpec { Source = range.ToString(), Comment = $"{port.Name} loadbalancer IP", Target = externalChain }.ToString()),
        new RuleSpec { Comment = $"other traffic to {port.Name} will be dropped by KUBE-PROXY-FIREWALL" }.ToString(),
    ]);

    private PortChain ToExternal(string chain, PortPlan port, Frontend frontend, string clusterChain, string localChain) => new(chain, port, () =>
    {
        string destinations = $"{port.Name} external destinations";
        if (!port.ExternalPolicyLocal)
        {
            return
            [
                new RuleSpec { Comment = $"masquerade traffic for {destinations}", Target = ChainName.MarkMasquerade }.ToString(),
                new RuleSpec { Target = clusterChain }.ToString(),
            ];
        }
        List<string> rules =
        [
            .. FromPods(new() { Comment = $"pod traffic for {destinations}", Target = clusterChain }).Select(static rule => rule.ToString()),
            new RuleSpec { Comment = $"masquerade LOCAL traffic for {destinations}", Match = FromLocal, Target = ChainName.MarkMasquerade }.ToString(),
            new RuleSpec { Comment = $"route LOCAL traffic for {destinations}", Match = FromLocal, Target = clusterChain }.ToString(),
        ];
        if (frontend.Outside.Action == FrontendAction.ToLocalBackends)
            rules.Add(new RuleSpec { Target = localChain }.ToString());
        return rules;
    });
}
