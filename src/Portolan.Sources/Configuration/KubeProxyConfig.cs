using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.Sources.Configuration;

/// <summary>How Services are put into the kernel (KubeProxyConfiguration mode).</summary>
public enum ProxyMode : byte
{
    /// <summary>nf_tables: also what an empty mode means here. kube-proxy v1.36 takes iptables for an empty mode.</summary>
    NfTables,

    /// <summary>iptables.</summary>
    IpTables,

    /// <summary>IPVS.</summary>
    Ipvs,
}

/// <summary>How a pod of this node is told from others (KubeProxyConfiguration detectLocalMode).</summary>
public enum DetectLocalMode : byte
{
    /// <summary>Source address inside clusterCIDR; the default.</summary>
    ClusterCidr,

    /// <summary>Source address inside the Node's podCIDRs.</summary>
    NodeCidr,

    /// <summary>Packets that come from the bridge detectLocal.bridgeInterface.</summary>
    BridgeInterface,

    /// <summary>Packets that come from an interface whose name begins with detectLocal.interfaceNamePrefix.</summary>
    InterfaceNamePrefix,
}

/// <summary>clientConnection: how the API server is reached.</summary>
/// <param name="Kubeconfig">Path of a kubeconfig; empty for the service account of the pod this runs in.</param>
/// <param name="Qps">Most requests per second; below zero for no limit.</param>
/// <param name="Burst">Requests that may be made at once.</param>
/// <param name="ContentType">Wire format wished for; JSON is always used.</param>
/// <param name="AcceptContentTypes">As <paramref name="ContentType"/>.</param>
public sealed record ClientConnectionConfig(string Kubeconfig, double Qps, int Burst, string ContentType, string AcceptContentTypes);

/// <summary>The settings of one mode (iptables, nftables; ipvs has its periods only).</summary>
/// <param name="MasqueradeBit">Bit of the packet mark for traffic to be masqueraded, 0 to 31; default 14.</param>
/// <param name="MasqueradeAll">Masquerade everything sent to cluster IPs.</param>
/// <param name="SyncPeriod">Time between comparisons of the kernel with what it should hold; default 30 s.</param>
/// <param name="MinSyncPeriod">Least time between two syncs. Default 0 (none) where kube-proxy has 1 s: a sync costs what changed, not what
/// exists.</param>
public sealed record ModeConfig(int MasqueradeBit, bool MasqueradeAll, TimeSpan SyncPeriod, TimeSpan MinSyncPeriod);

/// <summary>ipvs: the settings that only this mode has.</summary>
/// <param name="Scheduler">Scheduler; empty for rr.</param>
/// <param name="ExcludeCidrs">Ranges whose virtual servers are left alone.</param>
/// <param name="StrictArp">Answer ARP only for addresses of the interface asked on.</param>
/// <param name="TcpTimeout">Idle TCP connections; zero keeps the system's value.</param>
/// <param name="TcpFinTimeout">TCP connections after a FIN; zero keeps the system's value.</param>
/// <param name="UdpTimeout">Idle UDP flows; zero keeps the system's value.</param>
public sealed record IpvsConfig(
    string Scheduler, ImmutableArray<InetPrefix> ExcludeCidrs, bool StrictArp, TimeSpan TcpTimeout, TimeSpan TcpFinTimeout,
        TimeSpan UdpTimeout);

/// <summary>conntrack: limits and time-outs of the kernel's connection tracking.</summary>
/// <param name="MaxPerCore">Connections per core, 0 to leave the limit alone; default 32768.</param>
/// <param name="Min">Least limit whatever the cores; default 131072.</param>
/// <param name="TcpEstablishedTimeout">Idle established connections; default 24 h, 0 to leave it alone.</param>
/// <param name="TcpCloseWaitTimeout">Connections in CLOSE_WAIT; default 1 h, 0 to leave it alone.</param>
/// <param name="TcpBeLiberal">Do not mark packets outside the window as invalid.</param>
/// <param name="UdpTimeout">UDP flows without an answer; 0 to leave it alone.</param>
/// <param name="UdpStreamTimeout">UDP flows with answers; 0 to leave it alone.</param>
public sealed record ConntrackConfig(
    int MaxPerCore, int Min, TimeSpan TcpEstablishedTimeout, TimeSpan TcpCloseWaitTimeout, bool TcpBeLiberal,
    TimeSpan UdpTimeout, TimeSpan UdpStreamTimeout);

/// <summary>Which of the node's addresses take NodePort traffic (nodePortAddresses).</summary>
/// <param name="IsPrimary">The word "primary": the Node's primary address of each family.</param>
/// <param name="Ranges">The ranges given; empty with <paramref name="IsPrimary"/> false means that nothing was given and the mode's default
/// holds.</param>
public sealed record NodePortAddressesConfig(bool IsPrimary, ImmutableArray<InetPrefix> Ranges);

/// <summary>
/// A KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1, as kube-proxy v1.36 defines it), defaults applied. Nothing in it is
/// Portolan's own; that is given by command line flags.
/// </summary>
public sealed record KubeProxyConfig
{
    internal const string DefaultContentType = "application/vnd.kubernetes.protobuf";

    /// <summary>hostnameOverride; empty for the machine's host name. See <see cref="NodeName"/>.</summary>
    public string HostnameOverride { get; init; } = "";

    /// <summary>bindAddress: overrides the node's primary address; nothing is bound to it. Default 0.0.0.0.</summary>
    public InetAddress BindAddress { get; init; } = InetAddress.Unspecified(IpFamily.IPv4);

    /// <summary>healthzBindAddress; default port 10256 of all addresses.</summary>
    public InetEndpoint HealthzBindAddress { get; init; } = new(InetAddress.Unspecified(IpFamily.IPv4), 10256);

    /// <summary>metricsBindAddress; default port 10249 of loopback.</summary>
    public InetEndpoint MetricsBindAddress { get; init; } = new(InetAddress.FromIPv4(0x7f00_0001), 10249);

    /// <summary>bindAddressHardFail: end when a port cannot be bound.</summary>
    public bool BindAddressHardFail { get; init; }

    /// <summary>enableProfiling.</summary>
    public bool EnableProfiling { get; init; }

    /// <summary>showHiddenMetricsForVersion; empty when unset.</summary>
    public string ShowHiddenMetricsForVersion { get; init; } = "";

    /// <summary>clientConnection.</summary>
    public ClientConnectionConfig ClientConnection { get; init; } = new("", 5, 10, DefaultContentType, "");

    /// <summary>mode; empty means nftables.</summary>
    public ProxyMode Mode { get; init; }

    /// <summary>iptables.</summary>
    public ModeConfig IpTables { get; init; } = ModeDefaults;

    /// <summary>iptables.localhostNodePorts: NodePorts at 127.0.0.1 in iptables mode; default true.</summary>
    public bool LocalhostNodePorts { get; init; } = true;

    /// <summary>nftables.</summary>
    public ModeConfig NfTables { get; init; } = ModeDefaults;

    /// <summary>ipvs; its periods are in <see cref="IpvsPeriods"/>.</summary>
    public IpvsConfig Ipvs { get; init; } = new("", [], false, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);

    /// <summary>syncPeriod and minSyncPeriod of ipvs; masquerading there follows iptables, as in kube-proxy.</summary>
    public ModeConfig IpvsPeriods { get; init; } = ModeDefaults;

    /// <summary>detectLocalMode; default ClusterCIDR.</summary>
    public DetectLocalMode DetectLocalMode { get; init; }

    /// <summary>detectLocal.bridgeInterface.</summary>
    public string BridgeInterface { get; init; } = "";

    /// <summary>detectLocal.interfaceNamePrefix.</summary>
    public string InterfaceNamePrefix { get; init; } = "";

    /// <summary>clusterCIDR: at most one range of each family.</summary>
    public ImmutableArray<InetPrefix> ClusterCidrs { get; init; } = [];

    /// <summary>nodePortAddresses.</summary>
    public NodePortAddressesConfig NodePortAddresses { get; init; } = new(false, []);

    /// <summary>conntrack.</summary>
    public ConntrackConfig Conntrack { get; init; } =
        new(32 * 1024, 128 * 1024, TimeSpan.FromHours(24), TimeSpan.FromHours(1), false, TimeSpan.Zero, TimeSpan.Zero);

    /// <summary>oomScoreAdj, -1000 to 1000; default -999.</summary>
    public int OomScoreAdj { get; init; } = -999;

    /// <summary>configSyncPeriod; default 15 min.</summary>
    public TimeSpan ConfigSyncPeriod { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>logging.verbosity, from 0; klog has no upper end.</summary>
    public int LogVerbosity { get; init; }

    /// <summary>logging.format: text or json; default text.</summary>
    public string LogFormat { get; init; } = "text";

    /// <summary>featureGates.</summary>
    public ImmutableDictionary<string, bool> FeatureGates { get; init; } = ImmutableDictionary<string, bool>.Empty;

    /// <summary>Paths of the fields to which the file gives a value that is not empty, zero or false: "iptables.masqueradeBit".</summary>
    public ImmutableSortedSet<string> FieldsSet { get; init; } = ImmutableSortedSet<string>.Empty;

    /// <summary>Paths of all fields there are.</summary>
    public ImmutableSortedSet<string> Fields { get; init; } = ImmutableSortedSet<string>.Empty;

    /// <summary>What was passed over in reading, one line each: fields that do not exist, or come twice.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>Fields that only kube-proxy uses and that have a value, as JSON, by path.</summary>
    public ImmutableDictionary<string, string> Unread { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>syncPeriod, minSyncPeriod and masqueradeBit of the mode in use.</summary>
    public ModeConfig ModeInUse => Mode switch
    {
        ProxyMode.IpTables => IpTables,
        // As in kube-proxy, where both modes have one chain that masquerades.
        ProxyMode.Ipvs => IpvsPeriods with { MasqueradeBit = IpTables.MasqueradeBit, MasqueradeAll = IpTables.MasqueradeAll },
        _ => NfTables,
    };

    /// <summary>portRange: of no use since the userspace proxy went.</summary>
    public string PortRange { get; init; } = "";

    /// <summary>True when mode is not empty.</summary>
    public bool IsModeGiven => FieldsSet.Contains("mode");

    /// <summary>detectLocalMode as the field spells it; empty for the default.</summary>
    public string DetectLocalModeName => DetectLocalMode switch
    {
        DetectLocalMode.NodeCidr => "NodeCIDR",
        DetectLocalMode.BridgeInterface => "BridgeInterface",
        DetectLocalMode.InterfaceNamePrefix => "InterfaceNamePrefix",
        _ => FieldsSet.Contains("detectLocalMode") ? "ClusterCIDR" : "",
    };

    /// <summary>The mode in use as the field spells it: nftables, iptables or ipvs.</summary>
    public string ModeName => Mode switch
    {
        ProxyMode.IpTables => "iptables",
        ProxyMode.Ipvs => "ipvs",
        _ => "nftables",
    };

    internal static ModeConfig ModeDefaults { get; } = new(14, false, TimeSpan.FromSeconds(30), TimeSpan.Zero);

    /// <summary>
    /// Reads a file, a command line, or both, in which case the command line wins; as described at
    /// <see cref="KubeProxyConfigReader"/>.
    /// </summary>
    /// <param name="path">The file; null for the command line and defaults alone.</param>
    /// <param name="flags">Fields given on the command line.</param>
    /// <exception cref="SourceException">The file cannot be read or is no valid KubeProxyConfiguration; one line for each
    /// error.</exception>
    public static KubeProxyConfig Load(string? path, params IReadOnlyList<ConfigFlag> flags)
    {
        if (path is null)
            return KubeProxyConfigReader.Read(null, "", flags);
        try
        {
            using StreamReader text = File.OpenText(path);
            return KubeProxyConfigReader.Read(text, Path.GetFileName(path), flags);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"The configuration {path} cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>
    /// One warning for each field that is given a value other than its default and that is not among the honoured ones.
    /// </summary>
    /// <param name="honoured">Paths of fields that have an effect; "iptables" covers all below it.</param>
    public IEnumerable<string> Unhonoured(IReadOnlySet<string> honoured)
    {
        ArgumentNullException.ThrowIfNull(honoured);
        Dictionary<string, string> defaults = KubeProxyConfigWriter.Values(new KubeProxyConfig()).ToDictionary();
        Dictionary<string, string> values = KubeProxyConfigWriter.Values(this).ToDictionary();
        return FieldsSet
            .Where(field => !IsCovered(honoured, field)
                && (!values.TryGetValue(field, out string? value) || value != defaults[field]))
            .Select(field => $"{field} is accepted, but has no effect in Portolan");
    }

    /// <summary>True when a set of paths has this field or a section above it.</summary>
    public static bool IsCovered(IReadOnlySet<string> paths, string field)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(field);
        return paths.Contains(field) || paths.Any(section => field.StartsWith(section + ".", StringComparison.Ordinal));
    }

    /// <summary>
    /// The name of the Node this runs on: hostnameOverride, or else the machine's host name; trimmed and in lower case (kube-proxy:
    /// nodeutil.GetHostname).
    /// </summary>
    public string NodeName(string machineName)
    {
        ArgumentNullException.ThrowIfNull(machineName);
        string name = HostnameOverride.Trim().Length > 0 ? HostnameOverride : machineName;
#pragma warning disable CA1308 // Node names are lower case in Kubernetes; this is no comparison key.
        return name.Trim().ToLowerInvariant();
#pragma warning restore CA1308
    }

    /// <summary>What of the configuration decides which traffic goes where, for the node of this name.</summary>
    public ProxyPolicy PolicyFor(string nodeName) => new()
    {
        NodeName = nodeName,
        BindAddress = BindAddress.IsUnspecified ? default : BindAddress,
        MasqueradeAll = Mode == ProxyMode.NfTables ? NfTables.MasqueradeAll : IpTables.MasqueradeAll,
        DetectorIPv4 = DetectorFor(IpFamily.IPv4),
        DetectorIPv6 = DetectorFor(IpFamily.IPv6),
        DetectByNodeCidr = DetectLocalMode == DetectLocalMode.NodeCidr,
        NodePorts = NodePortPolicy(),
    };

    private NodePortAddressPolicy NodePortPolicy()
    {
        bool isGiven = NodePortAddresses.IsPrimary || !NodePortAddresses.Ranges.IsEmpty;
        return new()
        {
            // Mode nftables has always had this default, mode iptables never (kube-proxy v1.36, cmd/kube-proxy/app/options.go).
            IsPrimary = NodePortAddresses.IsPrimary || (!isGiven && Mode == ProxyMode.NfTables),
            Ranges = NodePortAddresses.Ranges,
            WithLoopback = Mode == ProxyMode.IpTables && LocalhostNodePorts,
            BindAddress = BindAddress.IsUnspecified ? default : BindAddress,
        };
    }

    private LocalDetector DetectorFor(IpFamily family)
    {
        switch (DetectLocalMode)
        {
            case DetectLocalMode.BridgeInterface:
                return new LocalDetector(LocalDetection.Interface, [], BridgeInterface);
            case DetectLocalMode.InterfaceNamePrefix:
                return new LocalDetector(LocalDetection.InterfacePrefix, [], InterfaceNamePrefix);
            case DetectLocalMode.ClusterCidr:
                ImmutableArray<InetPrefix> cidrs = [.. ClusterCidrs.Where(cidr => cidr.Family == family)];
                return cidrs.IsEmpty ? LocalDetector.None : new LocalDetector(LocalDetection.Cidrs, cidrs, "");
            default:
                return LocalDetector.None;
        }
    }
}
