using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests.Why;

/// <summary>
/// A node with two pods, a client outside, portolan, and beside the lab's own services shop/cart: pod-1 behind a cluster IP, a node port
/// and a load balancer's address, until something is broken. pod-2 is the client in a pod.
/// </summary>
internal sealed class BrokenNode : IDisposable
{
    public const int NodePort = 30090;
    public const string ClusterIP = "172.30.0.90", LoadBalancer = "203.0.113.90";

    private readonly ServiceInABox _box;

    /// <param name="variant">How the proxy writes its rules.</param>
    /// <param name="configuration">KubeProxyConfiguration fields to merge over the lab's defaults.</param>
    public BrokenNode(string variant, JsonObject configuration)
    {
        _box = new ServiceInABox(2, variant, configuration);
        Serve();
        ServeFrom("10.180.0.101");
    }

    public NodeInABox Box => _box.Box;

    public string Manifests => _box.Manifests;

    /// <summary>Makes shop/cart what it is when nothing is broken, with changes of its spec.</summary>
    public void Serve(JsonObject? changes = null, string name = "cart")
    {
        JsonObject service = KubernetesObjects.Service("shop", name, [InetAddress.Parse(name == "cart" ? ClusterIP : "172.30.0.91")], 80);
        JsonObject spec = service["spec"]!.AsObject();
        spec["type"] = "LoadBalancer";
        spec["externalTrafficPolicy"] = "Cluster";
        if (name == "cart")
        {
            spec["ports"]![0]!["nodePort"] = NodePort;
            service["status"] = new JsonObject
            {
                ["loadBalancer"] = new JsonObject { ["ingress"] = new JsonArray(new JsonObject { ["ip"] = LoadBalancer }) },
            };
        }
        foreach ((string field, JsonNode? value) in changes ?? [])
            spec[field] = value?.DeepClone();
        _box.Apply(service);
    }

    /// <summary>Makes one address shop/cart's only endpoint.</summary>
    /// <param name="address">The endpoint's address.</param>
    /// <param name="port">Its port.</param>
    /// <param name="node">The node it is on.</param>
    /// <param name="changes">Changes of the finished slice.</param>
    public void ServeFrom(string address, int port = NodeInABox.PodPort, string node = "node-a", Action<JsonObject>? changes = null)
    {
        JsonObject slice = KubernetesObjects.Slice("shop", "cart", IpFamily.IPv4, [InetAddress.Parse(address)], port, node);
        changes?.Invoke(slice);
        _box.Apply(slice);
    }

    /// <summary>Takes shop/cart's only slice away.</summary>
    public void ServeFromNothing() => _box.Delete(KubernetesObjects.Slice("shop", "cart", IpFamily.IPv4, [], NodeInABox.PodPort, null));

    /// <summary>Starts the proxy, and waits for the service that nothing is wrong with: shop/cart's rules come with its.</summary>
    public Task StartAsync() => _box.StartAsync();

    /// <summary>Starts it once more, with other rules.</summary>
    public Task StartAsync(string variant)
    {
        _box.Variant = Testing.Proxies.ProxyVariant.Parse(variant);
        return _box.StartAsync();
    }

    /// <summary>Ends the proxy, which would repair its rules; they stay.</summary>
    public void StopProxy() => _box.Stop(kill: true);

    /// <summary>Waits until shop/cart answers a client as wanted.</summary>
    public Task UntilAsync(string client, string address, string wanted) =>
        _box.UntilAsync(() => AskAsync(client, address, TimeSpan.FromSeconds(1)), TimeSpan.FromSeconds(20), what => what == wanted);

    /// <summary>What a client gets: the name of the pod that answered, "refused", or "no answer".</summary>
    /// <param name="client">outside, pod, node, or the name of a pod.</param>
    /// <param name="address">Address and port.</param>
    /// <param name="patience">How long it waits.</param>
    public async Task<string> AskAsync(string client, string address, TimeSpan patience)
    {
        NamedClient.SocketSource sockets = client switch
        {
            "outside" => Box.ClientSockets,
            "node" => Box.NodeSockets,
            "pod" => Box.PodSockets("pod-2"),
            _ => Box.PodSockets(client),
        };
        try
        {
            return await NamedClient.AskOnceAsync(sockets, IPEndPoint.Parse(address), patience);
        }
        catch (OperationCanceledException)
        {
            return "no answer";
        }
        catch (SocketException)
        {
            return "refused";
        }
    }

    /// <summary>The source address that pod-1 sees when a client dials shop/cart, which it must serve from port 7777.</summary>
    public async Task<string> SourceSeenAsync(string client)
    {
        using Socket listener = Box.PodSockets("pod-1")(AddressFamily.InterNetwork, SocketType.Stream);
        listener.Bind(new IPEndPoint(IPAddress.Any, 7777));
        listener.Listen();
        using Socket dialer = Box.PodSockets(client)(AddressFamily.InterNetwork, SocketType.Stream);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await dialer.ConnectAsync(IPEndPoint.Parse($"{ClusterIP}:80"), deadline.Token);
        using Socket accepted = await listener.AcceptAsync(deadline.Token);
        return ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString();
    }

    /// <summary>Runs a tool on the node, its arguments separated by blanks.</summary>
    public void Run(string tool, string arguments, string? input = null) => RunIn(Box.Node, tool, arguments, input);

    /// <summary>Runs a tool in a namespace, its arguments separated by blanks.</summary>
    public static string RunIn(NetworkNamespace where, string tool, string arguments, string? input = null) =>
        where.Run(() => Tool.Run(tool, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), input));

    public string Describe() => _box.Describe();

    public void Dispose() => _box.Dispose();
}
