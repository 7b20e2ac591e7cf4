using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services;
using Portolan.Services.Plan;

namespace Portolan.Inspect;

/// <summary>Compares what the rules offer with what the cluster says this node should serve.</summary>
internal static class ClusterChecks
{
    private const string Resync = "Look at the proxy's log and restart it if it does not catch up.";

    internal static IEnumerable<Finding> Of(ServiceCatalogue catalogue, ServiceTable cluster)
    {
        var wanted = cluster.Plans.SelectMany(plan => plan.Ports).ToDictionary(port => (port.Name.ToString(), port.Name.Protocol, port.Family));
        ILookup<(string, IpProtocol, IpFamily), OfferedService> offered =
            catalogue.Services.ToLookup(service => (service.DisplayName, service.Protocol, service.Family));
        // A dump of one family says nothing about the other.
        var families = catalogue.Services.Select(service => service.Family).ToHashSet();
        foreach (((string name, IpProtocol protocol, IpFamily family), PortPlan port) in wanted)
        {
            if (!families.Contains(family) || port.Frontends.IsEmpty)
                continue;
            OfferedService[] rules = [.. offered[(name, protocol, family)]];
            if (rules.Length == 0)
            {
                yield return new Finding(FindingSeverity.Error, "service-without-rules", name, null,
                    $"The cluster has {name} ({protocol.ToRuleText()}, {family}), but no rule knows it: its clients get no answer from here.", Resync);
                continue;
            }
            foreach (OfferedService service in rules)
            {
                foreach (Finding finding in Compare(port, service))
                    yield return finding;
            }
        }
        foreach (OfferedService service in catalogue.Services)
        {
            // The API server's own service is in every cluster and in nobody's manifests.
            if (service.Service is not (null or "default/kubernetes") && !wanted.ContainsKey((service.DisplayName, service.Protocol, service.Family)))
            {
                yield return new Finding(FindingSeverity.Error, "rules-without-service", service.DisplayName, service.Frontends.FirstOrDefault()?.Place,
                    $"Rules serve {service.DisplayName} ({service.Protocol.ToRuleText()}, {service.Family}), which the cluster does not have (any more).", Resync);
            }
        }
    }

    private static IEnumerable<Finding> Compare(PortPlan port, OfferedService service)
    {
        ImmutableHashSet<InetEndpoint> known = [.. port.ClusterBackends.Concat(port.LocalBackends).Select(backend => backend.Endpoint), .. port.ServingEndpoints];
        IEnumerable<OfferedEndpoint> offered = service.Endpoints.Concat(service.Frontends.SelectMany(frontend => frontend.Endpoints))
            .Where(endpoint => endpoint.Address.Family != IpFamily.None).DistinctBy(endpoint => endpoint.Text).ToList();
        foreach (OfferedEndpoint endpoint in offered)
        {
            if (!known.Contains(new InetEndpoint(endpoint.Address, endpoint.Port)))
            {
                yield return new Finding(FindingSeverity.Error, "unknown-endpoint", service.DisplayName, null,
                    $"Connections are sent to {endpoint.Text}, which is no endpoint of {service.DisplayName}.", Resync);
            }
        }
        // Rules name the endpoints a client of the cluster IP gets; under policy Local these are this node's.
        ImmutableArray<Backend> expected = port.InternalPolicyLocal && port.Frontends.Any(frontend => frontend.Kind == FrontendKind.ClusterIP)
            ? port.LocalBackends
            : port.ClusterBackends;
        foreach (Backend backend in expected)
        {
            if (!offered.Any(endpoint => endpoint.Address == backend.Endpoint.Address && endpoint.Port == backend.Endpoint.Port))
            {
                yield return new Finding(FindingSeverity.Error, "missing-endpoint", service.DisplayName, null,
                    $"Endpoint {backend.Endpoint} of {service.DisplayName} gets no connections: no rule leads to it.", Resync);
            }
        }
        foreach (Frontend frontend in port.Frontends)
        {
            bool found = service.Frontends.Any(item => item.Port == frontend.Port
                && (frontend.Kind == FrontendKind.NodePort ? item.Kind is OfferKind.NodePort or OfferKind.External : item.Address == frontend.Address));
            if (!found)
            {
                string address = frontend.Kind == FrontendKind.NodePort ? $"node port {frontend.Port}" : new InetEndpoint(frontend.Address, frontend.Port).ToString();
                yield return new Finding(FindingSeverity.Error, "missing-frontend", service.DisplayName, null,
                    $"{address} of {service.DisplayName} has no rule: clients that dial it get no answer from here.", Resync);
            }
        }
    }
}
