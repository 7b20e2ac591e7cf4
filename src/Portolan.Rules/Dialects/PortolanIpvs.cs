namespace Portolan.Rules.Dialects;

/// <summary>The sets and maps of the table that mode ipvs has beside its virtual servers.</summary>
public enum PortolanIpvsSet : byte
{
    /// <summary>Frontends whose packets are masqueraded unless they come from a pod, and nothing else: nearly all cluster IPs.</summary>
    OffCluster,

    /// <summary>All other frontends; what is done with their packets is in the sets that follow.</summary>
    Frontends,

    /// <summary>Frontends that only some sources may use.</summary>
    Restricted,

    /// <summary>Frontend and source range that may use it.</summary>
    SourceRanges,

    /// <summary>Frontends without an endpoint anywhere: rejected.</summary>
    Rejected,

    /// <summary>Frontends with policy Local, where pods and this node are served by other endpoints than everybody else.</summary>
    ExternalLocal,

    /// <summary>
    /// Frontends without an endpoint on this node: dropped, except from pods and this node for those in <see cref="ExternalLocal"/>.
    /// </summary>
    Dropped,

    /// <summary>Frontends whose packets are always masqueraded.</summary>
    Masquerade,

    /// <summary>Frontend of <see cref="ExternalLocal"/> : the virtual server that serves pods and this node.</summary>
    Shortcuts,

    /// <summary>Addresses of services; what else is sent there is rejected.</summary>
    Addresses,

    /// <summary>Endpoints of this node talking to themselves.</summary>
    Hairpin,
}

/// <summary>What mode ipvs calls its tables, chains, sets and routes.</summary>
public static class PortolanIpvs
{
    /// <summary>The name of its nf_tables tables, in both families.</summary>
    public const string TableName = "portolan-ipvs";

    /// <summary>The chain that looks a packet's service up.</summary>
    public const string Services = "services";

    /// <summary>The chain that asks for the source ranges of a service.</summary>
    public const string Sources = "sources";

    /// <summary>The chain that masquerades.</summary>
    public const string Postrouting = "postrouting";

    /// <summary>The rtm_protocol of its routes of table "local": they are recognised by it.</summary>
    public const byte RouteProtocol = 112;

    /// <summary>The metric of its routes: those of addresses that the machine itself has come first, with 0.</summary>
    public const uint RouteMetric = 1024;

    /// <summary>The interface that a kube-proxy in mode ipvs puts the addresses of services on.</summary>
    public const string KubeProxyInterface = "kube-ipvs0";

    /// <summary>The name of a set or map.</summary>
    public static string NameOf(PortolanIpvsSet set) => set switch
    {
        PortolanIpvsSet.OffCluster => "off-cluster",
        PortolanIpvsSet.Frontends => "frontends",
        PortolanIpvsSet.Restricted => "restricted",
        PortolanIpvsSet.SourceRanges => "source-ranges",
        PortolanIpvsSet.Rejected => "rejected",
        PortolanIpvsSet.ExternalLocal => "external-local",
        PortolanIpvsSet.Dropped => "dropped",
        PortolanIpvsSet.Masquerade => "masquerade",
        PortolanIpvsSet.Shortcuts => "shortcuts",
        PortolanIpvsSet.Addresses => "addresses",
        _ => "hairpin",
    };

    /// <summary>The set or map of a name; false when it is none of this table's.</summary>
    public static bool TryParseSet(string name, out PortolanIpvsSet set)
    {
        foreach (PortolanIpvsSet known in Enum.GetValues<PortolanIpvsSet>())
        {
            if (NameOf(known) != name)
                continue;
            set = known;
            return true;
        }
        set = default;
        return false;
    }
}
