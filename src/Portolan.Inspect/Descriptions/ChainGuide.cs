using System.Collections.Immutable;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;

namespace Portolan.Inspect.Descriptions;

/// <summary>Says what chains and rules are for, and which service they belong to.</summary>
public sealed class ChainGuide
{
    private readonly Dictionary<string, string> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ProgrammedEndpoint> _endpoints = new(StringComparer.Ordinal);

    /// <summary>Learns the names of services from the catalogue.</summary>
    public ChainGuide(ServiceCatalogue catalogue)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        foreach (ProgrammedService service in catalogue.Services)
        {
            Learn(service.Id, service.DisplayName);
            foreach (ProgrammedFrontend frontend in service.Frontends)
            {
                if (frontend.Place is { } place && ServiceChains.TargetOf(place.Rule) is { } target)
                    Learn(target, service.DisplayName);
                LearnEndpoints(frontend.Endpoints, service);
            }
            LearnEndpoints(service.Endpoints, service);
        }
    }

    /// <summary>The service port that a chain serves, or null.</summary>
    public string? ServiceOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (_services.TryGetValue(chain, out string? service))
            return service;
        return KubeProxyIptables.RoleOf(chain).IsServicePort()
            && _services.TryGetValue(KubeProxyIptables.ClusterEndpointsPrefix + KubeProxyIptables.HashOf(chain), out service)
                ? service
                : KubeProxyNftables.ServicePortOf(chain);
    }

    /// <summary>The service port that a rule is about, or null: by its comment, its target or its chain.</summary>
    public string? ServiceOf(RuleRef place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return KubeProxyIptablesComment.Parse(place.Rule.Comment).ServicePort
            ?? (ServiceChains.TargetOf(place.Rule) is { } target ? ServiceOf(target) : null)
            ?? ServiceOf(place.Chain.Name);
    }

    /// <summary>The endpoint of an endpoint's own chain, or null.</summary>
    public ProgrammedEndpoint? EndpointOf(string chain) => _endpoints.GetValueOrDefault(chain);

    /// <summary>
    /// What a chain is for, in words without a subject: "picks one of all endpoints of default/testsvc". Null for an unknown chain.
    /// </summary>
    public string? PurposeOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        string? purpose = ChainPurposes.Of(chain);
        if (purpose is null || !ChainPurposes.IsOwned(chain))
            return purpose;
        string of = ServiceOf(chain) is { } service ? $" of {service}" : string.Empty;
        return EndpointOf(chain) is { } endpoint && endpoint.Address.Family != Inet.IpFamily.None
            ? $"translates to endpoint {endpoint.Text}{of}"
            : purpose + of;
    }

    private void LearnEndpoints(ImmutableArray<ProgrammedEndpoint> endpoints, ProgrammedService service)
    {
        foreach (ProgrammedEndpoint endpoint in endpoints)
        {
            if (endpoint.Chain.Length == 0)
                continue;
            _endpoints.TryAdd(endpoint.Chain, endpoint);
            Learn(endpoint.Chain, service.DisplayName);
        }
    }

    private void Learn(string chain, string service) => _services.TryAdd(chain, service);
}
