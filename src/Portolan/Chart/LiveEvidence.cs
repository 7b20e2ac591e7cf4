using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Chart;

/// <summary>What a running node knows of services' endpoints, and what becomes of connections to them.</summary>
internal static class LiveEvidence
{
    // A few show whether a service's endpoints refuse; hundreds of connections at once would be a burden. Of many services the first
    // endpoint of each is tried, as far as that goes.
    private const int MostOfOne = 16;
    private const int MostOfAll = 64;

    /// <summary>The evidence about some services; what rules alone show where they are not live.</summary>
    /// <param name="input">The rules.</param>
    /// <param name="networkNamespace">The network namespace they are from; null for the program's own.</param>
    /// <param name="mayProbe">False to open no connection.</param>
    /// <param name="services">The services.</param>
    /// <param name="cancel">Ends the attempts.</param>
    internal static async Task<LiveFacts> OfAsync(ChartInput input, string? networkNamespace, bool mayProbe,
        IReadOnlyList<ProgrammedService> services, CancellationToken cancel)
    {
        if (!input.IsLive)
            return LiveFacts.None with { Routes = Routes.Of(input.Rules) };
        LiveFacts live = LiveRules.ReadFacts(networkNamespace, AreMany(services) ? null
            : services.SelectMany(EndpointsOf).Select(endpoint => endpoint.Address).Distinct());
        // Connections of another network namespace would have to be opened by a program in it.
        if (!mayProbe || networkNamespace is not null)
            return live;
        (int each, int all) = AreMany(services) ? (1, MostOfAll) : (MostOfOne, MostOfOne);
        return live with
        {
            Probes = await EndpointProbe.RunAsync(services.Where(service => service.Protocol == IpProtocol.Tcp)
                .SelectMany(service => EndpointsOf(service)
                    .Where(endpoint => endpoint.Port != 0 && live.MayBeTried(endpoint.Address))
                    .Select(endpoint => new InetEndpoint(endpoint.Address, endpoint.Port)).Distinct().Take(each))
                .Distinct().Take(all), cancel),
        };
    }

    // The ports of one service are one question.
    private static bool AreMany(IReadOnlyList<ProgrammedService> services) =>
        services.Select(service => service.Service ?? service.Id).Distinct().Skip(1).Any();

    private static IEnumerable<ProgrammedEndpoint> EndpointsOf(ProgrammedService service) =>
        service.Endpoints.Concat(service.Frontends.SelectMany(frontend => frontend.Endpoints))
            .Where(endpoint => endpoint.Address.Family != IpFamily.None);
}
