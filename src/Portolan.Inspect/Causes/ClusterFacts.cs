using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Causes;

/// <summary>What the cluster says of services and endpoints, as it says it.</summary>
/// <param name="Services">The services.</param>
/// <param name="Slices">The slices of endpoints.</param>
public sealed record ClusterFacts(ImmutableArray<ServiceObject> Services, ImmutableArray<EndpointSliceObject> Slices)
{
    // Asked for every service when all of them are looked at.
    private readonly Lazy<Dictionary<string, ServiceObject>> _byName = new(() => Services.ToDictionary(service => service.Name.ToString()));
    private readonly Lazy<ILookup<(string Namespace, string Service), EndpointSliceObject>> _slicesOf = new(() =>
        Slices.Where(slice => slice.ServiceName is not null).ToLookup(slice => (slice.Name.Namespace, slice.ServiceName!)));

    /// <summary>The ranges of pods in the Node object; a network plug-in with ranges of its own does not use them.</summary>
    public ImmutableArray<InetPrefix> PodRanges { get; init; } = [];

    /// <summary>The last word of a series of changes about each object.</summary>
    public static ClusterFacts Of(IEnumerable<ClusterEvent> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var services = new Dictionary<ObjectName, ServiceObject>();
        var slices = new Dictionary<ObjectName, EndpointSliceObject>();
        ImmutableArray<InetPrefix> podRanges = [];
        foreach (ClusterEvent change in changes.SelectMany(Flatten))
        {
            switch (change)
            {
                case ClusterEvent.ServiceSet set: services[set.Service.Name] = set.Service; break;
                case ClusterEvent.ServiceGone gone: services.Remove(gone.Name); break;
                case ClusterEvent.SliceSet set: slices[set.Slice.Name] = set.Slice; break;
                case ClusterEvent.SliceGone gone: slices.Remove(gone.Name); break;
                case ClusterEvent.NodeSet set: podRanges = set.Node?.PodCidrs ?? []; break;
            }
        }
        return new ClusterFacts([.. services.Values], [.. slices.Values]) { PodRanges = podRanges };
    }

    /// <summary>The service of a name as rules write it, "shop/web"; null when the cluster has none.</summary>
    public ServiceObject? Find(string name) => _byName.Value.GetValueOrDefault(name);

    /// <summary>The slices of a service.</summary>
    internal IEnumerable<EndpointSliceObject> SlicesOf(ObjectName service) => _slicesOf.Value[(service.Namespace, service.Name)];

    /// <summary>How many endpoints the slices of a service port have, ready or not; null when the cluster has no such service.</summary>
    /// <param name="name">The service as rules write it, "shop/web".</param>
    /// <param name="port">The port's name; empty when it has none.</param>
    /// <param name="family">The family of addresses.</param>
    public int? CountEndpoints(string name, string port, IpFamily family) => Find(name) is { } service
        ? SlicesOf(service.Name).Where(slice => slice.Family == family && slice.Ports.Any(item => item.Name == port))
            .SelectMany(slice => slice.Endpoints).DistinctBy(endpoint => endpoint.Address).Count()
        : null;

    /// <summary>True when a service's slices have an endpoint at an address, on a node.</summary>
    public bool IsOn(string node, string name, InetAddress address) => Find(name) is { } service && SlicesOf(service.Name)
        .Any(slice => slice.Endpoints.Any(endpoint => endpoint.Address == address && endpoint.NodeName == node));

    private static IEnumerable<ClusterEvent> Flatten(ClusterEvent change) =>
        change is ClusterEvent.Together together ? together.Changes.SelectMany(Flatten) : [change];
}
