using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>A node with pods and a client, and portolan on it, which serves shop/web: one service with all pods behind it.</summary>
internal sealed class ServiceInABox : IDisposable
{
    private const int ServicePort = 80;

    private static readonly TimeSpan s_patienceForStart = LabPatience.Factor * TimeSpan.FromSeconds(60);

    private readonly PortolanProxy _proxy;

    /// <param name="pods">Number of pods.</param>
    /// <param name="variant">Name of a <see cref="ProxyVariant"/>.</param>
    /// <param name="configuration">KubeProxyConfiguration fields to merge over the lab's defaults.</param>
    /// <param name="flags">Further flags of the proxy.</param>
    public ServiceInABox(int pods, string variant = "nftables", JsonObject? configuration = null, params ImmutableArray<string> flags)
    {
        Box = new NodeInABox(pods);
        _proxy = new PortolanProxy(Lab.RequirePortolan(), NodeInABox.NodeName, configuration ?? [])
        {
            Variant = ProxyVariant.Parse(variant),
            Flags = flags
        };
        Apply(KubernetesObjects.Node(NodeInABox.NodeName, [NodeInABox.NodeAddressV4, NodeInABox.NodeAddressV6],
            [InetPrefix.Parse("10.180.0.0/24"), InetPrefix.Parse("fd00:10:180::/64")]));
        foreach (string protocol in (ReadOnlySpan<string>)["TCP", "UDP"])
            Apply(KubernetesObjects.Service("shop", NameFor(protocol), [.. AddressesFor(protocol)], ServicePort, protocol));
        ServeFrom(Box.Pods);
    }

    /// <summary>How long an answer may take, and a change.</summary>
    public static TimeSpan Patience { get; } = LabPatience.Factor * TimeSpan.FromSeconds(5);

    /// <summary>How the proxy writes its rules; a change takes effect with the next start.</summary>
    public ProxyVariant Variant
    {
        get => _proxy.Variant;
        set => _proxy.Variant = value;
    }

    public NodeInABox Box { get; }

    /// <summary>The folder with the cluster's objects.</summary>
    public string Manifests => _proxy.Manifests.Path;

    /// <summary>The service's TCP address.</summary>
    public static IPEndPoint Tcp(IpFamily family) =>
        new(AddressesFor("TCP").Single(address => address.Family == family).ToIPAddress(), ServicePort);

    /// <summary>The service's UDP address.</summary>
    public static IPEndPoint Udp(IpFamily family) =>
        new(AddressesFor("UDP").Single(address => address.Family == family).ToIPAddress(), ServicePort);

    /// <summary>Creates or replaces an object of the cluster.</summary>
    public void Apply(JsonObject value) => _proxy.Apply(ClusterObjects.KeyOf(value), value);

    /// <summary>Deletes an object of the cluster.</summary>
    public void Delete(JsonObject value) => _proxy.Delete(ClusterObjects.KeyOf(value));

    /// <summary>Makes these pods the service's endpoints.</summary>
    public void ServeFrom(IReadOnlyCollection<(string Name, InetAddress V4, InetAddress V6)> pods)
    {
        foreach (string protocol in (ReadOnlySpan<string>)["TCP", "UDP"])
        {
            Apply(KubernetesObjects.Slice("shop", NameFor(protocol), IpFamily.IPv4, pods.Select(static pod => pod.V4), NodeInABox.PodPort,
                NodeInABox.NodeName, protocol));
            Apply(KubernetesObjects.Slice("shop", NameFor(protocol), IpFamily.IPv6, pods.Select(static pod => pod.V6), NodeInABox.PodPort,
                NodeInABox.NodeName, protocol));
        }
    }

    /// <summary>Starts the proxy and returns when the service answers.</summary>
    public async Task StartAsync()
    {
        StartOnly();
        foreach (IpFamily family in (IpFamily[])[IpFamily.IPv4, IpFamily.IPv6])
            await UntilAsync(() => AskAsync(family), s_patienceForStart);
    }

    /// <summary>The process id of the running proxy.</summary>
    public int ProcessId => _proxy.ProcessId;

    /// <summary>Starts the proxy without waiting for anything.</summary>
    public void StartOnly() => _proxy.Start(Box.Node, Variant.Mode);

    public void Stop(bool kill) => _proxy.Stop(kill);

    /// <summary>Kills the proxy and, at the same moment, the tools it runs.</summary>
    public void KillWithTools() => _proxy.KillWithTools();

    /// <summary>A new connection from the client outside; returns the name of the pod that answered.</summary>
    public Task<string> AskAsync(IpFamily family) => NamedClient.AskOnceAsync(Box.ClientSockets, Tcp(family), Patience);

    /// <summary>Repeats a request, with little patience each time, until it is answered as wanted.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> UntilAsync(Func<Task<string>> ask, TimeSpan patience, Func<string, bool>? wanted = null)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            string what;
            try
            {
                what = await ask();
                if (wanted is null || wanted(what))
                    return Stopwatch.GetElapsedTime(started);
            }
            catch (Exception failure) when (failure is SocketException or OperationCanceledException or IOException)
            {
                what = failure.Message;
            }
            if (Stopwatch.GetElapsedTime(started) > patience)
                Assert.Fail($"after {patience.TotalSeconds} s still: {what}\n{_proxy.Describe()}");
            await Task.Delay(TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>Waits until exactly these pods have answered the client's connections for a while.</summary>
    /// <param name="pods">Their names.</param>
    /// <param name="isStarting">The proxy has just been started: it may take as long as the first start.</param>
    public Task ServedOnlyByAsync(IReadOnlyCollection<string> pods, bool isStarting = false) => UntilAsync(async () =>
    {
        ShareCount count = await ShareCount.CountAsync(() => AskAsync(IpFamily.IPv4), requests: 30 * pods.Count, atOnce: 8);
        return string.Join(' ', count.Answers.Keys) + string.Join(' ', count.Failures);
    }, isStarting ? s_patienceForStart : Patience, served => served == string.Join(' ', pods.Order(StringComparer.Ordinal)));

    /// <summary>The proxy's state and the end of its log, for messages.</summary>
    public string Describe() => _proxy.Describe();

    public void Dispose()
    {
        _proxy.Dispose();
        Box.Dispose();
    }

    private static string NameFor(string protocol) => protocol == "TCP" ? "web" : "dns";

    private static ImmutableArray<InetAddress> AddressesFor(string protocol) => protocol == "TCP"
        ? [InetAddress.Parse("172.30.0.80"), InetAddress.Parse("fd00:172:30::80")]
        : [InetAddress.Parse("172.30.0.53"), InetAddress.Parse("fd00:172:30::53")];
}
