using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Programmed;

/// <summary>A port of a service as the rules serve it.</summary>
public sealed record ProgrammedService
{
    /// <summary>"namespace/name"; null when the rules carry no name (kube-proxy omits comments above 1,000 endpoints).</summary>
    public string? Service { get; init; }

    /// <summary>The port's name; empty when it has none.</summary>
    public string Port { get; init; } = string.Empty;

    /// <summary>What the rules call it where they name no service: the common part of the chains' names.</summary>
    public required string Id { get; init; }

    /// <summary>The protocol.</summary>
    public required IpProtocol Protocol { get; init; }

    /// <summary>The family of its addresses.</summary>
    public required IpFamily Family { get; init; }

    /// <summary>Who wrote the rules.</summary>
    public required RuleWriter Writer { get; init; }

    /// <summary>Where clients reach it, cluster IP first.</summary>
    public required ImmutableArray<ProgrammedFrontend> Frontends { get; init; }

    /// <summary>The endpoints of the cluster IP, or of the first frontend that has some, with their effective shares.</summary>
    public required ImmutableArray<ProgrammedEndpoint> Endpoints { get; init; }

    /// <summary>True for externalTrafficPolicy Local, false for Cluster, null when the rules do not show it.</summary>
    public bool? IsExternalLocal { get; init; }

    /// <summary>True for internalTrafficPolicy Local, false for Cluster, null when the rules do not show it.</summary>
    public bool? IsInternalLocal { get; init; }

    /// <summary>How long a client is sent to the same endpoint; null without session affinity.</summary>
    public TimeSpan? Affinity { get; init; }

    /// <summary>loadBalancerSourceRanges; empty when every client may use the load balancer.</summary>
    public ImmutableArray<InetPrefix> SourceRanges { get; init; } = [];

    /// <summary>
    /// The chain at which the service begins in an input that does not show which packets come to it; null when <see cref="Frontends"/> has
    /// some.
    /// </summary>
    public string? EntryChain { get; init; }

    /// <summary>"shop/web:http", "default/testsvc", or the chain's name.</summary>
    public string DisplayName => Service is null ? Id : Port.Length == 0 ? Service : $"{Service}:{Port}";
}

/// <summary>Who wrote service rules.</summary>
public enum RuleWriter : byte
{
    /// <summary>kube-proxy in iptables mode.</summary>
    KubeProxyIptables,

    /// <summary>kube-proxy in nftables mode.</summary>
    KubeProxyNftables,

    /// <summary>kube-proxy in ipvs mode: recognised by its ipsets; endpoints are in the kernel's virtual servers, not in rules.</summary>
    KubeProxyIpvs,

    /// <summary>Portolan's ipvs mode: recognised by its table beside the virtual servers.</summary>
    PortolanIpvs,

    /// <summary>Virtual servers of IPVS that no proxy is known to have written.</summary>
    Ipvs,

    /// <summary>kube-proxy in userspace mode (removed in v1.26): every service leads to a port on which kube-proxy itself
    /// listens.</summary>
    KubeProxyUserspace,

    /// <summary>Portolan's nftables mode. Its iptables mode writes kube-proxy's chains and counts as kube-proxy.</summary>
    Portolan,
}

/// <summary>What writers have in common.</summary>
public static class RuleWriters
{
    /// <summary>True where IPVS serves: names and places of rules are not to be had.</summary>
    public static bool IsIpvs(this RuleWriter writer) => writer is RuleWriter.KubeProxyIpvs or RuleWriter.PortolanIpvs or RuleWriter.Ipvs;
}

/// <summary>What kind of address a frontend is.</summary>
public enum ProgrammedKind : byte
{
    /// <summary>The cluster IP.</summary>
    ClusterIP,

    /// <summary>A port of the node's addresses.</summary>
    NodePort,

    /// <summary>A load balancer's address.</summary>
    LoadBalancer,

    /// <summary>An address of externalIPs.</summary>
    ExternalIP,

    /// <summary>A load balancer's address or one of externalIPs: nf_tables rules do not show which.</summary>
    External,

    /// <summary>A virtual server's address of IPVS; nothing shows of which kind.</summary>
    VirtualServer,
}

/// <summary>What a client from outside the cluster gets at a frontend.</summary>
public enum ProgrammedState : byte
{
    /// <summary>An endpoint.</summary>
    Served,

    /// <summary>A rejection: the service has no endpoints.</summary>
    Rejected,

    /// <summary>No answer: the policy is Local and this node has no endpoint.</summary>
    Dropped,

    /// <summary>The packet passes untranslated: no rule serves it, and none stops it.</summary>
    Untouched,

    /// <summary>The input does not show it: a table is missing in it, or the endpoint is not chosen by rules.</summary>
    Unknown,
}

/// <summary>A place where clients reach a service.</summary>
public sealed record ProgrammedFrontend
{
    /// <summary>Which kind.</summary>
    public required ProgrammedKind Kind { get; init; }

    /// <summary>The address; the default value for a NodePort that is open on all of the node's addresses.</summary>
    public InetAddress Address { get; init; }

    /// <summary>The port.</summary>
    public required ushort Port { get; init; }

    /// <summary>What clients from outside get.</summary>
    public ProgrammedState State { get; init; }

    /// <summary>The endpoints for clients from outside, with their shares.</summary>
    public ImmutableArray<ProgrammedEndpoint> Endpoints { get; init; } = [];

    /// <summary>
    /// How many rules of the nat table a new packet from outside is checked against before the one that leads to the service: O(n) in a
    /// chain that is evaluated from the top, one or two for a map. Null when the rules that serve it are not in nat.
    /// </summary>
    public int? RulesBefore { get; init; }

    /// <summary>The rule that leads to the service, where it has its own.</summary>
    public RuleRef? Place { get; init; }

    /// <summary>
    /// What keeps packets from the service's rules, or from its endpoints behind them, in words that follow "but": another program's
    /// rule, a policy. Null when the input shows no such thing.
    /// </summary>
    public string? Obstacle { get; init; }

    /// <summary>"172.30.5.207:443", or "*:30031" for a NodePort on all addresses.</summary>
    public string Text => Address.Family == IpFamily.None && Port == 0 ? "(not in the input)" : Address.Family == IpFamily.None
        ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"*:{Port}")
        : new InetEndpoint(Address, Port).ToString();
}

/// <summary>An endpoint and how often it is chosen.</summary>
/// <param name="Address">The address; the default value when the chain that names it is not in the input.</param>
/// <param name="Port">The port; 0 when it is not known.</param>
/// <param name="Share">The effective share of new connections, from 0 to 1; not a number when the input does not show it.</param>
/// <param name="Chain">The endpoint's own chain; empty where there is none.</param>
/// <param name="Printed">The probability as the rule shows it, which is that of the rule alone; empty when it shows none.</param>
public sealed record ProgrammedEndpoint(InetAddress Address, ushort Port, double Share, string Chain, string Printed)
{
    /// <summary>"10.244.2.50:80", or the chain's name when the address is not in the input.</summary>
    public string Text => Address.Family == IpFamily.None ? Chain : new InetEndpoint(Address, Port).ToString();
}
