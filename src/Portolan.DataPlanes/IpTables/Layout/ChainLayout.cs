using System.Globalization;
using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>What rules of one family depend on beside the services.</summary>
/// <param name="Family">The family: one set of tables each.</param>
/// <param name="Options">The plane's configuration.</param>
/// <param name="Detector">How pods are told from other sources.</param>
/// <param name="HasCounters">The kernel has the accounting objects that kube-proxy's metrics read.</param>
/// <param name="AllowsLocalhost">NodePorts answer on IPv4 loopback addresses.</param>
/// <param name="TakesNodePortsEverywhere">NodePorts answer on every address of the node, loopback aside.</param>
/// <param name="HasEndpointComments">
/// All rules of endpoints say whose they are; false above <see cref="MaxCommentedEndpoints"/> endpoints, where such comments would be more than
/// half of what the kernel takes and returns for each change: there a chain's first one speaks for the rest.
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

/// <summary>Makes rules from plans: pure, and the same for the same plan. A layout says which chains there are and who jumps where.</summary>
internal abstract class ChainLayout(LayoutContext context, AddressPlan node)
{
    /// <summary>Accounting objects, as kube-proxy names them.</summary>
    public const string InvalidCounter = "ct_state_invalid_dropped_pkts", LocalhostCounter = "localhost_nps_accepted_pkts";

    private const string NodePortsComment = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";

    protected const string External = "kubernetes externally-visible service portals";
    protected const string Portals = "kubernetes service portals";
    protected const string New = "-m conntrack --ctstate NEW";
    protected const string ToLocal = "-m addrtype --dst-type LOCAL";
    protected const string FromLocal = "-m addrtype --src-type LOCAL";

    public LayoutContext Context { get; } = context;

    protected IpFamily Family => Context.Family;

    /// <summary>Chains whose rules all services share, in the order they are written.</summary>
    public abstract IReadOnlyList<(RuleTable Table, string Chain)> SharedChains { get; }

    /// <summary>Chains whose rules depend on no service.</summary>
    public abstract IEnumerable<(RuleTable Table, string Chain, string[] Rules)> FixedChains();

    /// <summary>
    /// Rules of ours in chains that are not ours alone (the built-in ones and the kubelet's KUBE-FIREWALL); each is put first where it is
    /// missing, so that the last of this list stands first.
    /// </summary>
    public abstract IEnumerable<SharedRule> Hooks();

    /// <summary>Hooks that only another layout has, and nobody but a service proxy makes.</summary>
    public virtual IEnumerable<SharedRule> HooksOfOtherLayouts() => [];

    /// <summary>Rules at the end of KUBE-SERVICES: what is for one of the node's addresses may be for a NodePort.</summary>
    public IEnumerable<SharedRule> NodePortDispatch()
    {
        if (Context.TakesNodePortsEverywhere)
        {
            string? exceptions = Family == IpFamily.IPv6 ? "::1/128" : Context.AllowsLocalhost ? null : "127.0.0.0/8";
            yield return Tail(new() { NotDestination = true, Destination = exceptions, Match = ToLocal });
            yield break;
        }
        foreach (InetAddress address in node.NodePortAddresses)
        {
            // IPv6 never routes loopback addresses off the loopback interface, and IPv4 only when told to.
            if (address.Family == Family && (!address.IsLoopback || Context.AllowsLocalhost))
                yield return Tail(new() { Destination = InetPrefix.Host(address).ToString() });
        }

        static SharedRule Tail(RuleSpec rule) => new(RuleTable.Nat, ChainName.Services,
            (rule with { Comment = NodePortsComment, Target = ChainName.NodePorts }).ToString());
    }

    /// <summary>The layout an option asks for.</summary>
    public static ChainLayout Of(LayoutContext context, AddressPlan node) =>
        context.Options.Layout == IpTablesLayout.Modern ? new ModernLayout(context, node) : new ClassicLayout(context, node);

    /// <summary>All that a service means in this family.</summary>
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

    /// <summary>Lets load balancers ask for the service's health where the INPUT chain drops what is not allowed.</summary>
    protected abstract void AddHealthCheck(Fragment fragment, PortPlan port, ushort healthCheckPort);

    /// <summary>Refuses or drops what arrives at a frontend; null when the policy sends it on.</summary>
    protected RuleSpec? RejectOrDrop(FrontendAction action, PortPlan port, string name) => action switch
    {
        FrontendAction.Reject => new RuleSpec
        {
            Protocol = port.Name.Protocol,
            Comment = $"{name} has no endpoints",
            Target = Family == IpFamily.IPv4 ? "REJECT --reject-with icmp-port-unreachable" : "REJECT --reject-with icmp6-port-unreachable",
        },
        FrontendAction.Drop => new RuleSpec { Protocol = port.Name.Protocol, Comment = $"{name} has no local endpoints", Target = "DROP" },
        _ => null,
    };

    /// <summary>A rule for what is sent to a frontend.</summary>
    protected static RuleSpec At(PortPlan port, Frontend frontend, string? comment) => new()
    {
        Destination = frontend.Kind == FrontendKind.NodePort ? null : InetPrefix.Host(frontend.Address).ToString(),
        Protocol = port.Name.Protocol,
        Port = frontend.Port,
        Comment = comment,
    };

    /// <summary>The same for one frontend, with its rule of the filter table.</summary>
    protected static SharedRule Denied(PortPlan port, Frontend frontend, RuleSpec rejectOrDrop) => new(RuleTable.Filter,
        frontend.Kind == FrontendKind.ClusterIP ? ChainName.Services : ChainName.ExternalServices,
        (At(port, frontend, rejectOrDrop.Comment) with
        {
            Match = frontend.Kind == FrontendKind.NodePort ? ToLocal : null,
            Target = rejectOrDrop.Target,
        }).ToString(), IsForAllAddresses: frontend.Kind == FrontendKind.NodePort);

    /// <summary>Jumps of pods' packets only, one per range of the detector; none where there is no detector.</summary>
    protected IEnumerable<RuleSpec> FromPods(RuleSpec rule)
    {
        switch (Context.Detector.Mode)
        {
            case LocalDetection.Cidrs:
                foreach (InetPrefix cidr in Context.Detector.Cidrs)
                    yield return rule with { Source = cidr.ToString() };
                break;
            case LocalDetection.Interface:
                yield return rule with { Interface = Context.Detector.Interface };
                break;
            case LocalDetection.InterfacePrefix:
                yield return rule with { Interface = Context.Detector.Interface + "+" };
                break;
        }
    }

    /// <summary>Marks what is not from a pod for masquerading; null where there is no detector.</summary>
    protected RuleSpec? MarkOffCluster(RuleSpec rule)
    {
        LocalDetector detector = Context.Detector;
        return detector.Mode switch
        {
            LocalDetection.Cidrs when detector.Cidrs.Length == 1 =>
                rule with { NotSource = true, Source = detector.Cidrs[0].ToString(), Target = ChainName.MarkMasquerade },
            // One rule cannot be outside of two ranges.
            LocalDetection.Cidrs when detector.Cidrs.Length > 1 => rule with { Target = ChainName.MarkOffCluster },
            LocalDetection.Interface => rule with { NotInterface = true, Interface = detector.Interface, Target = ChainName.MarkMasquerade },
            LocalDetection.InterfacePrefix =>
                rule with { NotInterface = true, Interface = detector.Interface + "+", Target = ChainName.MarkMasquerade },
            _ => null,
        };
    }

    protected static SharedRule Hook(RuleTable table, string chain, string comment, string target, string? match = null)
    {
        string rule = new RuleSpec { Comment = comment, Target = target }.ToString();
        // Here kube-proxy puts the state before the comment.
        return new(table, chain, match is null ? rule : $"{match} {rule}");
    }

    /// <summary>Where packets enter KUBE-SERVICES and leave for masquerading.</summary>
    protected static IEnumerable<SharedRule> NatHooks()
    {
        yield return Hook(RuleTable.Nat, "OUTPUT", Portals, ChainName.Services);
        yield return Hook(RuleTable.Nat, "PREROUTING", Portals, ChainName.Services);
        yield return Hook(RuleTable.Nat, "POSTROUTING", "kubernetes postrouting rules", ChainName.PostRouting);
    }

    /// <summary>How KUBE-FORWARD begins: what conntrack could not place is dropped, what we marked may pass.</summary>
    protected IEnumerable<string> Forwarding(string? invalidCounter)
    {
        if (Context.Options.DropsInvalid)
        {
            // Not ours to guess at: a packet that conntrack could not place would leave untranslated, and reset the connection it belongs to.
            yield return new RuleSpec { Match = "-m conntrack --ctstate INVALID", Counter = invalidCounter, Target = "DROP" }.ToString();
        }
        yield return new RuleSpec
        {
            Comment = "kubernetes forwarding rules",
            Match = $"-m mark --mark {Context.Options.MasqueradeMark}",
            Target = "ACCEPT",
        }.ToString();
    }

    /// <summary>Lets replies pass that the FORWARD chain would not.</summary>
    protected static string Replies(string comment) => new RuleSpec
    {
        Comment = comment,
        Match = "-m conntrack --ctstate RELATED,ESTABLISHED",
        Target = "ACCEPT",
    }.ToString();

    /// <summary>
    /// With route_localnet any neighbour could reach services that listen on loopback only; what was not translated by us is kept out
    /// (CVE-2020-8558). The chain is the kubelet's too.
    /// </summary>
    protected IEnumerable<SharedRule> FirewallHooks()
    {
        yield return new(RuleTable.Filter, "INPUT", $"-j {ChainName.Firewall}");
        yield return new(RuleTable.Filter, "OUTPUT", $"-j {ChainName.Firewall}");
        if (!Context.AllowsLocalhost)
            yield break;
        yield return new(RuleTable.Filter, ChainName.Firewall, new RuleSpec
        {
            NotSource = true,
            Source = "127.0.0.0/8",
            Destination = "127.0.0.0/8",
            Comment = "block incoming localnet connections",
            Match = "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT",
            Target = "DROP",
        }.ToString());
    }

    /// <summary>Chains every layout has: marking, masquerading, the canary that vanishes when somebody flushes.</summary>
    protected IEnumerable<(RuleTable Table, string Chain, string[] Rules)> CommonChains()
    {
        string mark = Context.Options.MasqueradeMark;
        string bit = mark[..mark.IndexOf('/', StringComparison.Ordinal)];
        yield return (RuleTable.Nat, ChainName.MarkMasquerade, [$"-j MARK --set-xmark {mark}"]);
        if (Context.Detector is { Mode: LocalDetection.Cidrs, Cidrs.Length: > 1 })
        {
            yield return (RuleTable.Nat, ChainName.MarkOffCluster,
                [.. FromPods(new() { Target = "RETURN" }).Select(static rule => rule.ToString()), $"-j {ChainName.MarkMasquerade}"]);
        }
        yield return (RuleTable.Nat, ChainName.PostRouting,
        [
            $"-m mark ! --mark {mark} -j RETURN",
            // Takes the mark off, so that the packet is not masqueraded again if it comes by once more in its encapsulation.
            $"-j MARK --set-xmark {bit}/0x0",
            new RuleSpec
            {
                Comment = "kubernetes service traffic requiring SNAT",
                Target = Context.Options.RandomFully ? "MASQUERADE --random-fully" : "MASQUERADE",
            }.ToString(),
        ]);
        yield return (RuleTable.Nat, ChainName.Canary, []);
        yield return (RuleTable.Filter, ChainName.Canary, []);
    }

    /// <summary>Sends to each of the endpoints with the same probability, to the one a client had before if affinity asks for it.</summary>
    protected void AddBackends(List<string> rules, PortPlan port, EndpointChain[] destinations, Func<int, string> comment)
    {
        for (int i = 0; i < destinations.Length && port.AffinitySeconds > 0; i++)
        {
            string chain = destinations[i].Name;
            string match = string.Create(CultureInfo.InvariantCulture,
                $"-m recent --rcheck --seconds {port.AffinitySeconds} --reap --name {chain} --mask {EndpointChain.HostMask(port.Family)} --rsource");
            rules.Add(new RuleSpec { Comment = EndpointComment(comment, i, isFirst: i == 0), Match = match, Target = chain }.ToString());
        }
        for (int i = 0; i < destinations.Length; i++)
        {
            int left = destinations.Length - i;
            string? match = left == 1 ? null : $"-m statistic --mode random --probability {Probability(left)}";
            string? said = EndpointComment(comment, i, isFirst: i == 0 && port.AffinitySeconds == 0);
            rules.Add(new RuleSpec { Comment = said, Match = match, Target = destinations[i].Name }.ToString());
        }
    }

    private string? EndpointComment(Func<int, string> comment, int index, bool isFirst) => Context.HasEndpointComments || isFirst ? comment(index) : null;

    // The kernel keeps 31 bits of a probability (xt_statistic.c); iptables-save shows them with eleven digits.
    private static string Probability(int choices)
    {
        const double Scale = 0x80000000;
        return (Math.Round(Scale / choices, MidpointRounding.AwayFromZero) / Scale).ToString("F11", CultureInfo.InvariantCulture);
    }
}
