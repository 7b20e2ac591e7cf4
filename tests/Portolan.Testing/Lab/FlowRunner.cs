using System.Collections.Immutable;
using System.Diagnostics;
using Portolan.Inet;
using Portolan.Testing.Packets;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>Sends a flow's packets and finds out what becomes of each. Runs on the lab's thread.</summary>
public sealed class FlowRunner(NodeLab lab)
{
    // The devices' queues hold 500 packets.
    private const int PacketsInFlight = 128;

    // Nothing comes late from the devices; over loopback a packet may wait for its turn on the processor.
    private static readonly TimeSpan s_silence = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_patience = LabPatience.Factor * TimeSpan.FromMilliseconds(200);

    private readonly List<(string Device, SeenPacket Packet)> _seen = [];
    private readonly Dictionary<(InetEndpoint Client, InetEndpoint Server), uint> _opened = [];
    private int _freshPort = 20000;

    public ImmutableArray<PacketOutcome> Run(ScenarioFlow flow, Expectation expectation)
    {
        int packets = flow.PacketsFor(expectation);
        TimeSpan patience = expectation is Dropped ? s_silence : s_patience;
        var outcomes = ImmutableArray.CreateBuilder<PacketOutcome>(packets);
        if (flow.From == FlowOrigin.Node)
        {
            for (int number = 0; number < packets; number++)
                outcomes.Add(Send(new(SourceOf(flow, number), flow.SourcePort), new(flow.Destination, flow.DestinationPort), flow.Protocol,
                    flow.CheckReply, patience));
            return outcomes.ToImmutable();
        }
        if (flow.Connection == FlowConnection.GoesOn)
            return [GoOn(flow.From, new(SourceOf(flow, 0), flow.SourcePort), new(flow.Destination, flow.DestinationPort))];
        for (int done = 0; done < packets; done += PacketsInFlight)
        {
            ImmutableArray<Probe> probes = [.. Enumerable.Range(done, Math.Min(PacketsInFlight, packets - done)).Select(number => new Probe(
                new(SourceOf(flow, number), flow.SourcePort == 0 ? FreshPort() : flow.SourcePort),
                new(flow.Destination, flow.DestinationPort), flow.Protocol, lab.NextToken()))];
            outcomes.AddRange(Inject(flow.From, probes, flow.CheckReply, patience));
            if (flow.Connection == FlowConnection.Opens)
            {
                _opened[(probes[0].Source, probes[0].Destination)] = probes[0].Token;
                GoOn(flow.From, probes[0].Source, probes[0].Destination);
            }
        }
        return outcomes.ToImmutable();
    }

    /// <summary>Puts probes on a device, all at once, and returns their outcomes in order.</summary>
    public IEnumerable<PacketOutcome> Inject(FlowOrigin origin, ImmutableArray<Probe> probes, bool checkReply, TimeSpan patience)
    {
        lab.Drain(static (_, _) => { });
        _seen.Clear();
        foreach (Probe probe in probes)
            (origin == FlowOrigin.Pod ? lab.Pod : lab.External).Inject(PacketWriter.Write(probe));
        Collect(patience, () => probes.All(probe => _seen.Any(entry => entry.Packet.Token == probe.Token)));
        ImmutableArray<(PacketOutcome Outcome, SeenPacket? Reached)> outcomes =
            [.. probes.Select(probe => Conclude(probe.Source, probe.Destination, entry => entry.Token == probe.Token))];
        if (!checkReply)
            return outcomes.Select(static entry => entry.Outcome);

        foreach ((PacketOutcome outcome, SeenPacket? reached) in outcomes)
        {
            if (outcome.End == PacketEnd.Forwarded)
                Answer(outcome.Device, reached!);
        }
        Collect(s_patience, () => outcomes.All(entry => entry.Outcome.End != PacketEnd.Forwarded || FindReply(entry.Reached!) is not null));
        return outcomes.Select(entry => entry.Outcome with { ReplyFault = ReplyFault(entry.Outcome, entry.Reached) });
    }

    /// <summary>Has the node itself send a packet, from an address and port of its choice where the source names none.</summary>
    public PacketOutcome Send(InetEndpoint source, InetEndpoint destination, IpProtocol protocol, bool checkReply, TimeSpan patience)
    {
        lab.Drain(static (_, _) => { });
        _seen.Clear();
        uint token = lab.NextToken();
        using var sender = new NodeSender(source.Address, source.Port, destination, protocol, token);
        // The kernel makes a SYN's sequence number, but no other connection starts meanwhile.
        Func<SeenPacket, bool> isOurs = protocol == IpProtocol.Tcp
            ? static packet => packet.Protocol == IpProtocol.Tcp && packet.Kind != SeenKind.Other
            : packet => packet.Token == token;
        Collect(patience, () => _seen.Any(entry => isOurs(entry.Packet)));
        (PacketOutcome outcome, SeenPacket? reached) = Conclude(sender.Source, destination, isOurs);
        if (outcome.End == PacketEnd.Vanished && sender.Failure is { } failure)
            outcome = outcome with { Note = failure.ToString() };
        if (outcome.End != PacketEnd.Forwarded || !checkReply)
            return outcome;
        Answer(outcome.Device, reached!);
        long started = Stopwatch.GetTimestamp();
        while (!sender.HasReply())
        {
            if (Stopwatch.GetElapsedTime(started) > s_patience)
                return outcome with { ReplyFault = "its reply did not come back to the socket that sent it" };
            lab.WaitForOutput(TimeSpan.FromMilliseconds(1));
        }
        return outcome;
    }

    // The client acknowledges the endpoint's answer, once more and again: a segment without data may be repeated.
    private PacketOutcome GoOn(FlowOrigin origin, InetEndpoint client, InetEndpoint server)
    {
        if (!_opened.TryGetValue((client, server), out uint token))
            throw new InvalidOperationException($"No flow opened a connection from {client} to {server}.");
        lab.Drain(static (_, _) => { });
        _seen.Clear();
        var segment = new Probe(client, server, IpProtocol.Tcp, token + 1)
        {
            TcpFlags = Probe.Ack,
            Acknowledges = (token | Probe.ReplyBit) + 1,
        };
        (origin == FlowOrigin.Pod ? lab.Pod : lab.External).Inject(PacketWriter.Write(segment));
        bool IsOurs(SeenPacket packet) => packet.Protocol == IpProtocol.Tcp && packet.Token == segment.Token && !packet.IsReset;
        Collect(s_patience, () => _seen.Any(entry => IsOurs(entry.Packet)));
        return Conclude(client, server, IsOurs, SeenKind.Other).Outcome;
    }

    private (PacketOutcome Outcome, SeenPacket? Reached) Conclude(InetEndpoint source, InetEndpoint destination,
        Func<SeenPacket, bool> isOurs, SeenKind kind = SeenKind.Probe)
    {
        var outcome = new PacketOutcome { SentFrom = source, SentTo = destination, End = PacketEnd.Vanished };
        var ours = _seen.Where(entry => isOurs(entry.Packet)).ToList();
        // A packet to the node itself from the node passes no device; one that leaves is not delivered as well.
        var came = ours.Where(entry => entry.Packet.Kind == kind).ToList();
        if (came.Count > 1)
            return (outcome with { End = PacketEnd.Odd, Note = "came out more than once: " + string.Join("; ", came.Select(Describe)) },
                null);
        if (came is [var (device, packet)])
        {
            outcome = outcome with
            {
                End = device.Length == 0 ? PacketEnd.Delivered : PacketEnd.Forwarded,
                Device = device,
                Source = packet.Source,
                Destination = packet.Destination,
            };
            // Over loopback the kernel leaves checksums for a device to fill in; on a device they must be right.
            return packet.ChecksumIsRight || device.Length == 0
                ? (outcome, packet)
                : (outcome with { End = PacketEnd.Odd, Note = $"came out damaged: {Describe(came[0])}" }, null);
        }
        var errors = ours.Where(static entry => entry.Packet.Kind == SeenKind.IcmpError).ToList();
        if (errors.Count == 0)
            return (outcome, null);
        return errors.TrueForAll(static entry => entry.Packet.IsPortUnreachable)
            ? (outcome with { End = PacketEnd.Refused }, null)
            : (outcome with { End = PacketEnd.Odd, Note = string.Join("; ", errors.Select(Describe)) }, null);
    }

    private string? ReplyFault(PacketOutcome outcome, SeenPacket? reached)
    {
        // Of what reached the node itself, TCP is answered with a reset; UDP's answer is an ICMP error, which is no reply.
        if (reached is null || (outcome.End == PacketEnd.Delivered && reached.Protocol != IpProtocol.Tcp))
            return null;
        if (FindReply(reached) is not { } reply)
            return "its reply did not come back";
        return reply.Source == outcome.SentTo && reply.Destination == outcome.SentFrom
            ? null
            : $"its reply came back as {reply}, not from {outcome.SentTo} to {outcome.SentFrom}";
    }

    private SeenPacket? FindReply(SeenPacket reached) => _seen
        .Where(entry => entry.Device.Length > 0 && entry.Packet.Kind == SeenKind.Reply && entry.Packet.Token == reached.Token)
        .Select(static entry => entry.Packet)
        .FirstOrDefault();

    private void Answer(string device, SeenPacket reached) =>
        (device == NodeLab.PodDevice ? lab.Pod : lab.External).Inject(PacketWriter.WriteReply(reached));

    private void Collect(TimeSpan patience, Func<bool> isComplete)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            lab.Drain((device, packet) => _seen.Add((device, packet)));
            TimeSpan left = patience - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return;
            if (isComplete())
                break;
            lab.WaitForOutput(left);
        }
        // An ICMP error may be read before the delivery that caused it: look once more.
        lab.Drain((device, packet) => _seen.Add((device, packet)));
    }

    private static InetAddress SourceOf(ScenarioFlow flow, int number) =>
        flow.Sources.IsEmpty ? default : flow.Sources[number % flow.Sources.Length];

    private ushort FreshPort()
    {
        _freshPort = _freshPort >= 60000 ? 20000 : _freshPort + 1;
        return (ushort)_freshPort;
    }

    private static string Describe((string Device, SeenPacket Packet) entry) =>
        $"{entry.Packet} {(entry.Device.Length == 0 ? "delivered to the node" : "on " + entry.Device)}";
}
