using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Contract;

/// <summary>
/// One successful call to the plane, for observers (health check listeners, conntrack clean-up, metrics).
/// </summary>
/// <param name="Delta">What was passed to the plane; empty for a reconcile.</param>
/// <param name="Node">The plan of the node that is in force.</param>
/// <param name="Report">What the plane did.</param>
/// <param name="Elapsed">Time in the plane.</param>
/// <param name="Kind">What the plane was asked to do.</param>
public sealed record SyncRecord(TableDelta Delta, NodePlan Node, SyncReport Report, TimeSpan Elapsed, SyncKind Kind)
{
    /// <summary>Number of cluster events, from the first on, whose outcome is in force by this.</summary>
    public long Sequence { get; init; }

    /// <summary>Somebody else had changed the plane's rules: packets may have met none of them for a while.</summary>
    public bool IsRepair { get; init; }
}

/// <summary>What a plane was asked to do.</summary>
public enum SyncKind : byte
{
    /// <summary>To apply a change.</summary>
    Change,

    /// <summary>To compare the kernel with what it should hold, and to write the difference.</summary>
    Reconcile,
}
