namespace Portolan.Rules.Dialects;

/// <summary>A chain of Portolan's nftables tables by its purpose, whatever a layout calls it.</summary>
/// <param name="Kind">What the chain does.</param>
/// <param name="View">Whom it serves, where a layout has a chain per view.</param>
/// <param name="Number">A number of endpoints or a timeout in seconds, for the kinds that have one; otherwise 0.</param>
public readonly record struct PortolanChain(PortolanChainKind Kind, PortolanView View = PortolanView.All, int Number = 0)
{
    /// <summary>The chain's name in the layout that this version of Portolan writes.</summary>
    public override string ToString() => PortolanTables.Current.NameOf(this);
}

/// <summary>Which frontends and which clients a chain of <see cref="PortolanChain"/> serves.</summary>
[Flags]
public enum PortolanView : byte
{
    /// <summary>Frontends with their own addresses, for clients outside, or for all clients where there is no difference.</summary>
    All = 0,

    /// <summary>Clients inside (pods, this node) of frontends with externalTrafficPolicy Local.</summary>
    Inside = 1,

    /// <summary>NodePorts.</summary>
    NodePorts = 2,
}

/// <summary>What a chain of Portolan's nftables tables does.</summary>
public enum PortolanChainKind : byte
{
    /// <summary>Base chain: packets from outside and from pods.</summary>
    Prerouting,

    /// <summary>Base chain: packets of this node's own programs.</summary>
    Output,

    /// <summary>Base chain: masquerades marked packets and hairpin traffic.</summary>
    Postrouting,

    /// <summary>Finds the service by destination.</summary>
    Services,

    /// <summary>Finds the service by NodePort.</summary>
    NodePorts,

    /// <summary>Drops cluster IPs that no service has.</summary>
    ServiceRanges,

    /// <summary>Drops load balancer traffic from sources outside loadBalancerSourceRanges.</summary>
    SourceCheck,

    /// <summary>Marks traffic to cluster IPs from outside the cluster for masquerading. Layout 1.</summary>
    OffCluster,

    /// <summary>
    /// Handles frontends with special needs: source ranges, policy Local, masquerading, affinity. From layout 2 on.
    /// </summary>
    Policies,

    /// <summary>Sends clients inside of frontends with policy Local to <see cref="Inside"/>.</summary>
    ExternalLocal,

    /// <summary>Serves clients inside from all endpoints.</summary>
    Inside,

    /// <summary>Rejects: the frontend has no endpoints. From layout 2 on.</summary>
    NoEndpoints,

    /// <summary>Drops: the frontend has policy Local and no endpoints on this node. From layout 2 on.</summary>
    NoLocalEndpoints,

    /// <summary>Serves a packet when a commit landed between two of its lookups. From layout 2 on.</summary>
    Overtaken,

    /// <summary>Picks an endpoint; returns packets of frontends without one. Layout 1.</summary>
    Pick,

    /// <summary>Finds the chain for the frontend's number of endpoints. Layout 1.</summary>
    PickByCount,

    /// <summary>Picks one of <see cref="PortolanChain.Number"/> endpoints.</summary>
    PickOf,

    /// <summary>
    /// Marks clients other than pods for masquerading, and picks one of <see cref="PortolanChain.Number"/> endpoints. From layout 2 on.
    /// </summary>
    OffClusterPickOf,

    /// <summary>
    /// Marks all clients for masquerading, and picks one of <see cref="PortolanChain.Number"/> endpoints. From layout 2 on.
    /// </summary>
    MasqueradePickOf,

    /// <summary>As <see cref="PickByCount"/>, for frontends with <see cref="PortolanChain.Number"/> endpoints or more.</summary>
    PickFrom,

    /// <summary>Finds the chain that picks an affinity id by the frontend's number of endpoints. Layout 1.</summary>
    AffinityPick,

    /// <summary>Picks one of <see cref="PortolanChain.Number"/> affinity ids.</summary>
    AffinityPickOf,

    /// <summary>As <see cref="AffinityPick"/>, for frontends with <see cref="PortolanChain.Number"/> endpoints or more.</summary>
    AffinityPickFrom,

    /// <summary>Checks whether the client was served by one of the endpoints within <see cref="PortolanChain.Number"/> seconds.</summary>
    Affinity,

    /// <summary>As <see cref="Affinity"/>, where only endpoints of this node may serve. From layout 2 on.</summary>
    AffinityLocal,

    /// <summary>Records the client's endpoint and translates to it; Number is the timeout in seconds.</summary>
    AffinityFound,

    /// <summary>As <see cref="AffinityFound"/>, where only endpoints of this node may serve. From layout 2 on.</summary>
    AffinityLocalFound,

    /// <summary>Picks an endpoint for a client that is not remembered; Number is the timeout in seconds. Layout 1.</summary>
    AffinityNew,
}
