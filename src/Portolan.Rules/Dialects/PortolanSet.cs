namespace Portolan.Rules.Dialects;

/// <summary>
/// What a set or map of Portolan's nftables tables is for, whatever a layout calls it. "Key" below is a frontend: destination address,
/// protocol, destination port. NodePorts have the unspecified address in their keys, whatever addresses the node has.
/// </summary>
public enum PortolanSet : byte
{
    /// <summary>Map: key -> what is done with it and its number of endpoints (<see cref="PortolanFrontend"/>). From layout 2 on.</summary>
    Frontends,

    /// <summary>As <see cref="Frontends"/>, for NodePorts. From layout 2 on.</summary>
    NodePortFrontends,

    /// <summary>
    /// As <see cref="Frontends"/>, for clients inside (pods, the node) of frontends with externalTrafficPolicy Local. From layout 2 on.
    /// </summary>
    InsideFrontends,

    /// <summary>
    /// Map: key and index, 0 to n-1 -> backend. In layout 1 a frontend's number of backends is how many indices it has.
    /// </summary>
    Endpoints,

    /// <summary>As <see cref="Endpoints"/>, for NodePorts.</summary>
    NodePortEndpoints,

    /// <summary>Set of the node's addresses that take NodePort traffic.</summary>
    NodePortAddresses,

    /// <summary>As <see cref="Endpoints"/>, for clients inside (pods, the node) of frontends with externalTrafficPolicy Local.</summary>
    InsideEndpoints,

    /// <summary>
    /// Map: key of a frontend with session affinity -> number of its service port, in the form of an affinity id. From layout 2 on.
    /// </summary>
    AffinityPorts,

    /// <summary>Map: key and index -> affinity id of the backend, for frontends with session affinity (instead of Endpoints).</summary>
    AffinityIds,

    /// <summary>As <see cref="AffinityIds"/>, for clients inside.</summary>
    InsideAffinityIds,

    /// <summary>
    /// Map: affinity id (in layout 2 with the protocol) -> backend. An id belongs to one backend of one service port and is never reused.
    /// </summary>
    AffinityEndpoints,

    /// <summary>Set of the cluster IPs in use: off-cluster sources are masqueraded, unknown ports rejected.</summary>
    ClusterIPs,

    /// <summary>Set of keys whose clients are always masqueraded. Layout 1.</summary>
    Masquerade,

    /// <summary>Set of keys whose clients inside are served from the Inside maps. Layout 1.</summary>
    ExternalLocal,

    /// <summary>Set of keys that are rejected: no usable endpoint anywhere. From layout 2 on only where they are counted.</summary>
    NoEndpoints,

    /// <summary>
    /// Set of keys that are dropped: policy Local and no usable endpoint on this node. From layout 2 on only where they are counted.
    /// </summary>
    NoLocalEndpoints,

    /// <summary>Set of keys that only <see cref="SourceRanges"/> may use. Layout 1.</summary>
    SourceRestricted,

    /// <summary>One set per prefix length in use (the variant, in bits): key and masked source address.</summary>
    SourceRanges,

    /// <summary>
    /// One set per affinity timeout in use (the variant, in seconds; in layout 2 without the default): keys with that timeout.
    /// </summary>
    AffinityFrontends,

    /// <summary>Set of source . destination pairs for hairpin traffic of local endpoints.</summary>
    Hairpin,

    /// <summary>Set of keys with a counter each; only when counters are configured.</summary>
    Counters,

    /// <summary>Set of the keys with source ranges that count what is dropped; only when counters are configured.</summary>
    SourceDropped,

    /// <summary>
    /// One for each affinity timeout in use (the variant, in seconds), written by rules. In layout 1 a set of clients and the affinity id
    /// of their endpoint, from layout 2 on a map: client and number of the service port -> affinity id.
    /// </summary>
    AffinityClients,

    /// <summary>Verdict map: value in <see cref="Frontends"/> -> the chain that serves it. From layout 2 on.</summary>
    Kinds,

    /// <summary>As <see cref="Kinds"/>, for <see cref="NodePortFrontends"/>.</summary>
    NodePortKinds,

    /// <summary>As <see cref="Kinds"/>, for <see cref="InsideFrontends"/>.</summary>
    InsideKinds,

    /// <summary>As <see cref="InsideKinds"/>, for NodePorts.</summary>
    NodePortInsideKinds,

    /// <summary>
    /// Verdict map: number of endpoints -> the chain that picks one of that many, or what is done without any; for frontends whose chain is
    /// shared by all numbers of endpoints. From layout 2 on.
    /// </summary>
    Picks,

    /// <summary>As <see cref="Picks"/>, for NodePorts.</summary>
    NodePortPicks,

    /// <summary>
    /// Verdict map: number of endpoints of a frontend with affinity -> the chain that picks one of that many. From layout 2 on.
    /// </summary>
    AffinityCounts,

    /// <summary>As <see cref="AffinityCounts"/>, for NodePorts.</summary>
    NodePortAffinityCounts,

    /// <summary>As <see cref="AffinityCounts"/>, for clients inside.</summary>
    InsideAffinityCounts,

    /// <summary>As <see cref="InsideAffinityCounts"/>, for NodePorts.</summary>
    NodePortInsideAffinityCounts,
}
