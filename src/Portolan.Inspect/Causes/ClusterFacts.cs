using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Causes;

/// <summary>What the cluster says of services and endpoints, as it says it.</summary>
/// <param name="Services">The services.</param>
/// <param name="Slices">The slices of endpoints.</param>
public sealed record ClusterFacts(ImmutableArray<ServiceObject> Services, ImmutableArray<EndpointSliceObject> Slices)
{
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
    public ServiceObject? Find(string name) => Services.FirstOrDefault(service => service.Name.ToString() == name);

    /// <summary>The slices of a service.</summary>
    internal IEnumerable<EndpointSliceObject> SlicesOf(ObjectName service) =>
        Slices.Where(slice => slice.Name.Namespace == service.Namespace && slice.ServiceName == service.Name);

    private static IEnumerable<ClusterEvent> Flatten(ClusterEvent change) =>
        change is ClusterEvent.Together together ? together.Changes.SelectMany(Flatten) : [change];
}
