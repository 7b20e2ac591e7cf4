using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>The services that the rules serve: the answer of services.</summary>
/// <param name="Services">One for each port of a service and family.</param>
public sealed record ServicesAnswer(ImmutableArray<ServiceAnswer> Services)
{
    /// <summary>The answer for the given service ports.</summary>
    public static ServicesAnswer Of(IEnumerable<ProgrammedService> services) => new([.. services.Select(ServiceAnswer.Of)]);
}

/// <summary>A port of a service as the rules serve it.</summary>
/// <param name="Service">"namespace/name"; null when the rules carry no names.</param>
/// <param name="Port">The port's name; empty when it has none.</param>
/// <param name="Id">What the rules call it: the common part of its chains' names.</param>
/// <param name="Protocol">"tcp", "udp", "sctp".</param>
/// <param name="Family">"IPv4" or "IPv6".</param>
/// <param name="Writer">"kube-proxy iptables", "kube-proxy nftables" or "portolan".</param>
/// <param name="ExternalTrafficPolicyLocal">Null when the rules do not show it.</param>
/// <param name="InternalTrafficPolicyLocal">Null when the rules do not show it.</param>
/// <param name="AffinitySeconds">How long a client keeps its endpoint, in seconds; null without session affinity.</param>
/// <param name="SourceRanges">loadBalancerSourceRanges; empty when everybody may use the load balancer.</param>
/// <param name="Frontends">Where clients reach it, cluster IP first.</param>
/// <param name="Endpoints">The endpoints of the cluster IP, or of the first frontend that has some.</param>
public sealed record ServiceAnswer(
    string? Service,
    string Port,
    string Id,
    string Protocol,
    string Family,
    string Writer,
    bool? ExternalTrafficPolicyLocal,
    bool? InternalTrafficPolicyLocal,
    long? AffinitySeconds,
    ImmutableArray<string> SourceRanges,
    ImmutableArray<FrontendAnswer> Frontends,
    ImmutableArray<EndpointAnswer> Endpoints)
{
    /// <summary>"shop/web:http", "default/testsvc", or the chain's name.</summary>
    [JsonIgnore]
    public string DisplayName => Service is null ? Id : Port.Length == 0 ? Service : $"{Service}:{Port}";

    internal static ServiceAnswer Of(ProgrammedService service) => new(
        service.Service,
        service.Port,
        service.Id,
        service.Protocol.ToRuleText(),
        service.Family.ToString(),
        service.Writer switch
        {
            RuleWriter.KubeProxyIptables => "kube-proxy iptables",
            RuleWriter.KubeProxyNftables => "kube-proxy nftables",
            _ => "portolan",
        },
        service.IsExternalLocal,
        service.IsInternalLocal,
        service.Affinity is { } affinity ? (long)affinity.TotalSeconds : null,
        [.. service.SourceRanges.Select(range => range.ToString())],
        [.. service.Frontends.Select(FrontendAnswer.Of)],
        [.. service.Endpoints.Select(EndpointAnswer.Of)]);
}

/// <summary>A place where clients reach a service.</summary>
/// <param name="Kind">"ClusterIP", "NodePort", "LoadBalancer", "ExternalIP", or "External" where rules do not tell the last two apart.</param>
/// <param name="Address">The address; null for a node port on all addresses of the node.</param>
/// <param name="Port">The port.</param>
/// <param name="Outside">What clients from outside get: "served", "rejected", "dropped" or "untouched".</param>
/// <param name="RulesBefore">Rules of the nat table that a new packet from outside meets before; null when those that serve it are not in nat.</param>
/// <param name="Endpoints">The endpoints for clients from outside.</param>
public sealed record FrontendAnswer(string Kind, string? Address, ushort Port, string Outside, int? RulesBefore, ImmutableArray<EndpointAnswer> Endpoints)
{
    /// <summary>"172.30.5.207:443", or "*:30031" for a node port on all addresses.</summary>
    [JsonIgnore]
    public string Text { get; private init; } = string.Empty;

    internal static FrontendAnswer Of(ProgrammedFrontend frontend) => new(
        frontend.Kind.ToString(),
        frontend.Address.Family == IpFamily.None ? null : frontend.Address.ToString(),
        frontend.Port,
        frontend.State.ToString().ToLowerInvariant(),
        frontend.RulesBefore,
        [.. frontend.Endpoints.Select(EndpointAnswer.Of)])
    {
        Text = frontend.Text,
    };
}

/// <summary>An endpoint and how often it is chosen.</summary>
/// <param name="Address">"10.244.2.50:80"; null when it is not in the input.</param>
/// <param name="Share">The effective share of new connections, from 0 to 1, rounded to six digits.</param>
/// <param name="Printed">The probability that its rule shows; null when it shows none.</param>
/// <param name="Chain">The chain that leads to it; null where there is none.</param>
public sealed record EndpointAnswer(
    string? Address,
    double Share,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Printed,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Chain)
{
    internal static EndpointAnswer Of(ProgrammedEndpoint endpoint) => new(
        endpoint.Address.Family == IpFamily.None ? null : endpoint.Text,
        Math.Round(endpoint.Share, 6),
        endpoint.Printed.Length == 0 ? null : endpoint.Printed,
        endpoint.Chain.Length == 0 ? null : endpoint.Chain);
}

/// <summary>What the kernel counted at each frontend: the answer of services --counters.</summary>
/// <param name="Counters">One for each frontend that is counted.</param>
public sealed record CountersAnswer(ImmutableArray<CounterAnswer> Counters);

/// <summary>New connections of a frontend.</summary>
/// <param name="Service">The service, "namespace/name:port".</param>
/// <param name="Frontend">"address:port".</param>
/// <param name="Protocol">"tcp", "udp", "sctp".</param>
/// <param name="Connections">New connections.</param>
/// <param name="Rejected">Of them those rejected for lack of endpoints.</param>
/// <param name="Dropped">Of them those dropped for lack of endpoints on this node.</param>
/// <param name="Denied">Of them those dropped because of source ranges.</param>
public sealed record CounterAnswer(string Service, string Frontend, string Protocol, ulong Connections, ulong Rejected, ulong Dropped, ulong Denied);
