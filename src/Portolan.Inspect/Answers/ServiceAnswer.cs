using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Programmed;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Answers;

/// <summary>A service port as the rules serve it.</summary>
public sealed record ServiceAnswer
{
    /// <summary>"namespace/name"; null when the rules carry no names.</summary>
    public required string? Service { get; init; }

    /// <summary>The port's name; empty when it has none.</summary>
    public required string Port { get; init; }

    /// <summary>What the rules call it: the common part of the chains' names.</summary>
    public required string Id { get; init; }

    /// <summary>The protocol.</summary>
    public required IpProtocol Protocol { get; init; }

    /// <summary>The family of its addresses.</summary>
    public required IpFamily Family { get; init; }

    /// <summary>Who wrote the rules; null for a service of the cluster that no rule knows.</summary>
    public required RuleWriter? Writer { get; init; }

    /// <summary>True for externalTrafficPolicy Local, false for Cluster, null when the rules do not show it.</summary>
    public required bool? ExternalTrafficPolicyLocal { get; init; }

    /// <summary>True for internalTrafficPolicy Local, false for Cluster, null when the rules do not show it.</summary>
    public required bool? InternalTrafficPolicyLocal { get; init; }

    /// <summary>For how many seconds a client keeps its endpoint; null without session affinity.</summary>
    public required long? AffinitySeconds { get; init; }

    /// <summary>loadBalancerSourceRanges; empty when every client may use the load balancer.</summary>
    public required ImmutableArray<InetPrefix> SourceRanges { get; init; }

    /// <summary>Where clients reach it, cluster IP first.</summary>
    public required ImmutableArray<FrontendAnswer> Frontends { get; init; }

    /// <summary>The endpoints of the cluster IP, or of the first frontend that has some.</summary>
    public required ImmutableArray<EndpointAnswer> Endpoints { get; init; }

    /// <summary>
    /// How many endpoints the cluster's slices have for it, ready or not; null when the cluster was not asked, or does not have it.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? EndpointsInCluster { get; init; }

    /// <summary>What <c>why</c> says of it; null when that was not asked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ServiceVerdictAnswer? Why { get; init; }

    /// <summary>
    /// What clients get, in words: "ok", or the worst of the frontends: "stopped" (a rule of somebody else is in the way), "no endpoints",
    /// "no local endpoint" (dropped: policy Local), "not served", "unknown".
    /// </summary>
    public string Status => Frontends.Any(frontend => frontend.Obstacle is not null) ? "stopped"
        : Frontends.IsEmpty ? "unknown"
        : Frontends.Max(frontend => Rank(frontend.Outside)) switch
        {
            4 => "no endpoints",
            3 => "no local endpoint",
            2 => "not served",
            1 => "unknown",
            _ => "ok",
        };

    private static int Rank(ProgrammedState state) => state switch
    {
        ProgrammedState.Rejected => 4,
        ProgrammedState.Dropped => 3,
        ProgrammedState.Untouched => 2,
        ProgrammedState.Unknown => 1,
        _ => 0,
    };

    /// <summary>"shop/web:http", "default/testsvc", or the chain's name.</summary>
    [JsonIgnore]
    public string DisplayName => Service is null ? Id : Port.Length == 0 ? Service : $"{Service}:{Port}";

    /// <summary>The answer for a service of the cluster that no rule knows.</summary>
    /// <param name="service">The service.</param>
    /// <param name="why">Why no rule knows it.</param>
    public static ServiceAnswer NotInRules(ServiceObject service, Diagnosis why)
    {
        ArgumentNullException.ThrowIfNull(service);
        return new ServiceAnswer
        {
            Service = service.Name.ToString(),
            Port = string.Empty,
            Id = service.Name.ToString(),
            Protocol = service.Ports.Select(static port => port.Protocol).FirstOrDefault(IpProtocol.Tcp),
            Family = service.ClusterIPs.Select(static address => address.Family).FirstOrDefault(IpFamily.IPv4),
            Writer = null,
            ExternalTrafficPolicyLocal = null,
            InternalTrafficPolicyLocal = null,
            AffinitySeconds = null,
            SourceRanges = [],
            Frontends = [],
            Endpoints = [],
            Why = ServiceVerdictAnswer.Of([why]),
        };
    }

    /// <summary>The answer for one service port.</summary>
    public static ServiceAnswer Of(ProgrammedService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        return new ServiceAnswer
        {
            Service = service.Service,
            Port = service.Port,
            Id = service.Id,
            Protocol = service.Protocol,
            Family = service.Family,
            Writer = service.Writer,
            ExternalTrafficPolicyLocal = service.IsExternalLocal,
            InternalTrafficPolicyLocal = service.IsInternalLocal,
            AffinitySeconds = (long?)service.Affinity?.TotalSeconds,
            SourceRanges = service.SourceRanges,
            Frontends = [.. service.Frontends.Select(FrontendAnswer.Of)],
            Endpoints = [.. service.Endpoints.Select(EndpointAnswer.Of)],
        };
    }
}
