using System.Collections.Immutable;
using Portolan.Services.Cluster;
using Portolan.Services.Node;

namespace Portolan.Services.Plans;

/// <summary>A service whose plan changed.</summary>
/// <param name="Service">The service.</param>
/// <param name="Plan">What this node serves now; null if nothing any more.</param>
public readonly record struct ServiceChange(ObjectName Service, ServicePlan? Plan);

/// <summary>What changed since the last drain. Its size depends on the change, never on the cluster.</summary>
/// <remarks>
/// One unit: a frontend may move from one service to another in the same delta, so a plane must apply all of it in one step (or
/// removes before it adds).
/// </remarks>
/// <param name="Services">Changed services, each once.</param>
/// <param name="Node">The plan of the node as a whole if it changed, otherwise null. The first delta always has it.</param>
public sealed record TableDelta(ImmutableArray<ServiceChange> Services, NodePlan? Node)
{
    /// <summary>Problems that are new since the last drain, for the log. They say nothing about the plans.</summary>
    public ImmutableArray<Problem> NewProblems { get; init; } = [];

    /// <summary>Problems that are resolved since the last drain.</summary>
    public ImmutableArray<Problem> GoneProblems { get; init; } = [];

    /// <summary>Nothing changed.</summary>
    public static TableDelta Empty { get; } = new([], null);

    /// <summary>True if there is nothing to program.</summary>
    public bool IsEmpty => Services.IsEmpty && Node is null;

    /// <summary>This delta merged with a later one: for a service in both, the later plan.</summary>
    /// <remarks>The problems are the later one's: those of this delta have been reported.</remarks>
    public TableDelta Then(TableDelta later)
    {
        ArgumentNullException.ThrowIfNull(later);
        if (IsEmpty)
            return later;
        Dictionary<ObjectName, ServiceChange> services = [];
        foreach (ServiceChange change in Services)
            services[change.Service] = change;
        foreach (ServiceChange change in later.Services)
            services[change.Service] = change;
        return later with { Services = [.. services.Values], Node = later.Node ?? Node };
    }
}
