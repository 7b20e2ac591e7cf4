using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Services.Tests.Builders;

/// <summary>kube-proxy's endpoint selection once more, written for reading: a list at a time, nothing shared with the product.</summary>
internal static class SelectionOracle
{
    /// <summary>The endpoints of a port, one per address and port number.</summary>
    public static List<(InetEndpoint At, EndpointObject Endpoint)> Endpoints(IEnumerable<EndpointSliceObject> slices, PortPlan port) =>
    [
        .. from slice in slices
           where slice.Name.Namespace == port.Name.Service.Namespace && slice.ServiceName == port.Name.Service.Name
           && slice.Family == port.Family
           orderby slice.Name
           from slicePort in slice.Ports
           where slicePort.Name == port.Name.Port && slicePort.Protocol == port.Name.Protocol
           from endpoint in slice.Endpoints
           group endpoint by new InetEndpoint(endpoint.Address, slicePort.Port) into copies
           orderby copies.Key
           select (copies.Key, copies.OrderBy(copy => copy.Conditions.HasFlag(EndpointConditions.Terminating))
               .ThenBy(copy => !IsReady(copy))
               .ThenBy(copy => !copy.Conditions.HasFlag(EndpointConditions.Serving))
                   .ThenBy(copy => copy.NodeName != Objects.ThisNode).First()),
    ];

    public static IEnumerable<InetEndpoint> ForCluster(List<(InetEndpoint At, EndpointObject Endpoint)> endpoints, string zone)
    {
        var ready = endpoints.Where(one => IsReady(one.Endpoint)).ToList();
        if (ready.Count == 0)
            return endpoints.Where(one => IsDraining(one.Endpoint)).Select(one => one.At);
        var forNode = ready.Where(one => one.Endpoint.ForNodes.Contains(Objects.ThisNode)).ToList();
        if (forNode.Count > 0 && ready.TrueForAll(one => one.Endpoint.ForNodes.Length > 0))
            return forNode.Select(one => one.At);
        var forZone = ready.Where(one => one.Endpoint.ForZones.Contains(zone)).ToList();
        if (forZone.Count > 0 && ready.TrueForAll(one => one.Endpoint.ForZones.Length > 0))
            return forZone.Select(one => one.At);
        return ready.Select(one => one.At);
    }

    public static IEnumerable<InetEndpoint> ForNode(List<(InetEndpoint At, EndpointObject Endpoint)> endpoints)
    {
        var here = endpoints.Where(one => one.Endpoint.NodeName == Objects.ThisNode).ToList();
        var ready = here.Where(one => IsReady(one.Endpoint)).ToList();
        return (ready.Count > 0 ? ready : here.Where(one => IsDraining(one.Endpoint))).Select(one => one.At);
    }

    private static bool IsReady(EndpointObject endpoint) => endpoint.Conditions.HasFlag(EndpointConditions.Ready);

    private static bool IsDraining(EndpointObject endpoint) =>
        !IsReady(endpoint) && endpoint.Conditions.HasFlag(EndpointConditions.Serving | EndpointConditions.Terminating);
}
