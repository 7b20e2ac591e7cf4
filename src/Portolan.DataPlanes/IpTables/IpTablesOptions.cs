using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables;

/// <summary>Which chains the plane writes.</summary>
public enum IpTablesLayout : byte
{
    /// <summary>The chains of kube-proxy v1.36, name for name and rule for rule.</summary>
    Modern,

    /// <summary>The chains of kube-proxy before v1.24: KUBE-FW-, KUBE-XLB- and KUBE-MARK-DROP, with today's semantics.</summary>
    Classic,
}

/// <summary>How a packet finds its service in KUBE-SERVICES.</summary>
public enum IpTablesDispatch : byte
{
    /// <summary>Rule by rule, as in kube-proxy: the number of rules traversed grows with the number of services.</summary>
    Linear,

    /// <summary>Through chains per address prefix: the number of rules traversed grows with its logarithm.</summary>
    Tree,
}

/// <summary>Which of the two kernel interfaces the iptables tools use.</summary>
public enum IpTablesBackend : byte
{
    /// <summary>The one with Kubernetes' hint chains, else the one with more rules (the rule of the iptables-wrappers project).</summary>
    Auto,

    /// <summary>nf_tables: iptables-nft-restore.</summary>
    Nft,

    /// <summary>ip_tables: iptables-legacy-restore.</summary>
    Legacy,
}

/// <summary>Configuration of the iptables plane, fixed for its life.</summary>
public sealed record IpTablesOptions
{
    /// <summary>Which chains are written.</summary>
    public IpTablesLayout Layout { get; init; }

    /// <summary>How a packet finds its service.</summary>
    public IpTablesDispatch Dispatch { get; init; }

    /// <summary>Which tools are used.</summary>
    public IpTablesBackend Backend { get; init; }

    /// <summary>The bit of the packet mark that requests masquerading, 0 to 31 (KubeProxyConfiguration iptables.masqueradeBit).</summary>
    public int MasqueradeBit { get; init; } = KubeProxyIptables.MasqueradeBit;

    /// <summary>Drop forwarded packets that are INVALID to connection tracking; false with conntrack.tcpBeLiberal.</summary>
    public bool DropsInvalid { get; init; } = true;

    /// <summary>
    /// MASQUERADE picks source ports fully at random. iptables supports that since 1.6.2, and tools with the back-end in their name, as
    /// used here, exist since 1.8: only tests have a reason to turn it off.
    /// </summary>
    public bool RandomFully { get; init; } = true;

    /// <summary>Serve IPv4.</summary>
    public bool ServesIPv4 { get; init; } = true;

    /// <summary>Serve IPv6.</summary>
    public bool ServesIPv6 { get; init; } = true;

    /// <summary>Whole seconds to wait for the xtables lock before a write fails (the tools' -w).</summary>
    public int LockSeconds { get; init; } = 30;

    /// <summary>How often the canary chains are checked (iptables.syncPeriod); every tenth check compares the rules as well.</summary>
    public TimeSpan CheckPeriod { get; init; } = TimeSpan.FromSeconds(30);

    internal uint MasqueradeMark => 1u << MasqueradeBit;
}
