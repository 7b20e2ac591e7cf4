using System.Collections.Immutable;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Services.Planning;

/// <summary>
/// Everything known for one service name: the Service, if there is one, the slices that name it, and the plan last returned for it.
/// </summary>
internal sealed class ServiceEntry(ObjectName name)
{
    public ObjectName Name { get; } = name;

    /// <summary>Null while slices name a service that does not exist (yet, or any more).</summary>
    public ServiceObject? Service { get; set; }

    /// <summary>Sorted by name: selection must not depend on the order in which slices arrived.</summary>
    public EndpointSliceObject[] Slices { get; private set; } = [];

    public ServicePlan? Plan { get; set; }

    public ImmutableArray<Problem> Problems { get; set; } = [];

    public bool IsMarked { get; set; }

    public bool IsUnused => Service is null && Slices.Length == 0;

    /// <summary>True if this service gets what both claim: the older one, or the first by name if both are equally old.</summary>
    public bool Precedes(ServiceEntry other)
    {
        int byAge = DateTimeOffset.Compare(Service!.Created, other.Service!.Created);
        return byAge != 0 ? byAge < 0 : Name < other.Name;
    }

    public void SetSlice(EndpointSliceObject slice)
    {
        int index = IndexOf(slice.Name);
        if (index >= 0)
            Slices[index] = slice;
        else
            Slices = [.. Slices.AsSpan(0, ~index), slice, .. Slices.AsSpan(~index)];
    }

    public void RemoveSlice(ObjectName slice)
    {
        int index = IndexOf(slice);
        if (index >= 0)
            Slices = [.. Slices.AsSpan(0, index), .. Slices.AsSpan(index + 1)];
    }

    private int IndexOf(ObjectName slice)
    {
        int low = 0, high = Slices.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = Slices[middle].Name.CompareTo(slice);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }
}
