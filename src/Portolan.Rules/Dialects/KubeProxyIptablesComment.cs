namespace Portolan.Rules.Dialects;

/// <summary>What the comment of a rule of kube-proxy's iptables mode says about the rule.</summary>
public enum KubeCommentRole : byte
{
    /// <summary>Not a comment of this dialect.</summary>
    None,

    /// <summary>"shop/web:http": a rule of that service port.</summary>
    ServicePort,

    /// <summary>"shop/web:http cluster IP".</summary>
    ClusterIP,

    /// <summary>"shop/web:http external IP".</summary>
    ExternalIP,

    /// <summary>"shop/web:http loadbalancer IP".</summary>
    LoadBalancerIP,

    /// <summary>"shop/web:http has no endpoints".</summary>
    NoEndpoints,

    /// <summary>"shop/web:http has no local endpoints".</summary>
    NoLocalEndpoints,

    /// <summary>"shop/web:http health check node port".</summary>
    HealthCheckNodePort,

    /// <summary>"shop/web:http -> 10.0.0.1:80" (v1.24 and later).</summary>
    ToEndpoint,

    /// <summary>"shop/web:http traffic not accepted by KUBE-FW-...": outside loadBalancerSourceRanges.</summary>
    SourceNotAccepted,

    /// <summary>
    /// "masquerade traffic for shop/web:http external destinations" and other words before " for " or after the port.
    /// </summary>
    TrafficFor,
}

/// <summary>A comment of kube-proxy's iptables mode, all versions, in parts.</summary>
/// <param name="Role">What the comment says.</param>
/// <param name="ServicePort">"shop/web:http"; null where the comment has none.</param>
/// <param name="Endpoint">The endpoint after "->"; null for none.</param>
public readonly record struct KubeProxyIptablesComment(KubeCommentRole Role, string? ServicePort, string? Endpoint = null)
{
    private const string ClusterIPEnding = " cluster IP", ExternalIPEnding = " external IP", LoadBalancerIPEnding = " loadbalancer IP";
    private const string NoEndpointsEnding = " has no endpoints", NoLocalEndpointsEnding = " has no local endpoints";
    private const string HealthCheckEnding = " health check node port";
    private const string NotAcceptedBy = " traffic not accepted by ", Arrow = " -> ", For = " for ";

    private static readonly (string Text, KubeCommentRole Role)[] s_endings =
    [
        (ClusterIPEnding, KubeCommentRole.ClusterIP),
        (ExternalIPEnding, KubeCommentRole.ExternalIP),
        (LoadBalancerIPEnding, KubeCommentRole.LoadBalancerIP),
        (NoEndpointsEnding, KubeCommentRole.NoEndpoints),
        (NoLocalEndpointsEnding, KubeCommentRole.NoLocalEndpoints),
        (HealthCheckEnding, KubeCommentRole.HealthCheckNodePort),
    ];

    /// <summary>At the jumps to KUBE-SERVICES.</summary>
    public const string Portals = "kubernetes service portals";

    /// <summary>At the jumps to KUBE-EXTERNAL-SERVICES.</summary>
    public const string ExternalPortals = "kubernetes externally-visible service portals";

    /// <summary>At the jumps to KUBE-NODEPORTS of the filter table.</summary>
    public const string HealthChecks = "kubernetes health check service ports";

    /// <summary>At the jump to KUBE-NODEPORTS, last in KUBE-SERVICES.</summary>
    public const string NodePorts = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";

    /// <summary>At the jumps to KUBE-PROXY-FIREWALL.</summary>
    public const string ProxyFirewall = "kubernetes load balancer firewall";

    /// <summary>At the jump to KUBE-FORWARD, and at its rule for marked packets.</summary>
    public const string Forwarding = "kubernetes forwarding rules";

    /// <summary>At the rule of KUBE-FORWARD that accepts replies.</summary>
    public const string ForwardedReplies = "kubernetes forwarding conntrack rule";

    /// <summary>The same before v1.20: packets from a pod.</summary>
    public const string ForwardedFromPods = "kubernetes forwarding conntrack pod source rule";

    /// <summary>The same before v1.20: packets to a pod.</summary>
    public const string ForwardedToPods = "kubernetes forwarding conntrack pod destination rule";

    /// <summary>At the jump to KUBE-POSTROUTING.</summary>
    public const string Postrouting = "kubernetes postrouting rules";

    /// <summary>At the rule that masquerades.</summary>
    public const string Masquerade = "kubernetes service traffic requiring SNAT";

    /// <summary>At the kubelet's rule that drops marked packets.</summary>
    public const string DropsMarked = "kubernetes firewall for dropping marked packets";

    /// <summary>At the rule that blocks packets from neighbours to loopback addresses.</summary>
    public const string BlocksLocalnet = "block incoming localnet connections";

    /// <summary>At the jumps of pods from KUBE-XLB- to KUBE-SVC-.</summary>
    public const string PodsToClusterIP = "Redirect pods trying to reach external loadbalancer VIP to clusterIP";

    /// <summary>At a rule for a cluster IP.</summary>
    public static string ClusterIP(string port) => port + ClusterIPEnding;

    /// <summary>At a rule for an external IP.</summary>
    public static string ExternalIP(string port) => port + ExternalIPEnding;

    /// <summary>At a rule for a load balancer's address.</summary>
    public static string LoadBalancerIP(string port) => port + LoadBalancerIPEnding;

    /// <summary>At a rule that rejects.</summary>
    public static string NoEndpoints(string port) => port + NoEndpointsEnding;

    /// <summary>At a rule that drops under policy Local.</summary>
    public static string NoLocalEndpoints(string port) => port + NoLocalEndpointsEnding;

    /// <summary>At a rule that accepts a health check.</summary>
    public static string HealthCheck(string port) => port + HealthCheckEnding;

    /// <summary>At a rule of KUBE-SVC- or KUBE-SVL- that leads to one endpoint.</summary>
    public static string ToEndpoint(string port, string endpoint) => $"{port}{Arrow}{endpoint}";

    /// <summary>At the rule of KUBE-PROXY-FIREWALL that drops packets not accepted by <paramref name="chain"/>.</summary>
    public static string NotAccepted(string port, string chain) => $"{port}{NotAcceptedBy}{chain}";

    /// <summary>At the last rule of KUBE-FW-, which only counts.</summary>
    public static string OtherTraffic(string port) => $"other traffic to {port} will be dropped by {KubeProxyIptables.ProxyFirewall}";

    /// <summary>At the rules of KUBE-EXT-.</summary>
    /// <param name="what">"masquerade", "pod", "masquerade LOCAL", "route LOCAL".</param>
    /// <param name="port">The service port.</param>
    public static string ExternalTraffic(string what, string port) => $"{what} traffic{For}{port} external destinations";

    /// <summary>At the rules of KUBE-XLB- for packets of this node.</summary>
    /// <param name="what">"masquerade" or "route".</param>
    /// <param name="port">The service port.</param>
    public static string LocalTraffic(string what, string port) =>
        $"{what} LOCAL traffic{For}{port} LB IP{(what == "route" ? " to service chain" : "")}";

    /// <summary>At a rule of KUBE-XLB- that leads to one endpoint.</summary>
    public static string BalancingRule(int index, string port) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Balancing rule {index}{For}{port}");

    /// <summary>Parses a comment.</summary>
    /// <param name="comment">The comment without quotes; null for none.</param>
    /// <returns>
    /// Role <see cref="KubeCommentRole.None"/> where the comment names no service port in a form of this dialect. A port without a name is
    /// given without the colon that versions before v1.16 write.
    /// </returns>
    public static KubeProxyIptablesComment Parse(string? comment)
    {
        if (comment is null)
            return default;
        ReadOnlySpan<char> name = comment;
        KubeCommentRole role = KubeCommentRole.ServicePort;
        foreach ((string text, KubeCommentRole ending) in s_endings)
        {
            if (!name.EndsWith(text, StringComparison.Ordinal))
                continue;
            name = name[..^text.Length];
            role = ending;
            break;
        }
        string? endpoint = null;
        if (name.IndexOf(Arrow, StringComparison.Ordinal) is >= 0 and int arrow)
        {
            endpoint = name[(arrow + Arrow.Length)..].ToString();
            name = name[..arrow];
            role = role == KubeCommentRole.ServicePort ? KubeCommentRole.ToEndpoint : role;
        }
        else if (name.IndexOf(NotAcceptedBy, StringComparison.Ordinal) is >= 0 and int refused)
        {
            name = name[..refused];
            role = KubeCommentRole.SourceNotAccepted;
        }
        if (NameIn(name) is { } port)
            return new(role, port, endpoint);
        int start = comment.IndexOf(For, StringComparison.Ordinal);
        if (start < 0)
            return default;
        ReadOnlySpan<char> rest = comment.AsSpan(start + For.Length);
        int end = rest.IndexOf(' ');
        return NameIn(end < 0 ? rest : rest[..end]) is { } about ? new(KubeCommentRole.TrafficFor, about) : default;
    }

    private static string? NameIn(ReadOnlySpan<char> name)
    {
        name = name.TrimEnd(':');
        return name.Contains('/') && !name.ContainsAny(' ', '\t') ? name.ToString() : null;
    }
}
