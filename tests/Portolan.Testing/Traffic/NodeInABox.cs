using System.Collections.Immutable;
using System.Text;
using Portolan.Inet;
using Portolan.Testing.Namespaces;

namespace Portolan.Testing.Traffic;

/// <summary>
/// A node, pods behind a bridge on it and a client outside, each in a network namespace of its own, with IPv4 and IPv6 between them and a
/// <see cref="NamedServer"/> in each pod.
/// </summary>
/// <remarks>
/// Pods have host addresses and send everything to the node, as with most network plug-ins: a reply must not find a short way through
/// the bridge, where its address would not be translated back.
/// </remarks>
public sealed class NodeInABox : IDisposable
{
    /// <summary>The port on which the pods listen.</summary>
    public const int PodPort = 8080;

    /// <summary>The bridge between the node and its pods.</summary>
    public const string Bridge = "cni0";

    private readonly AddressPlan _plan;
    private readonly List<IDisposable> _parts = [];
    private readonly Dictionary<string, NetworkNamespace> _pods = [];

    /// <summary>Makes everything; servers listen when this returns.</summary>
    /// <param name="pods">Number of pods, 1 to 100.</param>
    public NodeInABox(int pods)
        : this(AddressPlan.ForPods(pods))
    {
    }

    /// <summary>Makes everything with given addresses; servers listen when this returns.</summary>
    public NodeInABox(AddressPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _plan = plan;
        try
        {
            Node = Add(new NetworkNamespace("node"));
            Client = Add(new NetworkNamespace("client"));
            ConfigureNode();
            ConnectClient();
            Pods = plan.Pods;
            for (int number = 1; number <= Pods.Length; number++)
                AddPod(number, Pods[number - 1]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public NetworkNamespace Node { get; }

    public NetworkNamespace Client { get; }

    /// <summary>The pods: name, IPv4 and IPv6 address.</summary>
    public ImmutableArray<(string Name, InetAddress V4, InetAddress V6)> Pods { get; }

    /// <summary>The node's name in cluster objects.</summary>
    public static string NodeName => "node-a";

    public static InetAddress NodeAddressV4 => AddressPlan.ForPods(0).NodeV4;

    public static InetAddress NodeAddressV6 => AddressPlan.ForPods(0).NodeV6;

    /// <summary>Sockets of the client outside.</summary>
    public NamedClient.SocketSource ClientSockets => (family, type) => Client.Run(() => NamedClient.OwnNamespace(family, type));

    /// <summary>Sockets of the node.</summary>
    public NamedClient.SocketSource NodeSockets => (family, type) => Node.Run(() => NamedClient.OwnNamespace(family, type));

    /// <summary>A pod's network namespace.</summary>
    public NetworkNamespace Pod(string name) => _pods[name];

    /// <summary>Sockets of a pod.</summary>
    public NamedClient.SocketSource PodSockets(string name) => (family, type) =>
        Pod(name).Run(() => NamedClient.OwnNamespace(family, type));

    public void Dispose()
    {
        for (int index = _parts.Count - 1; index >= 0; index--)
            _parts[index].Dispose();
        _parts.Clear();
    }

    private T Add<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }

    private void ConfigureNode()
    {
        PrepareSysctls(Node);
        Node.SetSysctl("net.ipv4.ip_forward", "1");
        Node.SetSysctl("net.ipv6.conf.all.forwarding", "1");
        Node.SetSysctl("net.ipv4.conf.all.send_redirects", "0");
        Node.SetSysctl("net.ipv4.conf.default.send_redirects", "0");
        Node.Ip($"""
            link add {Bridge} type bridge
            link set {Bridge} up
            address add {_plan.BridgeV4} dev {Bridge}
            address add {_plan.BridgeV6} dev {Bridge} nodad

            """);
    }

    private void ConnectClient()
    {
        PrepareSysctls(Client);
        // A client that makes thousands of connections a second must not run out of ports.
        Client.SetSysctl("net.ipv4.ip_local_port_range", "1024 65000");
        Node.Ip($"""
            link add eth0 type veth peer name eth0 netns {Client.Path}
            link set eth0 up
            address add {_plan.NodeV4}/24 dev eth0
            address add {_plan.NodeV6}/64 dev eth0 nodad
            route add default via {_plan.ClientV4}
            route add ::/0 via {_plan.ClientV6}

            """);
        Client.Ip($"""
            link set eth0 up
            address add {_plan.ClientV4}/24 dev eth0
            address add {_plan.ClientV6}/64 dev eth0 nodad
            route add default via {_plan.NodeV4}
            route add ::/0 via {_plan.NodeV6}

            """);
    }

    private void AddPod(int number, (string Name, InetAddress V4, InetAddress V6) addresses)
    {
        (string name, InetAddress v4, InetAddress v6) = addresses;
        NetworkNamespace pod = Add(new NetworkNamespace(name));
        _pods[name] = pod;
        PrepareSysctls(pod);
        var link = new StringBuilder();
        string port = FormattableString.Invariant($"veth{number}");
        link.Append($"link add {port} type veth peer name eth0 netns {pod.Path}\nlink set {port} master {Bridge}\n");
        // Hairpin: a pod that reaches itself through a service gets its packet back through its own port.
        link.Append($"link set {port} type bridge_slave hairpin on\nlink set {port} up\n");
        Node.Ip(link.ToString());
        pod.Ip($"""
            link set eth0 up
            address add {v4}/32 dev eth0
            address add {v6}/128 dev eth0 nodad
            route add default via {_plan.BridgeV4.Address} dev eth0 onlink
            route add ::/0 via {_plan.BridgeV6.Address} dev eth0 onlink

            """);
        Add(pod.Run(() => new NamedServer(name, PodPort)));
    }

    private static void PrepareSysctls(NetworkNamespace where)
    {
        // Addresses are there at once: no duplicate address detection, no router advertisements.
        where.SetSysctl("net.ipv6.conf.default.accept_dad", "0");
        where.SetSysctl("net.ipv6.conf.all.accept_dad", "0");
        where.SetSysctl("net.ipv6.conf.default.accept_ra", "0");
    }
}
