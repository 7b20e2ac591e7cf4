using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Testing.Lab;
using Portolan.Testing.Packets;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>A packet of the property test: what is sent, and what is told to trace about it.</summary>
/// <param name="Origin">Where it comes from.</param>
/// <param name="User">For one of the node's own: the user and group that send it.</param>
/// <param name="Probe">The packet.</param>
/// <param name="IsFresh">True when no packet of its source has met the rules before.</param>
internal sealed record TruthPacket(FlowOrigin Origin, uint User, Probe Probe, bool IsFresh)
{
    /// <summary>What trace is told.</summary>
    /// <param name="outDevice">The device the packet would leave by.</param>
    /// <param name="routesLoopback">The node's route_localnet; null for not told.</param>
    /// <param name="routes">The node's routes; null for not told.</param>
    internal PacketSpec Premise(string? outDevice, bool? routesLoopback = null, Routes? routes = null) => new()
    {
        Source = Probe.Source.Address,
        Destination = Probe.Destination.Address,
        Protocol = Probe.Protocol,
        SourcePort = HasPorts ? Probe.Source.Port : null,
        DestinationPort = HasPorts ? Probe.Destination.Port : null,
        TcpFlags = (TcpFlags)Probe.TcpFlags,
        IcmpType = Probe.IcmpType,
        IsLaterFragment = Probe.Form == ProbeForm.LaterFragment,
        IsFromNode = Origin == FlowOrigin.Node,
        InInterface = Origin switch { FlowOrigin.Pod => NodeLab.PodDevice, FlowOrigin.External => NodeLab.ExternalDevice, _ => null },
        OutInterface = outDevice,
        UserId = Origin == FlowOrigin.Node ? User : null,
        GroupId = Origin == FlowOrigin.Node ? User : null,
        ClientIsFresh = IsFresh,
        RoutesLoopback = routesLoopback,
        Routes = routes ?? Routes.Unknown,
    };

    public override string ToString() => $"{Origin} {Probe.Protocol} {Probe.Source} -> {Probe.Destination}"
        + (Probe.Protocol == IpProtocol.Tcp && Probe.TcpFlags != Probe.Syn ? $" flags {(TcpFlags)Probe.TcpFlags}" : string.Empty)
        + (Probe.IcmpType is { } type ? $" type {type}" : string.Empty)
        + (Probe.Form == ProbeForm.Whole ? string.Empty : $" {Probe.Form}")
        + (Origin == FlowOrigin.Node ? $" user {User}" : string.Empty);

    private bool HasPorts => Probe.Protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp && Probe.Form != ProbeForm.LaterFragment;
}

/// <summary>Makes random packets. No two of one batch share a connection, and each source outside and pod sends one packet.</summary>
internal sealed class TruthPackets(Random random, TruthWorld world)
{
    private static readonly ushort[] s_ports = [53, 80, 443, 444, 450, 8080];
    private static readonly byte[] s_flags = [0x10, 0x04, 0x11, 0x29, 0xc2, 0x00, 0x03, 0x18];
    private static uint s_token;

    private bool _isOtherSent;
    private int _number;

    internal TruthPacket Next(FlowOrigin origin, bool hasConntrack = true)
    {
        int number = ++_number;
        InetAddress source = InetAddress.Parse(origin switch
        {
            FlowOrigin.External => world.External(1 + number % 200),
            FlowOrigin.Pod => world.Pod(20 + number % 200),
            _ => world.Node,
        });
        IpProtocol icmp = world.IsIPv4 ? IpProtocol.Icmp : IpProtocol.IcmpV6;
        IpProtocol protocol = random.Next(16)
            switch
        { < 8 => IpProtocol.Tcp, < 12 => IpProtocol.Udp, 12 => IpProtocol.Sctp, < 15 => icmp, _ => LabProbes.OtherProtocol };
        string[] destinations = world.PacketDestinations;
        string destination = destinations[random.Next(destinations.Length)];
        // Without ports there is one connection between two addresses, and two that are translated to the same address get in each
        // other's way (the kernel drops the second): one such packet to a ruleset.
        if (protocol == LabProbes.OtherProtocol && _isOtherSent)
            protocol = IpProtocol.Udp;
        _isOtherSent |= protocol == LabProbes.OtherProtocol;
        bool hasPorts = protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp;
        ushort port = protocol == LabProbes.OtherProtocol ? (ushort)0 : (ushort)(1024 + number * 2 + (int)origin * 5000);
        var probe = new Probe(
            new InetEndpoint(source, port),
            new InetEndpoint(InetAddress.Parse(destination), hasPorts ? s_ports[random.Next(s_ports.Length)] : (ushort)0),
            protocol,
            NextToken())
        {
            TcpFlags = protocol == IpProtocol.Tcp && random.Next(5) == 0 ? s_flags[random.Next(s_flags.Length)] : Probe.Syn,
            IcmpType = protocol == icmp && random.Next(2) == 0 ? Pick(world.IsIPv4 ? [13, 0, 14, 17] : [129, 130]) : null,
            Form = protocol == IpProtocol.Udp && world.IsIPv4 && origin != FlowOrigin.Node && random.Next(8) == 0
                ? hasConntrack ? ProbeForm.InFragments : ProbeForm.LaterFragment : ProbeForm.Whole,
        };
        uint user = origin == FlowOrigin.Node && LabProbes.CanActForUsers ? random.Next(3) switch { 0 => 0u, 1 => 1000u, _ => 1001u } : 0;
        return new TruthPacket(origin, user, probe, IsFresh: origin != FlowOrigin.Node);
    }

    /// <summary>A token for a probe, unlike all before and no neighbour of one.</summary>
    internal static uint NextToken() => Interlocked.Add(ref s_token, 4);

    private byte Pick(byte[] choices) => choices[random.Next(choices.Length)];
}
