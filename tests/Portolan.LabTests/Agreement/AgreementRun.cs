using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.LabTests.Truth;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Packets;
using Portolan.Testing.Plans;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Agreement;

/// <summary>Where plan, kernel content and packets did not agree.</summary>
/// <param name="Round">The round, from 0.</param>
/// <param name="Packet">The packet; null when the kernel's content as a whole was at fault.</param>
/// <param name="What">In the first line what is wrong, then what each of them said.</param>
internal sealed record Disagreement(int Round, SentPacket? Packet, string What)
{
    /// <summary>What is wrong, without the details.</summary>
    internal string Kind => What.Split('\n')[0];
}

/// <summary>Lives through one history with a plane on a real kernel and compares after every round.</summary>
internal sealed class AgreementRun : IDisposable
{
    private const int PacketsPerOrigin = 30;
    private const int NodePackets = 12;

    // Nothing comes late from the devices. Over loopback a packet that is to arrive may wait for its turn on the processor.
    private static readonly TimeSpan s_silence = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);

    private static readonly ImmutableArray<InetAddress> s_addresses = Objects.Addresses("192.168.0.2", "203.0.113.3", "2001:db8::1");
    private static readonly ImmutableArray<InetAddress> s_moreAddresses = Objects.Addresses("192.168.0.9", "2001:db8::9");
    private static readonly ImmutableArray<InetAddress> s_loopback = Objects.Addresses("127.0.0.1");
    private static readonly ImmutableArray<InetPrefix> s_podRanges = Objects.Prefixes("10.180.0.0/16", "fd00:10:180::/64");

    private readonly ProxyVariant _variant;
    private readonly History _history;
    private readonly Tally _tally;
    private readonly Random _random;
    private readonly NodeLab _lab;
    private readonly FlowRunner _runner;
    private readonly ClientMemory _memory;
    private readonly HashSet<(ServicePortName Port, InetAddress Client)> _guests = [];
    private readonly List<ClusterEvent> _events = [];
    private readonly List<Round> _lived = [];
    private ServiceTable _table;
    private readonly PlaneOnNode _plane;
    private PlanOracle _walk;
    private AddressPlan _facts = AddressPlan.None;
    private ushort _sourcePort = 10000;
    private uint _token = 0x1000_0000;

    private AgreementRun(ProxyVariant variant, History history, int seed, Tally tally)
    {
        (_variant, _history, _tally, _random) = (variant, history, tally, new Random(seed));
        _memory = new(outlivesTimeouts: variant.Mode == ProxyMode.IpTables);
        _lab = new NodeLab("agreement", s_addresses, s_podRanges);
        // The kernel limits the refusals it sends over all destinations as well; before Linux 6.11 that limit is not the namespace's to
        // change.
        _lab.Namespace.Run(static () =>
            Tool.TryRun("sysctl", ["-q", "-w", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=1000000"]));
        _runner = new FlowRunner(_lab);
        _plane = new PlaneOnNode(variant, history, _lab.Namespace);
        _table = Synced([]);
        _walk = new PlanOracle(_table, NodeNow(), variant);
    }

    /// <summary>Runs a history until something does not agree.</summary>
    /// <param name="variant">The plane that serves the cluster.</param>
    /// <param name="history">The history.</param>
    /// <param name="seed">Chooses the packets of rounds that have none yet.</param>
    /// <param name="tally">Counts what is tried.</param>
    /// <param name="lived">The history as far as it went, with the packets that were sent.</param>
    /// <returns>Null when all agreed.</returns>
    internal static Disagreement? Run(ProxyVariant variant, History history, int seed, Tally tally, out History lived)
    {
        using var run = new AgreementRun(variant, history, seed, tally);
        Disagreement? found = null;
        for (int round = 0; round < history.Rounds.Length && found is null; round++)
            found = run.Live(round, history.Rounds[round]);
        found ??= run.CompareWithScratch();
        lived = history with { Rounds = [.. run._lived] };
        return found;
    }

    public void Dispose()
    {
        _plane.Dispose();
        _lab.Dispose();
    }

    private Disagreement? Live(int number, Round round)
    {
        if (round.HasMoreAddresses)
            _lab.AddAddresses(s_moreAddresses);
        else
            _lab.RemoveAddresses(s_moreAddresses);
        _facts = FactsIn(round);
        _lived.Add(round with { Packets = [] });
        if (Change(round) is { } refused)
            return new(number, null, refused);

        _walk.Node = NodeNow();
        _lab.FlushConntrack();
        _guests.Clear();
        PacketSimulator simulator = Simulator();
        ImmutableArray<SentPacket> packets = round.Packets.IsDefault ? Pick() : round.Packets;
        _lived[^1] = round with { Packets = packets };
        foreach (IGrouping<FlowOrigin, SentPacket> sent in packets.GroupBy(static packet => packet.From))
        {
            foreach ((SentPacket packet, PacketOutcome outcome) in Send(sent.Key, [.. sent]))
            {
                if (Judge(packet, outcome, simulator) is { } fault)
                    return new(number, packet, fault);
            }
        }
        return null;
    }

    private string? Change(Round round)
    {
        // Without a change of the cluster the node may have changed.
        bool isOneDelta = round.AtOnce || round.Restarts || round.Changes.IsEmpty;
        foreach (ClusterEvent[] delta in isOneDelta ? [[.. round.Changes]] : round.Changes.Select(static change => new[] { change }))
        {
            _events.AddRange(delta);
            if (round.Restarts)
            {
                _tally.Count("restarts");
                _plane.Restart();
                _table = Synced(ClusterGen.FinalState(_events));
                _walk = new PlanOracle(_table, NodeNow(), _variant);
            }
            else
            {
                foreach (ClusterEvent change in delta)
                    _table.Apply(change);
            }
            SyncReport report = _plane.Apply(_table.DrainAt(_facts));
            if (!report.IsInForce || !report.Refusals.IsEmpty)
                return $"the kernel refused: {string.Join("; ", report.Refusals)}";
            _memory.Follow(_table);
        }
        return null;
    }

    private ImmutableArray<SentPacket> Pick()
    {
        var picker = new PacketPicker(_random, _table, _walk.Node) { TriesLoopbackFromWires = true };
        return
        [
            .. Enumerable.Range(0, PacketsPerOrigin).Select(_ => picker.Next(FlowOrigin.External, ++_sourcePort)),
            .. Enumerable.Range(0, PacketsPerOrigin).Select(_ => picker.Next(FlowOrigin.Pod, ++_sourcePort)),
            .. Enumerable.Range(0, NodePackets).Select(_ => picker.Next(FlowOrigin.Node, ++_sourcePort)),
        ];
    }

    private IEnumerable<(SentPacket, PacketOutcome)> Send(FlowOrigin from, ImmutableArray<SentPacket> packets)
    {
        if (from == FlowOrigin.Node)
        {
            return packets.Select(packet =>
            {
                TimeSpan patience = Ends(packet)[0].End == PacketEnd.Vanished ? s_silence : s_patience;
                return (packet,
                    _lab.Namespace.Run(() =>
                    _runner.Send(packet.Source, packet.Destination, packet.Protocol, checkReply: false, patience)));
            });
        }
        ImmutableArray<Probe> probes =
            [.. packets.Select(packet => new Probe(packet.Source, packet.Destination, packet.Protocol, ++_token))];
        bool anyVanishes = packets.Any(packet => Ends(packet)[0].End == PacketEnd.Vanished);
        PacketOutcome[] outcomes = _lab.Namespace.Run(() =>
            _runner.Inject(from, probes, checkReply: false, anyVanishes ? s_silence : s_patience).ToArray());
        return packets.Zip(outcomes);
    }

    /// <summary>Plan against packet, kernel content against packet, and kernel content against plan.</summary>
    private string? Judge(SentPacket packet, PacketOutcome outcome, PacketSimulator simulator)
    {
        ImmutableArray<PlannedEnd> ends = Ends(packet);
        TraceResult trace = simulator.Trace(Premise(packet));
        string Told() => $"{packet}\n  the packet: {outcome}\n  the plan: {string.Join(" or ", ends.Select(Describe).Distinct())}\n"
            + $"  the kernel's content: {string.Join(" or ", trace.Outcomes.Select(OutcomeText.Of))}";

        PlannedEnd? met = ends.FirstOrDefault(end => IsSame(end, outcome));
        if (met is null)
            return $"The packet did what the plan does not say.\n{Told()}";
        if (met.Plan is { } plan)
        {
            IReadOnlySet<InetEndpoint> allowed = _memory.Among(plan, packet.Source.Address, ends.Select(static end => end.Destination));
            if (!allowed.Contains(met.Destination))
                return $"The client left the endpoint it had been with, {string.Join(" or ", allowed)}.\n{Told()}";
            if (allowed.Count < ends.Length)
                _tally.Count("kept with their endpoint");
            _memory.Note(plan, packet.Source.Address, met.Destination);
        }
        // Rules do not say whether a loopback address can be reached from a wire. And a client whom several endpoints remember goes to the
        // first of them: after another packet of this round that may be another one than when the content was read.
        bool isIntruder = packet.From != FlowOrigin.Node && packet.Destination.Address.IsLoopback;
        bool isBack = met.Plan is { AffinitySeconds: > 0 } served && !_guests.Add((served.Name, packet.Source.Address));
        if (isIntruder || isBack)
        {
            _tally.Count(outcome, met);
            return null;
        }
        if (!trace.Outcomes.Any(said => ends.Any(end => IsSame(end, outcome) && IsSame(end, said, packet))))
            return $"The packet did what the kernel's content does not say.\n{Told()}";
        if (trace.Outcomes.FirstOrDefault(said => !ends.Any(end => IsSame(end, said, packet))) is not null)
            return $"The kernel's content says what the plan does not.\n{Told()}";
        // Where the kernel remembers the client its content names one endpoint; else every one the plan has.
        if (met.Plan is null or { AffinitySeconds: 0 } && ends.Any(end => !trace.Outcomes.Any(said => IsSame(end, said, packet))))
            return $"The plan says what the kernel's content does not.\n{Told()}";
        _tally.Count(outcome, met);
        return null;
    }

    private ImmutableArray<PlannedEnd> Ends(SentPacket packet) =>
        _walk.Ends(packet.From, packet.Device, packet.Source, packet.Destination, packet.Protocol);

    private bool IsSame(PlannedEnd end, PacketOutcome outcome) => end.End == outcome.End
        && (end.End is not (PacketEnd.Forwarded or PacketEnd.Delivered)
            || (end.Destination == outcome.Destination && IsSameSource(end, outcome.SentFrom.Address, outcome.Source.Address)));

    private bool IsSame(PlannedEnd end, Outcome said, SentPacket packet) => said.Verdict switch
    {
        OutcomeVerdict.Drop => end.End == PacketEnd.Vanished,
        OutcomeVerdict.Reject => end.End == PacketEnd.Refused,
        OutcomeVerdict.Forward or OutcomeVerdict.Local =>
            end.End == (said.Verdict == OutcomeVerdict.Local ? PacketEnd.Delivered : PacketEnd.Forwarded)
            && end.Destination == new InetEndpoint(said.Destination, said.DestinationPort ?? 0)
            && (said.Source.Family == IpFamily.None ? end.IsMasqueraded
                || IsOwn(packet.Source.Address) : IsSameSource(end, packet.Source.Address, said.Source)),
        _ => false,
    };

    // An address of the node that is rewritten to one of the node's may look as if it had been kept. A loopback address does not.
    private bool IsSameSource(PlannedEnd end, InetAddress sent, InetAddress seen) =>
        (end.IsMasqueraded || IsOwn(sent) ? IsOwn(seen) : seen == sent) && !(end.IsMasqueraded && seen.IsLoopback);

    private bool TakesLoopback => _variant.Mode == ProxyMode.IpTables && _history.TakesLoopback;

    private bool IsOwn(InetAddress address) => address.IsLoopback || _lab.Addresses.Contains(address);

    private Disagreement? CompareWithScratch()
    {
        using var scratch = new NetworkNamespace("scratch");
        using var plane = new PlaneOnNode(_variant, _history, scratch);
        plane.Apply(Synced(ClusterGen.FinalState(_events)).DrainAt(_facts));
        // Rules that no service asks for any more leave with it, which is no news.
        if (_plane.Reconcile() is { Transactions: > 0 } wrong)
        {
            return new(_lived.Count - 1, null,
                $"Where all is right, a comparison with the kernel wrote {wrong.Written} and removed {wrong.Removed}.");
        }
        string[] atOnce = plane.Held(), bySteps = _plane.Held();
        if (!atOnce.SequenceEqual(bySteps))
        {
            string[] more = [.. bySteps.Except(atOnce)], less = [.. atOnce.Except(bySteps)];
            if (more.Length + less.Length == 0)
                (more, less) =
                    ([bySteps.Zip(atOnce).FirstOrDefault(static pair => pair.First != pair.Second).First + " in this place"], []);
            return new(_lived.Count - 1, null, "Step by step the kernel holds something else than from scratch.\n  only step by step: "
                + $"{string.Join("\n    ", more)}\n  only from scratch: {string.Join("\n    ", less)}");
        }
        return null;
    }

    private ServiceTable Synced(IEnumerable<ClusterEvent> state)
    {
        var table = new ServiceTable(_history.Policy);
        foreach (ClusterEvent item in state)
            table.Apply(item);
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    private AddressPlan FactsIn(Round round)
    {
        ImmutableArray<InetAddress> addresses = [.. s_addresses, .. round.HasMoreAddresses ? s_moreAddresses : []];
        bool IsOpen(InetAddress address) => address.Family == IpFamily.IPv4 ? round.IsOpenIPv4 : round.IsOpenIPv6;
        IEnumerable<InetAddress> chosen = addresses.Where((address, index) => IsOpen(address) || (round.NodePortChoice >> index & 1) != 0);
        return new AddressPlan([.. chosen.Concat(TakesLoopback ? s_loopback : []).Order()], [.. addresses.Order()])
        {
            NodePortsOnAllIPv4 = round.IsOpenIPv4,
            NodePortsOnAllIPv6 = round.IsOpenIPv6,
        };
    }

    private PlanOracleNode NodeNow() =>
        new([.. _facts.LocalAddresses], _facts.NodePortAddresses, s_podRanges) { NodePortsOnAllIPv4 = _facts.NodePortsOnAllIPv4 };

    private PacketSimulator Simulator() =>
        _lab.Namespace.Run(() => _plane.Reading.Simulate(new TruthSite([.. _facts.LocalAddresses], s_podRanges)).Simulator);

    private PacketSpec Premise(SentPacket packet) => new()
    {
        Source = packet.Source.Address,
        Destination = packet.Destination.Address,
        Protocol = packet.Protocol,
        SourcePort = packet.Source.Port,
        DestinationPort = packet.Destination.Port,
        IsFromNode = packet.From == FlowOrigin.Node,
        InInterface = packet.From == FlowOrigin.Node ? null : packet.Device,
        RoutesLoopback = _lab.Namespace.Run(static () => File.ReadAllText("/proc/sys/net/ipv4/conf/all/route_localnet").Trim() == "1"),
    };

    private static string Describe(PlannedEnd end) => end.End switch
    {
        PacketEnd.Forwarded or PacketEnd.Delivered => $"{end.End} to {end.Destination}{(end.IsMasqueraded ? ", masqueraded" : "")}",
        _ => end.End.ToString(),
    };
}
