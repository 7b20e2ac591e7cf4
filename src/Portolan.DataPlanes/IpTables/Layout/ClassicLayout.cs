using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// The chains of kube-proxy before v1.24, which many runbooks describe: KUBE-FW- for load balancers, KUBE-XLB- for policy Local,
/// KUBE-MARK-DROP for what a later rule of the filter table drops. What happens to a packet is what today's plans say.
/// </summary>
/// <remarks>
/// Against v1.20: marked packets are dropped when they are forwarded too, external IPs do not ask where a packet comes from, and services
/// with internalTrafficPolicy Local (which v1.20 did not know) have a KUBE-SVL- chain. Where some of the node's addresses take no NodePorts
/// (under nodePortAddresses, and ::1 always), one without local endpoints drops there too.
/// </remarks>
internal sealed class ClassicLayout(LayoutContext context, AddressPlan node) : ChainLayout(context, node)
{
    // The kubelet's iptablesDropBit: not configurable there any more.
    private const string DropMark = "0x8000/0x8000";

    /// <summary>A load balancer's address need not be one of the node's: then what is marked comes by here, which v1.20 did not watch.</summary>
    public static SharedRule ForwardToFirewall { get; } = new(RuleTable.Filter, "FORWARD", $"-j {ChainName.Firewall}");

    public override IReadOnlyList<(RuleTable Table, string Chain)> SharedChains { get; } =
    [
        (RuleTable.Filter, ChainName.Services),
        (RuleTable.Filter, ChainName.ExternalServices),
        (RuleTable.Nat, ChainName.Services),
        (RuleTable.Nat, ChainName.NodePorts),
    ];

    public override IEnumerable<(RuleTable Table, string Chain, string[] Rules)> FixedChains()
    {
        foreach (var chain in CommonChains())
            yield return chain;
        yield return (RuleTable.Nat, ChainName.MarkDrop, [$"-j MARK --set-xmark {DropMark}"]);
        yield return (RuleTable.Filter, ChainName.Forward,
        [
            .. Forwarding(invalidCounter: null),
            Replies("kubernetes forwarding conntrack pod source rule"),
            Replies("kubernetes forwarding conntrack pod destination rule"),
        ]);
    }

    public override IEnumerable<SharedRule> Hooks()
    {
        yield return Hook(RuleTable.Filter, "INPUT", External, ChainName.ExternalServices, New);
        yield return Hook(RuleTable.Filter, "FORWARD", External, ChainName.ExternalServices, New);
        yield return Hook(RuleTable.Filter, "FORWARD", Portals, ChainName.Services, New);
        yield return Hook(RuleTable.Filter, "OUTPUT", Portals, ChainName.Services, New);
        yield return Hook(RuleTable.Filter, "FORWARD", "kubernetes forwarding rules", ChainName.Forward);
        foreach (SharedRule hook in FirewallHooks())
            yield return hook;
        yield return ForwardToFirewall;
        yield return new(RuleTable.Filter, ChainName.Firewall, new RuleSpec
        {
            Comment = "kubernetes firewall for dropping marked packets",
            Match = $"-m mark --mark {DropMark}",
            Target = "DROP",
        }.ToString());
        foreach (SharedRule hook in NatHooks())
            yield return hook;
    }

    protected override void CompilePort(Fragment fragment, PortPlan port)
    {
        string name = port.Name.ToString();
        string hash = ChainName.HashOf(port.Name);
        string clusterChain = "KUBE-SVC-" + hash, localChain = "KUBE-SVL-" + hash, externalChain = "KUBE-XLB-" + hash, firewallChain = "KUBE-FW-" + hash;
        bool isExternal = false, isBalanced = false, staysHere = false;
        foreach (Frontend frontend in port.Frontends)
        {
            if (frontend.Pod.Action == FrontendAction.Reject || (frontend.Kind == FrontendKind.ClusterIP && frontend.Outside.Action == FrontendAction.Drop))
            {
                fragment.Shared.Add(Denied(port, frontend, RejectOrDrop(frontend.Outside.Action, port, name)!.Value));
                continue;
            }
            switch (frontend.Kind)
            {
                case FrontendKind.ClusterIP:
                    staysHere = frontend.Outside.Action == FrontendAction.ToLocalBackends;
                    AddClusterIP(fragment, port, frontend, name, staysHere ? localChain : clusterChain);
                    break;
                case FrontendKind.ExternalIP:
                    AddExternal(fragment, At(port, frontend, $"{name} external IP"), frontend.Address, ChainName.Services,
                        port.ExternalPolicyLocal ? externalChain : clusterChain, port.ExternalPolicyLocal);
                    isExternal = true;
                    break;
                case FrontendKind.LoadBalancer:
                    Add(fragment, At(port, frontend, $"{name} loadbalancer IP") with { Target = firewallChain }, frontend.Address);
                    if (!isBalanced)
                        fragment.Chains.Add(Firewall(firewallChain, port, frontend.IsSourceRestricted, port.ExternalPolicyLocal ? externalChain : clusterChain));
                    isExternal = isBalanced = true;
                    break;
                default:
                    AddNodePort(fragment, port, frontend, name, port.ExternalPolicyLocal ? externalChain : clusterChain);
                    // Packets to addresses that take no NodePorts do not get to KUBE-XLB-, and are dropped as in the modern layout.
                    if (frontend.Outside.Action == FrontendAction.Drop && !(Context.TakesNodePortsEverywhere && Context.AllowsLocalhost))
                        fragment.Shared.Add(Denied(port, frontend, RejectOrDrop(frontend.Outside.Action, port, name)!.Value));
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
        RuleSpec rule = At(port, frontend, $"{name} cluster IP");
        if (frontend.Outside.Masquerade == Masquerading.Always)
            Add(fragment, rule with { Target = ChainName.MarkMasquerade }, frontend.Address);
        else if (MarkOffCluster(rule) is { } marked)
            Add(fragment, marked, frontend.Address);
        Add(fragment, rule with { Target = target }, frontend.Address);
    }

    private static void AddExternal(Fragment fragment, RuleSpec rule, InetAddress address, string chain, string target, bool keepsSource)
    {
        if (!keepsSource)
            fragment.Shared.Add(new(RuleTable.Nat, chain, (rule with { Target = ChainName.MarkMasquerade }).ToString(), address));
        fragment.Shared.Add(new(RuleTable.Nat, chain, (rule with { Target = target }).ToString(), address));
    }

    private void AddNodePort(Fragment fragment, PortPlan port, Frontend frontend, string name, string target)
    {
        RuleSpec rule = At(port, frontend, name);
        // Loopback sources cannot leave the node as they are.
        if (port.ExternalPolicyLocal)
        {
            string loopback = Family == IpFamily.IPv4 ? "127.0.0.0/8" : "::1/128";
            fragment.Shared.Add(new(RuleTable.Nat, ChainName.NodePorts,
                (rule with { Source = loopback, Target = ChainName.MarkMasquerade }).ToString()));
        }
        AddExternal(fragment, rule, default, ChainName.NodePorts, target, port.ExternalPolicyLocal);
    }

    private static PortChain Firewall(string chain, PortPlan port, bool isSourceRestricted, string target) => new(chain, port, () =>
    {
        List<string> rules = [];
        string comment = $"{port.Name} loadbalancer IP";
        if (!port.ExternalPolicyLocal)
            rules.Add(new RuleSpec { Comment = comment, Target = ChainName.MarkMasquerade }.ToString());
        if (isSourceRestricted)
        {
            foreach (InetPrefix range in port.SourceRanges)
                rules.Add(new RuleSpec { Source = range.ToString(), Comment = comment, Target = target }.ToString());
        }
        else
        {
            rules.Add(new RuleSpec { Comment = comment, Target = target }.ToString());
        }
        rules.Add(new RuleSpec { Comment = comment, Target = ChainName.MarkDrop }.ToString());
        return rules;
    });

    private PortChain Balancing(string chain, PortPlan port, EndpointChain[] destinations) => new(chain, port, () =>
    {
        List<string> rules = [];
        string name = port.Name.ToString();
        AddBackends(rules, port, destinations, _ => name);
        return rules;
    });

    private PortChain LocalPolicy(string chain, PortPlan port, EndpointChain[] local, string clusterChain) => new(chain, port, () =>
    {
        List<string> rules = [];
        string name = port.Name.ToString();
        const string Redirect = "Redirect pods trying to reach external loadbalancer VIP to clusterIP";
        foreach (RuleSpec rule in FromPods(new() { Comment = Redirect, Target = clusterChain }))
            rules.Add(rule.ToString());
        rules.Add(new RuleSpec
        {
            Comment = $"masquerade LOCAL traffic for {name} LB IP",
            Match = FromLocal,
            Target = ChainName.MarkMasquerade,
        }.ToString());
        rules.Add(new RuleSpec
        {
            Comment = $"route LOCAL traffic for {name} LB IP to service chain",
            Match = FromLocal,
            Target = clusterChain,
        }.ToString());
        if (local.Length == 0)
            rules.Add(new RuleSpec { Comment = $"{name} has no local endpoints", Target = ChainName.MarkDrop }.ToString());
        else
            AddBackends(rules, port, local, i => $"Balancing rule {i} for {name}");
        return rules;
    });

    private static void Add(Fragment fragment, RuleSpec rule, InetAddress address) =>
        fragment.Shared.Add(new(RuleTable.Nat, ChainName.Services, rule.ToString(), address));
}
