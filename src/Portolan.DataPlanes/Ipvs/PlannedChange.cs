using Portolan.Inet;
using Portolan.Netlink.Route;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>Everything that one call to the plane wants to change in the kernel.</summary>
internal sealed class PlannedChange
{
    /// <summary>Requests about virtual and real servers.</summary>
    internal List<ServerRequest> Requests { get; } = [];

    /// <summary>Routes to add.</summary>
    internal List<LocalRoute> AddedRoutes { get; } = [];

    /// <summary>Routes to delete.</summary>
    internal List<LocalRoute> DeletedRoutes { get; } = [];

    /// <summary>The tables' changes.</summary>
    internal SideChange IPv4 { get; } = new();

    /// <inheritdoc cref="IPv4"/>
    internal SideChange IPv6 { get; } = new();

    internal bool IsEmpty => Requests.Count + AddedRoutes.Count + DeletedRoutes.Count == 0 && IPv4.IsEmpty && IPv6.IsEmpty;

    /// <summary>Number of objects added or changed.</summary>
    internal int Written => Requests.Count(static request => !request.IsRemoval) + AddedRoutes.Count + WrittenTo(IPv4) + WrittenTo(IPv6);

    /// <summary>Number of objects removed.</summary>
    internal int Removed => Requests.Count(static request => request.IsRemoval) + DeletedRoutes.Count + IPv4.Removed.Count
        + IPv6.Removed.Count;

    /// <summary>Puts requests that remove something behind all others.</summary>
    internal void OrderRemovalsLast()
    {
        ServerRequest[] ordered = [.. Requests.OrderBy(static request => request.IsRemoval)];
        Requests.Clear();
        Requests.AddRange(ordered);
    }

    internal SideChange TableOf(IpFamily family) => family == IpFamily.IPv4 ? IPv4 : IPv6;

    /// <summary>Plans the difference between two sets of elements.</summary>
    internal void PlanElements(HashSet<SideElement> held, HashSet<SideElement> wanted)
    {
        foreach (SideElement element in held)
        {
            if (!wanted.Contains(element))
                TableOf(element.Family).Removed.Add(element);
        }
        foreach (SideElement element in wanted)
        {
            if (!held.Contains(element))
                TableOf(element.Family).Added.Add(element);
        }
    }

    private static int WrittenTo(SideChange change) =>
        change.Added.Count + (change.Program is { } program ? program.Chains.Length + program.Rules.Length : 0);
}
