using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Plan;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Where NodePorts are served: every address in use for them, except where a service has the node's own address as an external or
/// load-balancer IP at the same port. That one wins, as in kube-proxy, which looks at such addresses first.
/// </summary>
/// <param name="Addresses">Addresses that accept NodePort traffic.</param>
/// <param name="Taken">Frontends on these addresses that are some service's own.</param>
internal sealed record NodePortView(ImmutableArray<InetAddress> Addresses, ImmutableHashSet<NodePortView.Place> Taken)
{
    internal static NodePortView None { get; } = new([], []);

    /// <summary>A frontend's place on this node.</summary>
    internal readonly record struct Place(InetAddress Address, IpProtocol Protocol, ushort Port);

    internal bool IsTaken(InetAddress address, IpProtocol protocol, ushort port) =>
        !Taken.IsEmpty && Taken.Contains(new Place(address, protocol, port));

    /// <summary>The places a service has on this node by addresses of its own. Few clusters have any.</summary>
    internal static IEnumerable<Place> PlacesOf(ServicePlan plan, ImmutableArray<InetAddress> addresses)
    {
        foreach (PortPlan port in plan.Ports)
        {
            foreach (Frontend frontend in port.Frontends)
            {
                if (frontend.Kind is FrontendKind.ExternalIP or FrontendKind.LoadBalancer && addresses.Contains(frontend.Address))
                    yield return new Place(frontend.Address, port.Name.Protocol, frontend.Port);
            }
        }
    }

    /// <summary>The same view with the places of all given services.</summary>
    internal static NodePortView Of(ImmutableArray<InetAddress> addresses, IEnumerable<ServicePlan> plans) =>
        new(addresses, [.. plans.SelectMany(plan => PlacesOf(plan, addresses))]);

    /// <summary>True when the service has a NodePort at one of the places.</summary>
    internal static bool IsNodePortAt(ServicePlan plan, IReadOnlySet<Place> places)
    {
        foreach (PortPlan port in plan.Ports)
        {
            foreach (Frontend frontend in port.Frontends)
            {
                if (frontend.Kind == FrontendKind.NodePort
                    && places.Any(place => place.Port == frontend.Port && place.Protocol == port.Name.Protocol && place.Address.Family == port.Family))
                    return true;
            }
        }
        return false;
    }
}
