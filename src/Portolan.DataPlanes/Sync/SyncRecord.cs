using Portolan.DataPlanes.Contract;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Sync;

/// <summary>One thing the loop did with the plane that went through, for those who follow it (health check listeners, metrics).</summary>
/// <param name="Delta">What was given to the plane; empty for a comparison.</param>
/// <param name="Node">The node's facts it was given with.</param>
/// <param name="Report">What the plane did.</param>
/// <param name="Elapsed">Time in the plane.</param>
/// <param name="IsReconcile">True for a comparison of the kernel with what it should hold, false for a change.</param>
public sealed record SyncRecord(TableDelta Delta, NodeFacts Node, SyncReport Report, TimeSpan Elapsed, bool IsReconcile);
