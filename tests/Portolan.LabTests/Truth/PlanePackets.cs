using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.LabTests.Agreement;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Packets;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>
/// Random packets around what a cluster serves: frontends of every kind and what is beside them, endpoints directly, loopback addresses,
/// echo requests, and segments of TCP that begin no connection. First each client of a port with session affinity sends one packet there;
/// then some of them come back.
/// </summary>
/// <param name="random">Chooses.</param>
/// <param name="cluster">What is served.</param>
/// <param name="tally">Counts what packets are aimed at.</param>
internal sealed class PlanePackets(Random random, PlaneCluster cluster, Tally tally)
{
    private const int MostDraws = 50;

    // ACK, which conntrack takes up as a connection under way; RST and FIN with ACK, of which it does not (nf_conntrack_proto_tcp.c).
    private static readonly byte[] s_laterFlags = [0x10, 0x04, 0x11];

    private static readonly ImmutableArray<InetAddress> s_loopback = Objects.Addresses("127.0.0.1", "::1");

    private readonly PacketPicker _picker = new(random, cluster.Table, cluster.Node, cluster.Pods);
    private readonly ImmutableArray<PortPlan> _ports =
        [.. cluster.Table.Plans.OrderBy(plan => plan.Service).SelectMany(plan => plan.Ports)];
    private readonly HashSet<(ServicePortName Port, InetAddress Client)> _met = [];
    private readonly List<SentPacket> _guests = [];
    private ushort _port = 10000;

    /// <summary>Packets of clients that no service with affinity has seen.</summary>
    internal ImmutableArray<TruthPacket> Fresh(FlowOrigin origin, int count)
    {
        var packets = ImmutableArray.CreateBuilder<TruthPacket>(count);
        for (int draws = 0; packets.Count < count && draws < count * MostDraws; draws++)
        {
            SentPacket packet = Draw(origin);
            (PortPlan? port, string aim) = Aim(packet);
            if (port is { AffinitySeconds: > 0 })
            {
                if (!_met.Add((port.Name, packet.Source.Address)))
                    continue;
                _guests.Add(packet);
            }
            tally.Count(aim);
            packets.Add(Make(packet, isFresh: true));
        }
        return packets.ToImmutable();
    }

    /// <summary>Another connection of clients that have used a service with affinity.</summary>
    internal ImmutableArray<TruthPacket> Returning(FlowOrigin origin, int count) =>
        [.. _guests.Where(packet => packet.From == origin).Take(count)
        .Select(packet => Make(packet with { Source = new(packet.Source.Address, ++_port) }, isFresh: false))];

    private SentPacket Draw(FlowOrigin origin)
    {
        SentPacket packet = _picker.Next(origin, ++_port);
        InetEndpoint destination = packet.Destination;
        int kind = random.Next(100);
        if (kind < 6 && Backends() is { IsEmpty: false } backends)
        {
            PortPlan plan = Any(backends);
            packet = To(packet, Any(plan.ClusterBackends).Endpoint, plan.Name.Protocol);
        }
        else if (kind < 12 && origin == FlowOrigin.Node)
        {
            packet = To(packet, new(Any(s_loopback), destination.Port), packet.Protocol);
        }
        else if (kind is >= 20 and < 35 && NodePorts() is { IsEmpty: false } nodePorts)
        {
            (PortPlan plan, ushort port) = Any(nodePorts);
            ImmutableArray<InetAddress> all = origin == FlowOrigin.Node && random.Next(2) == 0 ? s_loopback : cluster.Site.Own;
            packet = To(packet, new(Any([.. all.Where(address => address.Family == plan.Family)]), port), plan.Name.Protocol);
        }
        else if (kind < 20)
        {
            packet = packet with { Protocol = destination.Address.Family == IpFamily.IPv4 ? IpProtocol.Icmp : IpProtocol.IcmpV6 };
        }
        // Two of three clients outside are ones of whom there are many.
        if (origin == FlowOrigin.External && random.Next(3) > 0)
        {
            string client = packet.Source.Address.Family == IpFamily.IPv4
                ? $"203.0.113.{random.Next(10, 250)}" : $"2001:db8:1::{random.Next(1, 9999)}";
            packet = packet with { Source = new(InetAddress.Parse(client), packet.Source.Port) };
        }
        return packet;
    }

    private ImmutableArray<PortPlan> Backends() => [.. _ports.Where(static port => !port.ClusterBackends.IsEmpty)];

    private ImmutableArray<(PortPlan Plan, ushort Port)> NodePorts() =>
        [.. from port in _ports from frontend in port.Frontends where frontend.Kind == FrontendKind.NodePort select (port, frontend.Port)];

    private T Any<T>(ImmutableArray<T> choices) => choices[random.Next(choices.Length)];

    /// <summary>The packet with another destination, from a source of the same kind.</summary>
    private SentPacket To(SentPacket packet, InetEndpoint destination, IpProtocol protocol)
    {
        InetAddress source = packet.Source.Address;
        if (destination.Address.IsLoopback)
        {
            source = destination.Address;
        }
        else if (source.IsLoopback || source.Family != destination.Address.Family)
        {
            source = packet.From switch
            {
                FlowOrigin.Node => cluster.Site.Own.First(address => address.Family == destination.Address.Family),
                _ => InetAddress.Parse(destination.Address.Family == IpFamily.IPv4 ? "198.51.100.200" : "2001:db8:99::1"),
            };
        }
        return packet with { Source = new(source, packet.Source.Port), Destination = destination, Protocol = protocol };
    }

    /// <summary>The port that takes the packet, by its destination alone, and a word for what it is aimed at.</summary>
    private (PortPlan? Port, string Aim) Aim(SentPacket packet)
    {
        bool isLoopback = packet.Destination.Address.IsLoopback,
            isOwn = isLoopback || cluster.Site.Own.Contains(packet.Destination.Address);
        foreach (PortPlan port in _ports.Where(port => port.Name.Protocol == packet.Protocol
            && port.Family == packet.Destination.Address.Family))
        {
            foreach (Frontend frontend in port.Frontends.Where(frontend => frontend.Port == packet.Destination.Port))
            {
                if (frontend.Kind == FrontendKind.NodePort ? isOwn : frontend.Address == packet.Destination.Address)
                    return (port, $"{frontend.Kind}{(isLoopback ? " on loopback" : "")}");
            }
        }
        return (null, packet.Protocol is IpProtocol.Icmp or IpProtocol.IcmpV6 ? "echo request"
            : isLoopback ? "loopback"
            : _ports.Any(port => port.ClusterBackends.Any(backend => backend.Endpoint == packet.Destination)) ? "endpoint"
            : "no service");
    }

    private TruthPacket Make(SentPacket packet, bool isFresh)
    {
        bool hasPorts = packet.Protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp;
        InetEndpoint destination = hasPorts ? packet.Destination : new(packet.Destination.Address, 0);
        var probe = new Probe(packet.Source, destination, packet.Protocol, TruthPackets.NextToken());
        if (packet.Protocol == IpProtocol.Tcp && random.Next(12) == 0)
            probe = probe with { TcpFlags = s_laterFlags[random.Next(s_laterFlags.Length)] };
        return new TruthPacket(packet.From, 0, probe, isFresh);
    }
}
