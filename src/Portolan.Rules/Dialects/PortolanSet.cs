namespace Portolan.Rules.Dialects;

/// <summary>
/// What a set or map of Portolan's nftables tables is for, whatever a layout calls it. "Key" below is a frontend: destination address, protocol,
/// destination port. NodePorts have the unspecified address in their keys, whatever addresses the node has.
/// </summary>
public enum PortolanSet : byte
{
    /// <summary>Map: key and index, 0 to n-1 -> backend. A frontend's number of backends is how many indices it has.</summary>
    Endpoints,

    /// <summary>As <see cref="Endpoints"/>, for NodePorts.</summary>
    NodePortEndpoints,

    /// <summary>Set of the node's addresses that take NodePort traffic.</summary>
    NodePortAddresses,

    /// <summary>As <see cref="Endpoints"/>, for clients inside (pods, the node) of frontends in <see cref="ExternalLocal"/>.</summary>
    InsideEndpoints,

    /// <summary>Map: key and index -> affinity id of the backend, for frontends with session affinity (instead of Endpoints).</summary>
    AffinityIds,

    /// <summary>As <see cref="AffinityIds"/>, for clients inside.</summary>
    InsideAffinityIds,

    /// <summary>Map: affinity id -> backend. An id belongs to one backend of one service port and is not used again.</summary>
    AffinityEndpoints,

    /// <summary>Set of the cluster IPs in use: off-cluster sources are masqueraded, unknown ports rejected.</summary>
    ClusterIPs,

    /// <summary>Set of keys whose clients are always masqueraded.</summary>
    Masquerade,

    /// <summary>Set of keys whose clients inside are served from the Inside maps.</summary>
    ExternalLocal,

    /// <summary>Set of keys that are rejected: no usable endpoint anywhere.</summary>
    NoEndpoints,

    /// <summary>Set of keys that are dropped: policy Local and no usable endpoint on this node.</summary>
    NoLocalEndpoints,

    /// <summary>Set of keys that only <see cref="SourceRanges"/> may use.</summary>
    SourceRestricted,

    /// <summary>One set per prefix length in use (the variant, in bits): key and masked source address.</summary>
    SourceRanges,

    /// <summary>One set per affinity timeout in use (the variant, in seconds): keys with that timeout.</summary>
    AffinityFrontends,

    /// <summary>Set of source . destination pairs of local endpoints talking to themselves.</summary>
    Hairpin,

    /// <summary>Set of keys with a counter each; only when counters are configured.</summary>
    Counters,

    /// <summary>Set of the keys in <see cref="SourceRestricted"/> that count what is dropped; only when counters are configured.</summary>
    SourceDropped,

    /// <summary>One dynamic set per affinity timeout in use (the variant, in seconds): clients and the affinity id of their endpoint.</summary>
    AffinityClients,
}
