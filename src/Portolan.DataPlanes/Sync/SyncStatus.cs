using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;

namespace Portolan.DataPlanes.Sync;

/// <summary>State of the loop; replaced as a whole after every step, so that any thread reads one consistent picture.</summary>
public sealed record SyncStatus
{
    /// <summary>The state before the first event.</summary>
    public static SyncStatus Starting { get; } = new();

    /// <summary>True once a complete state of the cluster is in force.</summary>
    public bool IsSynced { get; init; }

    /// <summary>When the oldest change that is not in force arrived; null if everything is in force.</summary>
    public Moment? PendingSince { get; init; }

    /// <summary>Number of cluster events whose outcome is in force; grows by one for each.</summary>
    public long AppliedSequence { get; init; }

    /// <summary>When the kernel was last updated or found up to date; null before the first time.</summary>
    public Moment? LastApplied { get; init; }

    /// <summary>
    /// False while the Node is marked for deletion, and after it vanished: load balancers should not send new traffic here.
    /// </summary>
    public bool IsNodeEligible { get; init; } = true;

    /// <summary>Number of services this node serves.</summary>
    public int Services { get; init; }

    /// <summary>Number of steps in which something was passed to the plane.</summary>
    public long Syncs { get; init; }

    /// <summary>Number of steps in which the plane failed as a whole, or the kernel refused something.</summary>
    public long Failures { get; init; }

    /// <summary>
    /// What the last step failed at, or what the kernel still refuses; null when everything is in force.
    /// </summary>
    public string? LastError { get; init; }

    /// <summary>What the kernel refused and is quarantined.</summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];

    /// <summary>Observers that failed when they were last called, with their messages.</summary>
    public ImmutableSortedDictionary<string, string> ObserverFailures { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// True if something has waited too long, which means that the plane fails or hangs. While the first state of the cluster is on its
    /// way from the API server, waiting is not this node's fault.
    /// </summary>
    /// <param name="timeout">The longest a change may wait.</param>
    /// <param name="time">The clock.</param>
    public bool IsOverdue(TimeSpan timeout, TimeProvider time) =>
        (LastApplied is not null || Failures > 0) && PendingSince is { } since && since.Age(time) >= timeout;
}
