namespace Portolan.Services.Cluster;

/// <summary>
/// One change of the cluster as a source saw it. A source sends the whole object for added and modified alike; a relist sends what
/// differs from what it sent before, deletions included, so that consumers need no notion of a list.
/// </summary>
public abstract record ClusterEvent
{
    private ClusterEvent()
    {
    }

    /// <summary>A Service as it is now.</summary>
    public sealed record ServiceSet(ServiceObject Service) : ClusterEvent;

    /// <summary>A Service is gone (or is no longer ours).</summary>
    public sealed record ServiceGone(ObjectName Name) : ClusterEvent;

    /// <summary>An EndpointSlice as it is now.</summary>
    public sealed record SliceSet(EndpointSliceObject Slice) : ClusterEvent;

    /// <summary>An EndpointSlice is gone.</summary>
    public sealed record SliceGone(ObjectName Name) : ClusterEvent;

    /// <summary>This node as it is now; null when the cluster has no such Node.</summary>
    public sealed record NodeSet(NodeObject? Node) : ClusterEvent;

    /// <summary>A ServiceCIDR as it is now.</summary>
    public sealed record ServiceCidrSet(ServiceCidrObject Cidr) : ClusterEvent;

    /// <summary>A ServiceCIDR is gone.</summary>
    public sealed record ServiceCidrGone(string Name) : ClusterEvent;

    /// <summary>
    /// Changes that the source saw at one moment: they come into force in one step, never some of them without the others.
    /// </summary>
    public sealed record Together(IReadOnlyList<ClusterEvent> Changes) : ClusterEvent;

    /// <summary>
    /// Every kind the source follows has been listed once: what came before this is a whole picture and may be programmed.
    /// Sent once per run of a source.
    /// </summary>
    public sealed record Synced : ClusterEvent;
}
