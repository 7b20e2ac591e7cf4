namespace Portolan.Services.Cluster;

/// <summary>
/// One change of the cluster as a source saw it. A source sends the whole object whether it was added or modified; a relist sends what
/// differs from what it sent before, including deletions, so that consumers need not know about lists.
/// </summary>
public abstract record ClusterEvent
{
    private ClusterEvent()
    {
    }

    /// <summary>A Service as it is now.</summary>
    public sealed record ServiceSet(ServiceObject Service) : ClusterEvent;

    /// <summary>A Service was deleted (or is no longer ours).</summary>
    public sealed record ServiceGone(ObjectName Name) : ClusterEvent;

    /// <summary>An EndpointSlice as it is now.</summary>
    public sealed record SliceSet(EndpointSliceObject Slice) : ClusterEvent;

    /// <summary>An EndpointSlice was deleted.</summary>
    public sealed record SliceGone(ObjectName Name) : ClusterEvent;

    /// <summary>This node as it is now; null if the cluster has no such Node.</summary>
    public sealed record NodeSet(NodeObject? Node) : ClusterEvent;

    /// <summary>A ServiceCIDR as it is now.</summary>
    public sealed record ServiceCidrSet(ServiceCidrObject Cidr) : ClusterEvent;

    /// <summary>A ServiceCIDR was deleted.</summary>
    public sealed record ServiceCidrGone(string Name) : ClusterEvent;

    /// <summary>
    /// Changes that the source saw at the same moment: they come into force together, never some of them without the others.
    /// </summary>
    public sealed record Together(IReadOnlyList<ClusterEvent> Changes) : ClusterEvent;

    /// <summary>
    /// Every kind the source follows has been listed once: the events so far are the complete state and may be programmed.
    /// Sent once per run of a source.
    /// </summary>
    public sealed record Synced : ClusterEvent;
}
