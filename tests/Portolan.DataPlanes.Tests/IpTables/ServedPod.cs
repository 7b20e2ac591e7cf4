using System.Net;
using System.Net.Sockets;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>
/// A node with a pod that serves service number <see cref="Number"/>, among others without a pod behind them, and datagrams to it.
/// </summary>
internal sealed class ServedPod : IDisposable
{
    public const int Services = 40, Number = 1;

    private const int PodPort = 8080;

    private readonly NetworkNamespace _pod = new("pod");
    private readonly Socket _server;

    public ServedPod(IpTablesOptions options)
    {
        Plane = new(options, Table());
        Plane.Namespace.Ip($"""
            addr add {Outside}/32 dev lo
            link add pod type veth peer name eth0
            link set eth0 netns {_pod.Path}
            addr add {Gateway}/24 dev pod
            link set pod up
            route add default dev pod
            """);
        _pod.Ip($"addr add 10.244.9.2/24 dev eth0\nlink set eth0 up\nroute add default via {Gateway}\n");
        _server = _pod.Run(static () =>
            new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 1000 });
        _server.Bind(new IPEndPoint(IPAddress.Any, PodPort));
        SyncReport report = Plane.Sync();
        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
    }

    /// <summary>An address of the node that is not in the pods' range, and the one by which it reaches the pod.</summary>
    public static IPAddress Outside { get; } = IPAddress.Parse("192.0.2.1");

    /// <inheritdoc cref="Outside"/>
    public static IPAddress Gateway { get; } = IPAddress.Parse("10.244.9.1");

    public static IPEndPoint Service { get; } = new(TestCluster.Service(Number).Service.ClusterIPs[0].ToIPAddress(), 80);

    public PlaneUnderTest Plane { get; }

    public static ServiceTable Table()
    {
        ServiceTable table = TestCluster.Of(Services, endpoints: 1);
        table.Apply(new ClusterEvent.ServiceSet(TestCluster.Service(Number).Service with { Ports = [new("http", IpProtocol.Udp, 80, 0)] }));
        table.Apply(new ClusterEvent.SliceSet(TestCluster.Slice(Number, 1, IpProtocol.Udp).Slice with
        {
            Endpoints = [new(InetAddress.Parse("10.244.9.2"), EndpointConditions.Ready | EndpointConditions.Serving, "node-a", [], [])],
        }));
        return table;
    }

    /// <summary>
    /// The source address with which a datagram from <see cref="Outside"/> to the service arrives at the pod; null when it does not. Each
    /// is a new connection.
    /// </summary>
    public IPAddress? SourceAtPod()
    {
        using Socket client = Plane.Namespace.Run(static () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        client.Bind(new IPEndPoint(Outside, 0));
        client.SendTo([1], Service);
        byte[] received = new byte[1];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        try
        {
            _server.ReceiveFrom(received, ref from);
            return ((IPEndPoint)from).Address;
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.TimedOut)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _server.Dispose();
        _pod.Dispose();
        Plane.Dispose();
    }
}
