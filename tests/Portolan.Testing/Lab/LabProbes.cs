using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Packets;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>
/// Sends probes of every kind into a lab, from outside, from a pod or from the node itself in the name of any user, and reports where each
/// came out and what its sender was told. Runs on the lab's thread.
/// </summary>
public sealed class LabProbes : IDisposable
{
    /// <summary>
    /// A protocol that neither the kernel nor conntrack know anything of (ESP): its packets have no ports and no connections of their own.
    /// </summary>
    public const IpProtocol OtherProtocol = (IpProtocol)50;

    private readonly NodeLab _lab;
    private readonly Dictionary<(IpProtocol, InetAddress, uint), Socket> _sockets = [];
    private readonly Dictionary<uint, List<(string Device, SeenPacket Packet)>> _seen = [];

    /// <summary>Makes a sender for a lab.</summary>
    public LabProbes(NodeLab lab) => _lab = lab;

    /// <summary>True when sockets of other users than the present one can be made: not so in a user namespace that has but one.</summary>
    public static bool CanActForUsers { get; } = MayActForUsers();

    /// <summary>Sends all probes and returns what became of each, in order. Their tokens must not be neighbours.</summary>
    /// <param name="probes">The probes with their origins and, for those of the node, the user and group that send.</param>
    /// <param name="patience">How long to wait for what has not come out.</param>
    public ImmutableArray<ProbeEnd> Send(IReadOnlyList<(FlowOrigin Origin, uint User, Probe Probe)> probes, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(probes);
        _lab.Drain(static (_, _) => { });
        _seen.Clear();
        foreach ((FlowOrigin origin, uint user, Probe probe) in probes)
        {
            if (origin == FlowOrigin.Node)
            {
                SendFromNode(probe, user);
                continue;
            }
            foreach (byte[] packet in PacketWriter.WriteAll(probe))
                (origin == FlowOrigin.Pod ? _lab.Pod : _lab.External).Inject(packet);
        }
        long started = Stopwatch.GetTimestamp();
        do
        {
            _lab.Drain((device, packet) => SeenOf(packet.Token).Add((device, packet)));
            if (probes.All(probe => _seen.ContainsKey(probe.Probe.Token)))
                break;
            _lab.WaitForOutput(TimeSpan.FromMilliseconds(1));
        }
        while (Stopwatch.GetElapsedTime(started) < patience);
        // An ICMP error may be read before the delivery that caused it: look once more.
        _lab.Drain((device, packet) => SeenOf(packet.Token).Add((device, packet)));
        return [.. probes.Select(probe => Conclude(probe.Probe))];
    }

    public void Dispose()
    {
        foreach (Socket socket in _sockets.Values)
            socket.Dispose();
    }

    private List<(string Device, SeenPacket Packet)> SeenOf(uint token) =>
        _seen.TryGetValue(token, out List<(string, SeenPacket)>? list) ? list : _seen[token] = [];

    private ProbeEnd Conclude(Probe probe)
    {
        // A reset acknowledges a SYN and a FIN as one byte each, and is read as an answer to a SYN.
        List<(string Device, SeenPacket Packet)> ours = [.. _seen.GetValueOrDefault(probe.Token) ?? [],
            .. ((uint[])[probe.Token - 1, probe.Token + 1]).SelectMany(token => _seen.GetValueOrDefault(token) ?? [])
            .Where(static entry => entry.Packet is { IsReset: true, Kind: not SeenKind.IcmpError })];
        var came = ours.Where(entry => IsProbeItself(entry.Packet, probe)).ToList();
        if (came is [var (device, packet), ..])
        {
            return new ProbeEnd(device.Length == 0 ? PacketEnd.Delivered : PacketEnd.Forwarded, device, packet.Source, packet.Destination,
                came.Count > 1 && probe.Form == ProbeForm.Whole ? "came out more than once" : string.Empty);
        }
        // Refusals: an error about the probe, or a reset. The node's own stack refuses only what it was given, and that was seen above.
        string[] refusals = [.. ours.Where(static entry => entry.Packet.Kind == SeenKind.IcmpError || entry.Packet.IsReset)
            .Select(static entry => entry.Packet.Kind != SeenKind.IcmpError
            ? "reset" : string.Create(CultureInfo.InvariantCulture, $"icmp {entry.Packet.IcmpType.Type}/{entry.Packet.IcmpType.Code}"))
            .Distinct()];
        return refusals.Length == 0
            ? new ProbeEnd(PacketEnd.Vanished, string.Empty, default, default, string.Empty)
            : new ProbeEnd(PacketEnd.Refused, string.Empty, default, default, string.Join(" and ", refusals));
    }

    private static bool IsProbeItself(SeenPacket packet, Probe probe) => packet.Kind is SeenKind.Probe or SeenKind.Other
        && packet.Protocol == probe.Protocol
        && (packet.Protocol != IpProtocol.Tcp || packet.IsReset == ((probe.TcpFlags & PacketWriter.Reset) != 0))
        && packet.IcmpType.Type == (probe.Protocol switch
        {
            IpProtocol.Icmp => probe.IcmpType ?? 8,
            IpProtocol.IcmpV6 => probe.IcmpType ?? 128,
            _ => 0,
        });

    private void SendFromNode(Probe probe, uint user)
    {
        if (!_sockets.TryGetValue((probe.Protocol, probe.Source.Address, user), out Socket? socket))
            _sockets[(probe.Protocol, probe.Source.Address, user)] = socket = Open(probe.Protocol, probe.Source.Address, user);
        try
        {
            socket.SendTo(PacketWriter.Transport(probe), new IPEndPoint(probe.Destination.Address.ToIPAddress(), 0));
        }
        catch (SocketException)
        {
            // Rules that drop a packet of the node's own make its send fail; that nothing came out says so as well.
        }
    }

    private static Socket Open(IpProtocol protocol, InetAddress source, uint user)
    {
        // The kernel takes the owner of a socket from the thread that makes it; only the file system's idea of the user changes for that.
        _ = LinuxCalls.SetFileSystemGroup(user);
        _ = LinuxCalls.SetFileSystemUser(user);
        try
        {
            Socket socket = RawSocket.Open(source.Family, protocol);
            socket.Bind(new IPEndPoint(source.ToIPAddress(), 0));
            return socket;
        }
        finally
        {
            _ = LinuxCalls.SetFileSystemUser(0);
            _ = LinuxCalls.SetFileSystemGroup(0);
        }
    }

    private static bool MayActForUsers()
    {
        _ = LinuxCalls.SetFileSystemUser(12345);
        // Each call returns the user before it.
        return LinuxCalls.SetFileSystemUser(0) == 12345;
    }
}

/// <summary>What became of a probe.</summary>
/// <param name="End">How its way ended. Any refusal counts as refused, whatever the sender was told.</param>
/// <param name="Device">The device it left on, or empty.</param>
/// <param name="Source">Its source where it came out.</param>
/// <param name="Destination">Its destination where it came out.</param>
/// <param name="Note">Of a refusal: "icmp 3/3" or "reset". Otherwise what is odd, or empty.</param>
public readonly record struct ProbeEnd(PacketEnd End, string Device, InetEndpoint Source, InetEndpoint Destination, string Note)
{
    public override string ToString() => End switch
    {
        PacketEnd.Vanished => "nothing came out",
        PacketEnd.Refused => $"refused with {Note}",
        PacketEnd.Delivered => $"delivered to the node as {Source} -> {Destination} {Note}",
        _ => $"left on {Device} as {Source} -> {Destination} {Note}",
    };
}
