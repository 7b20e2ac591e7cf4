using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>What the rules of one family depend on besides the services.</summary>
/// <param name="Family">The family: one set of tables each.</param>
/// <param name="Options">The plane's configuration.</param>
/// <param name="Detector">How packets from pods are recognised.</param>
/// <param name="HasCounters">The kernel has the accounting objects that kube-proxy's metrics read.</param>
/// <param name="AllowsLocalhost">NodePorts answer on IPv4 loopback addresses.</param>
/// <param name="TakesNodePortsEverywhere">NodePorts answer on every address of the node except loopback.</param>
/// <param name="HasEndpointComments">
/// All endpoint rules have a comment with the service; false above <see cref="MaxCommentedEndpoints"/> endpoints, where comments would be
/// more than half of what the kernel copies in and out for each change: then only the first rule of a chain has one.
/// </param>
internal sealed record LayoutContext(
    IpFamily Family,
    IpTablesOptions Options,
    LocalDetector Detector,
    bool HasCounters,
    bool AllowsLocalhost,
    bool TakesNodePortsEverywhere,
    bool HasEndpointComments)
{
    /// <summary>pkg/proxy/iptables/proxier.go, largeClusterEndpointsThreshold.</summary>
    public const int MaxCommentedEndpoints = 1000;

    public static LayoutContext Of(IpFamily family, IpTablesOptions options, NodePlan node, bool hasCounters) => new(
        family,
        options,
        node.DetectorOf(family),
        hasCounters,
        family == IpFamily.IPv4 && node.Addresses.HasLocalhostNodePorts,
        family == IpFamily.IPv4 ? node.Addresses.NodePortsOnAllIPv4 : node.Addresses.NodePortsOnAllIPv6,
        HasEndpointComments: true);

    /// <summary>The same for a number of endpoints in use, counted once for each port they serve.</summary>
    public LayoutContext For(int endpoints) => this with { HasEndpointComments = endpoints <= MaxCommentedEndpoints };
}

/// <summary>
/// Generates rules from plans: pure, and the same for the same plan. A layout defines which chains exist and which jumps where.
/// </summary>
internal abstract class ChainLayout(LayoutContext context, AddressPlan node)
{
    protected static readonly PrefixMatch LoopbackIPv4 = new(InetPrefix.Parse("127.0.0.0/8"));
    protected static readonly PrefixMatch LoopbackIPv6 = new(InetPrefix.Parse("::1/128"));

    private static readonly RuleTarget s_markMasquerade = To(KubeProxyIptables.MarkMasquerade);

    public LayoutContext Context { get; } = context;

    protected IpFamily Family => Context.Family;

    /// <summary>The jump that marks for masquerading.</summary>
    protected static RuleTarget MarkMasquerade => s_markMasquerade;

    private uint MasqueradeMark => Context.Options.MasqueradeMark;

    /// <summary>Chains whose rules all services share, in the order they are written.</summary>
    public abstract IReadOnlyList<ChainId> SharedChains { get; }

    /// <summary>Chains whose rules depend on no service.</summary>
    public abstract IEnumerable<FixedChain> FixedChains();

    /// <summary>
    /// Our rules in chains that are not ours alone (the built-in ones and the kubelet's KUBE-FIREWALL); each is inserted first if it is
    /// missing, so the last in this list ends up first.
    /// </summary>
    public abstract IEnumerable<SharedRule> Hooks();

    /// <summary>Hooks that only another layout has, and that only a service proxy creates.</summary>
    public virtual IEnumerable<SharedRule> HooksOfOtherLayouts() => [];

    /// <summary>Rules at the end of KUBE-SERVICES: packets to an address of the node may be for a NodePort.</summary>
    public IEnumerable<SharedRule> NodePortDispatch()
    {
        if (Context.TakesNodePortsEverywhere)
        {
            PrefixMatch? exceptions = Family == IpFamily.IPv6 ? LoopbackIPv6 with { IsNegated = true }
                : Context.AllowsLocalhost ? null
                : LoopbackIPv4 with { IsNegated = true };
            yield return Last(new() { Destination = exceptions, Match = RuleMatch.ToLocal });
            yield break;
        }
        foreach (InetAddress address in node.NodePortAddresses)
        {
            // IPv6 never routes loopback addresses off the loopback interface, and IPv4 only with route_localnet.
            if (address.Family == Family && (!address.IsLoopback || Context.AllowsLocalhost))
                yield return Last(new() { Destination = PrefixMatch.Host(address) });
        }

        static SharedRule Last(IpRule rule) => new(
            ChainId.Nat(KubeProxyIptables.Services),
            rule with { Comment = KubeProxyIptablesComment.NodePorts, Target = To(KubeProxyIptables.NodePorts) },
            Position: RulePosition.Last);
    }

    /// <summary>The layout that an option selects.</summary>
    public static ChainLayout Of(LayoutContext context, AddressPlan node) =>
        context.Options.Layout == IpTablesLayout.Modern ? new ModernLayout(context, node) : new ClassicLayout(context, node);

    /// <summary>All chains and rules of a service in this family.</summary>
    public Fragment Compile(ServicePlan? plan)
    {
        if (plan is null)
            return Fragment.Empty;
        var fragment = new Fragment();
        foreach (PortPlan port in plan.Ports)
        {
            if (port.Family != Family)
                continue;
            CompilePort(fragment, port);
            int? healthCheck = Family == IpFamily.IPv4 ? plan.HealthCheck?.ReadyLocalIPv4 : plan.HealthCheck?.ReadyLocalIPv6;
            if (healthCheck is not null)
                AddHealthCheck(fragment, port, plan.HealthCheck!.Port);
        }
        return fragment;
    }

    protected abstract void CompilePort(Fragment fragment, PortPlan port);

    /// <summary>
    /// Lets load balancers reach the service's health check port if the INPUT chain drops what is not explicitly accepted.
    /// </summary>
    protected abstract void AddHealthCheck(Fragment fragment, PortPlan port, ushort healthCheckPort);

    /// <summary>A jump to a chain.</summary>
    protected static RuleTarget To(string chain) => new JumpTarget(chain);

    /// <summary>Rejects or drops what arrives at a frontend; null if the policy forwards it.</summary>
    protected IpRule? RejectOrDrop(FrontendAction action, PortPlan port, string name) => action switch
    {
        FrontendAction.Reject => new()
        {
            Protocol = port.Name.Protocol,
            Comment = KubeProxyIptablesComment.NoEndpoints(name),
            Target = RejectTarget.PortUnreachable(Family),
        },
        FrontendAction.Drop => new()
        {
            Protocol = port.Name.Protocol,
            Comment = KubeProxyIptablesComment.NoLocalEndpoints(name),
            Target = RuleTarget.Drop,
        },
        _ => null,
    };

    /// <summary>A rule for packets to a frontend.</summary>
    protected static IpRule At(PortPlan port, Frontend frontend, string? comment) => new()
    {
        Destination = frontend.Kind == FrontendKind.NodePort ? null : PrefixMatch.Host(frontend.Address),
        Protocol = port.Name.Protocol,
        Port = frontend.Port,
        Comment = comment,
    };

    /// <summary>A rule of KUBE-SERVICES in the nat table, which may be in a tree.</summary>
    protected static SharedRule InServices(PortPlan port, Frontend frontend, IpRule rule) =>
        new(ChainId.Nat(KubeProxyIptables.Services), rule, port.Name.Service, frontend.Address);

    /// <summary>A rule of KUBE-NODEPORTS in the nat table.</summary>
    protected static SharedRule InNodePorts(PortPlan port, IpRule rule) =>
        new(ChainId.Nat(KubeProxyIptables.NodePorts), rule, port.Name.Service);

    /// <summary>The rule for <see cref="RejectOrDrop"/>, for one frontend.</summary>
    protected static SharedRule Denied(PortPlan port, Frontend frontend, IpRule rejectOrDrop) => new(
        ChainId.Filter(frontend.Kind == FrontendKind.ClusterIP ? KubeProxyIptables.Services : KubeProxyIptables.ExternalServices),
        At(port, frontend, rejectOrDrop.Comment) with
        {
            Match = frontend.Kind == FrontendKind.NodePort ? RuleMatch.ToLocal : null,
            Target = rejectOrDrop.Target,
        },
        port.Name.Service,
        Position: frontend.Kind == FrontendKind.NodePort ? RulePosition.AfterAddresses : RulePosition.Anywhere);

    /// <summary>Jumps for packets from pods only, one per range of the detector; none without a detector.</summary>
    protected IEnumerable<IpRule> FromPods(IpRule rule)
    {
        switch (Context.Detector.Mode)
        {
            case LocalDetection.Cidrs:
                foreach (InetPrefix cidr in Context.Detector.Cidrs)
                    yield return rule with { Source = new(cidr) };
                break;
            case LocalDetection.Interface or LocalDetection.InterfacePrefix:
                yield return rule with { Input = PodInterface() };
                break;
        }
    }

    /// <summary>Marks what is not from a pod for masquerading; null without a detector.</summary>
    protected IpRule? MarkOffCluster(IpRule rule)
    {
        LocalDetector detector = Context.Detector;
        return detector.Mode switch
        {
            LocalDetection.Cidrs when detector.Cidrs.Length == 1 =>
                rule with { Source = new(detector.Cidrs[0], IsNegated: true), Target = MarkMasquerade },
            // A single rule cannot match sources outside two ranges.
            LocalDetection.Cidrs when detector.Cidrs.Length > 1 => rule with { Target = To(KubeProxyIptables.MarkOffCluster) },
            LocalDetection.Interface or LocalDetection.InterfacePrefix =>
                rule with { Input = PodInterface() with { IsNegated = true }, Target = MarkMasquerade },
            _ => null,
        };
    }

    protected static SharedRule Hook(ChainId chain, string? comment, string target, RuleMatch? match = null) =>
        new(
            chain,
            new() { Comment = comment, Target = To(target), Match = match, IsMatchFirst = match is not null },
            Position: RulePosition.First);

    /// <summary>Where packets enter KUBE-SERVICES and leave for masquerading.</summary>
    protected static IEnumerable<SharedRule> NatHooks()
    {
        yield return Hook(ChainId.Nat("OUTPUT"), KubeProxyIptablesComment.Portals, KubeProxyIptables.Services);
        yield return Hook(ChainId.Nat("PREROUTING"), KubeProxyIptablesComment.Portals, KubeProxyIptables.Services);
        yield return Hook(ChainId.Nat("POSTROUTING"), KubeProxyIptablesComment.Postrouting, KubeProxyIptables.Postrouting);
    }

    /// <summary>The first rules of KUBE-FORWARD: what is INVALID to conntrack is dropped, what we marked is accepted.</summary>
    protected IEnumerable<IpRule> Forwarding(string? invalidCounter)
    {
        if (Context.Options.DropsInvalid)
        {
            // A packet that is INVALID to conntrack would leave untranslated, and reset the connection it belongs to.
            yield return new() { Match = new StateMatch(ConntrackStates.Invalid), Counter = invalidCounter, Target = RuleTarget.Drop };
        }
        yield return new()
        {
            Comment = KubeProxyIptablesComment.Forwarding,
            Match = new MarkMatch(MasqueradeMark, MasqueradeMark),
            Target = RuleTarget.Accept,
        };
    }

    /// <summary>Accepts replies that the FORWARD chain might drop.</summary>
    protected static IpRule Replies(string comment) => new()
    {
        Comment = comment,
        Match = new StateMatch(ConntrackStates.Related | ConntrackStates.Established),
        Target = RuleTarget.Accept,
    };

    /// <summary>
    /// With route_localnet any neighbour could reach services that listen on loopback only; what was not translated by us is dropped
    /// (CVE-2020-8558). The chain is shared with the kubelet.
    /// </summary>
    protected IEnumerable<SharedRule> FirewallHooks()
    {
        yield return Hook(ChainId.Filter("INPUT"), null, KubeProxyIptables.Firewall);
        yield return Hook(ChainId.Filter("OUTPUT"), null, KubeProxyIptables.Firewall);
        if (!Context.AllowsLocalhost)
            yield break;
        yield return InFirewall(new()
        {
            Source = LoopbackIPv4 with { IsNegated = true },
            Destination = LoopbackIPv4,
            Comment = KubeProxyIptablesComment.BlocksLocalnet,
            Match = new StateMatch(ConntrackStates.Related | ConntrackStates.Established | ConntrackStates.DNat, IsNegated: true),
            Target = RuleTarget.Drop,
        });
    }

    /// <summary>Our rule in the kubelet's chain.</summary>
    protected static SharedRule InFirewall(IpRule rule) =>
        new(ChainId.Filter(KubeProxyIptables.Firewall), rule, Position: RulePosition.First);

    /// <summary>Chains every layout has: marking, masquerading, the canary that disappears when another program flushes.</summary>
    protected IEnumerable<FixedChain> CommonChains()
    {
        uint mark = MasqueradeMark;
        yield return new(ChainId.Mangle(KubeProxyIptables.ProxyCanary));
        yield return new(ChainId.Nat(KubeProxyIptables.MarkMasquerade), new IpRule { Target = new MarkTarget(mark, mark) });
        if (Context.Detector is { Mode: LocalDetection.Cidrs, Cidrs.Length: > 1 })
        {
            yield return new(
                ChainId.Nat(KubeProxyIptables.MarkOffCluster),
                [.. FromPods(new() { Target = RuleTarget.Return }), new() { Target = MarkMasquerade }]);
        }
        yield return new(
            ChainId.Nat(KubeProxyIptables.Postrouting),
            new() { Match = new MarkMatch(mark, mark, IsNegated: true), Target = RuleTarget.Return },
            // Clears the mark, so that the packet is not masqueraded again if it passes once more after encapsulation.
            new() { Target = new MarkTarget(mark, 0) },
            new() { Comment = KubeProxyIptablesComment.Masquerade, Target = new MasqueradeTarget(Context.Options.RandomFully) });
        yield return new(ChainId.Nat(KubeProxyIptables.ProxyCanary));
        yield return new(ChainId.Filter(KubeProxyIptables.ProxyCanary));
    }

    /// <summary>Sends to each of the endpoints with the same probability, or to the client's previous one with session affinity.</summary>
    protected void AddBackends(List<IpRule> rules, PortPlan port, EndpointChain[] destinations, Func<int, string> comment)
    {
        for (int i = 0; i < destinations.Length && port.AffinitySeconds > 0; i++)
        {
            rules.Add(new()
            {
                Comment = EndpointComment(comment, i, isFirst: i == 0),
                Match = new RecentMatch(destinations[i].Name, port.AffinitySeconds, port.Family),
                Target = To(destinations[i].Name),
            });
        }
        for (int i = 0; i < destinations.Length; i++)
        {
            int left = destinations.Length - i;
            rules.Add(new()
            {
                Comment = EndpointComment(comment, i, isFirst: i == 0 && port.AffinitySeconds == 0),
                Match = left == 1 ? null : RandomMatch.OneOf(left),
                Target = To(destinations[i].Name),
            });
        }
    }

    private string? EndpointComment(Func<int, string> comment, int index, bool isFirst) =>
        Context.HasEndpointComments || isFirst ? comment(index) : null;

    private InterfaceMatch PodInterface() =>
        new(Context.Detector.Mode == LocalDetection.InterfacePrefix ? Context.Detector.Interface + "+" : Context.Detector.Interface);
}
