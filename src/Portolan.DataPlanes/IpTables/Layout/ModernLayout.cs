using Portolan.Inet;
using Portolan.Services.Plan;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// The chains of kube-proxy v1.36 (pkg/proxy/iptables/proxier.go): KUBE-SVC- leads to the cluster's endpoints, KUBE-SVL- to the node's own,
/// KUBE-EXT- decides for traffic from outside, KUBE-FW- before it for source ranges.
/// </summary>
internal sealed class ModernLayout(LayoutContext context, NodeFacts node) : ChainLayout(context, node)
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
        List<string> cluster = [], local = [], firewall = [];
        Frontend? external = null;

        foreach (Frontend frontend in port.Frontends)
        {
            bool isServed = frontend.Pod.Action is FrontendAction.ToClusterBackends or FrontendAction.ToLocalBackends;
            switch (frontend.Kind)
            {
                case FrontendKind.ClusterIP when Denial(frontend.Outside.Action, port, name) is { } denial:
                    fragment.Shared.Add(Denied(port, frontend, denial));
                    break;
                case FrontendKind.ClusterIP:
                    bool staysHere = frontend.Outside.Action == FrontendAction.ToLocalBackends;
                    AddMasquerading(staysHere ? local : cluster, port, frontend, name);
                    AddService(fragment, port, frontend, $"{name} cluster IP", staysHere ? localChain : clusterChain);
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
                        AddFirewall(firewall, port, name, externalChain);
                    }
                    break;
            }
            if (frontend.Kind == FrontendKind.ClusterIP)
                continue;
            if (isServed)
                external ??= frontend;
            if (Denial(frontend.Outside.Action, port, name) is { } outside)
                fragment.Shared.Add(Denied(port, frontend, outside));
        }

        var destinations = Destinations.Of(port);
        AddBackends(cluster, port, destinations.Cluster, i => $"{name} -> {destinations.Cluster[i].Text}");
        AddBackends(local, port, destinations.Local, i => $"{name} -> {destinations.Local[i].Text}");
        AddEndpoints(fragment, port, destinations);
        AddIfUsed(fragment, clusterChain, cluster);
        AddIfUsed(fragment, localChain, local);
        if (external is { } example)
            AddExternal(fragment.AddChain(externalChain), port, example, name, clusterChain, localChain);
        AddIfUsed(fragment, firewallChain, firewall);
    }

    protected override void AddHealthCheck(Fragment fragment, PortPlan port, ushort healthCheckPort) =>
        fragment.Shared.Add(new(RuleTable.Filter, ChainName.NodePorts, new RuleSpec
        {
            Protocol = IpProtocol.Tcp,
            Port = healthCheckPort,
            Comment = $"{port.Name} health check node port",
            Target = "ACCEPT",
        }.ToString()));

    private static void AddIfUsed(Fragment fragment, string chain, List<string> rules)
    {
        if (rules.Count > 0)
            fragment.Chains.Add(new(chain, rules));
    }

    private static void AddService(Fragment fragment, PortPlan port, Frontend frontend, string comment, string target) =>
        fragment.Shared.Add(new(RuleTable.Nat, ChainName.Services, (At(port, frontend, comment) with { Target = target }).ToString(), frontend.Address));

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

    private static void AddFirewall(List<string> rules, PortPlan port, string name, string externalChain)
    {
        if (rules.Count > 0)
            return;
        foreach (InetPrefix range in port.SourceRanges)
            rules.Add(new RuleSpec { Source = range.ToString(), Comment = $"{name} loadbalancer IP", Target = externalChain }.ToString());
        rules.Add(new RuleSpec { Comment = $"other traffic to {name} will be dropped by KUBE-PROXY-FIREWALL" }.ToString());
    }

    private void AddExternal(List<string> rules, PortPlan port, Frontend frontend, string name, string clusterChain, string localChain)
    {
        string destinations = $"{name} external destinations";
        if (!port.ExternalPolicyLocal)
        {
            rules.Add(new RuleSpec { Comment = $"masquerade traffic for {destinations}", Target = ChainName.MarkMasquerade }.ToString());
            rules.Add(new RuleSpec { Target = clusterChain }.ToString());
            return;
        }
        foreach (RuleSpec rule in FromPods(new() { Comment = $"pod traffic for {destinations}", Target = clusterChain }))
            rules.Add(rule.ToString());
        rules.Add(new RuleSpec
        {
            Comment = $"masquerade LOCAL traffic for {destinations}",
            Match = FromLocal,
            Target = ChainName.MarkMasquerade,
        }.ToString());
        rules.Add(new RuleSpec { Comment = $"route LOCAL traffic for {destinations}", Match = FromLocal, Target = clusterChain }.ToString());
        if (frontend.Outside.Action == FrontendAction.ToLocalBackends)
            rules.Add(new RuleSpec { Target = localChain }.ToString());
    }
}
