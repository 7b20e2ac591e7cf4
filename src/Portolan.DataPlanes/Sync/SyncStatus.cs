using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;

namespace Portolan.DataPlanes.Sync;

/// <summary>Where the loop stands; replaced as a whole after every step, so that any thread reads one consistent picture.</summary>
public sealed record SyncStatus
{
    /// <summary>Nothing seen yet.</summary>
    public static SyncStatus Starting { get; } = new();

    /// <summary>True once a whole picture of the cluster is in force.</summary>
    public bool IsSynced { get; init; }

    /// <summary>When the oldest change that is not in force was noticed; null when everything is.</summary>
    public DateTimeOffset? PendingSince { get; init; }

    /// <summary>Number of cluster events whose outcome is in force; grows by one for each.</summary>
    public long AppliedSequence { get; init; }

    /// <summary>When the kernel last was brought in step, or found to be; null before the first time.</summary>
    public DateTimeOffset? LastApplied { get; init; }

    /// <summary>False while the Node is marked for deletion, and after it vanished: load balancers should not send new traffic here.</summary>
    public bool IsNodeEligible { get; init; } = true;

    /// <summary>Number of services this node serves.</summary>
    public int Services { get; init; }

    /// <summary>Number of steps in which something was given to the plane.</summary>
    public long Syncs { get; init; }

    /// <summary>Number of those that failed as a whole.</summary>
    public long Failures { get; init; }

    /// <summary>What the last failure was; null when the last step went well.</summary>
    public string? LastError { get; init; }

    /// <summary>What the kernel refused and is held back.</summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];
}
