using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>Sends packets through the rules that are loaded, compares what the kernel did with what trace says, and keeps count.</summary>
internal sealed partial class TruthComparison(TruthSite site)
{
    private const int MostFailures = 5;

    // What has come out by then came out: the devices are served within the write, loopback a moment later.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    private readonly SortedDictionary<string, int> _unknown = new(StringComparer.Ordinal);

    internal int Packets { get; private set; }

    internal int Unknown { get; private set; }

    /// <summary>How many of each kind of end the kernel gave: a test that only ever drops would prove little.</summary>
    internal SortedDictionary<PacketEnd, int> Ends { get; } = [];

    /// <summary>The node's route_localnet, which trace is told.</summary>
    internal bool? RoutesLoopback { get; set; }

    /// <summary>The node's routes, which trace is told.</summary>
    internal Routes Routes { get; set; } = Routes.Unknown;

    /// <summary>How many packets are unknown for a reason that no listing settles: look-ups of routes, and the order of calls.</summary>
    internal int Unsettled => _unknown.Where(static pair => pair.Key.StartsWith("the node's routes", StringComparison.Ordinal)
        || pair.Key.StartsWith("in which order", StringComparison.Ordinal)).Sum(static pair => pair.Value);

    internal List<string> Failures { get; } = [];

    internal bool HasEnough => Failures.Count >= MostFailures;

    /// <summary>Sends packets; what became of each, in order.</summary>
    internal static ImmutableArray<ProbeEnd> Send(LabProbes probes, IReadOnlyList<TruthPacket> packets) =>
        probes.Send([.. packets.Select(packet => (packet.Origin, packet.User, packet.Probe))], s_patience);

    /// <summary>Judges what became of packets that were sent.</summary>
    /// <param name="simulator">trace over the rules that are loaded.</param>
    /// <param name="packets">The packets.</param>
    /// <param name="ends">What became of them.</param>
    /// <param name="describe">For a report: the rules.</param>
    internal void Judge(PacketSimulator simulator, IReadOnlyList<TruthPacket> packets, ImmutableArray<ProbeEnd> ends, Func<string> describe)
    {
        for (int index = 0; index < packets.Count && !HasEnough; index++)
            Judge(simulator, packets[index], ends[index], describe);
    }

    internal void Judge(PacketSimulator simulator, TruthPacket packet, ProbeEnd end, Func<string> describe)
    {
        Packets++;
        Ends[end.End] = Ends.GetValueOrDefault(end.End) + 1;
        TraceResult[] traces =
            [.. OutDevices(packet, end).Select(device => simulator.Trace(packet.Premise(device, RoutesLoopback, Routes)))];
        if (traces.FirstOrDefault(trace => trace.Outcomes.Any(outcome => outcome.Verdict == OutcomeVerdict.Unknown)) is { } unknown)
        {
            Unknown++;
            string reason = KindOf(unknown.Outcomes.First(outcome => outcome.Verdict == OutcomeVerdict.Unknown).Reason ?? string.Empty);
            _unknown[reason] = _unknown.GetValueOrDefault(reason) + 1;
        }
        if (traces.Any(trace => trace.Outcomes.Any(outcome => Fits(outcome, packet, end))))
            return;
        string traced = string.Join(" or ", traces.SelectMany(trace => trace.Outcomes).Select(Describe).Distinct());
        string paths = string.Join('\n', traces[0].Outcomes.Take(2).Select(Way));
        Failures.Add($"{packet}: the kernel: {end}; trace: {traced}\n{paths}\n{describe()}");
    }

    internal string Summary(string what)
    {
        string ends =
            string.Join(", ",
            Ends.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Value} {pair.Key.ToString().ToLowerInvariant()}")));
        string unknown = string.Join("", _unknown.OrderByDescending(pair => pair.Value)
            .Select(pair => string.Create(CultureInfo.InvariantCulture, $"\n    {pair.Value} {pair.Key}")));
        return string.Create(CultureInfo.InvariantCulture,
            $"{what}: {Packets} packets ({ends}), {Failures.Count} disagreements, {Unknown} unknown{unknown}");
    }

    /// <summary>
    /// The devices to tell trace. The node's own packet has one by its destination; one that passes through has the one it left by,
    /// and one that went nowhere may have been on its way to either.
    /// </summary>
    private string[] OutDevices(TruthPacket packet, ProbeEnd end)
    {
        if (packet.Origin == FlowOrigin.Node)
            return [site.PodRanges.Any(range => range.Contains(packet.Probe.Destination.Address))
                ? NodeLab.PodDevice : NodeLab.ExternalDevice];
        return end.End == PacketEnd.Forwarded ? [end.Device] : [NodeLab.ExternalDevice, NodeLab.PodDevice];
    }

    /// <summary>Whether an outcome is what the kernel did. What is unknown must have it among the ends it lists.</summary>
    private bool Fits(Outcome outcome, TruthPacket packet, ProbeEnd end)
    {
        bool isSame = outcome.Destination == end.Destination.Address
            && (outcome.DestinationPort is not { } port || port == end.Destination.Port) && end.Note.Length == 0;
        // A source that masquerading chose is one of the node's; otherwise it is what trace says.
        bool isSource = outcome.Source.Family == IpFamily.None
            ? site.Addresses.Known.Contains(end.Source.Address)
            : end.Source.Address == outcome.Source;
        return outcome.Verdict switch
        {
            OutcomeVerdict.Forward => end.End == PacketEnd.Forwarded && isSame && isSource,
            OutcomeVerdict.Local => end.End == PacketEnd.Delivered && isSame && isSource,
            OutcomeVerdict.Drop => end.End == PacketEnd.Vanished,
            OutcomeVerdict.Reject => end.End == PacketEnd.Refused && outcome.Reason == Refusal(end.Note),
            _ => outcome.Candidates.IsEmpty || outcome.Candidates.Any(candidate => Fits(candidate, packet, end)),
        };
    }

    private static string Refusal(string note) => note switch
    {
        "reset" => "TCP reset",
        "icmp 3/0" or "icmp 1/0" => "net unreachable",
        "icmp 3/1" or "icmp 1/3" => "host unreachable",
        "icmp 3/2" => "protocol unreachable",
        "icmp 3/3" or "icmp 1/4" => "port unreachable",
        "icmp 3/9" => "net prohibited",
        "icmp 3/10" => "host prohibited",
        "icmp 3/13" or "icmp 1/1" => "administratively prohibited",
        "icmp 1/5" => "policy fail",
        "icmp 1/6" => "reject route",
        _ => note,
    };

    private static string Describe(Outcome outcome) => OutcomeText.Of(outcome)
        + (outcome.Source.Family == IpFamily.None ? string.Empty : $" from {outcome.Source}")
        + (outcome.Candidates.IsEmpty ? string.Empty : $" [{string.Join(" | ", outcome.Candidates.Select(Describe))}]");

    private static string Way(Outcome outcome) => $"  way to '{OutcomeText.Of(outcome)}':\n"
        + string.Join('\n', outcome.Path.Select(step => step.Place is { } place
        ? $"    {place.Table.Name} {step.Hook} {place.Chain.Name} {place.Index + 1}: {place.Rule.Source.Text}"
        : $"    {step.Kind} {step.Hook} {step.Table?.Name} {step.Chain?.Name} {step.Text} {step.Destination}"));

    /// <summary>A reason without names and numbers, to count by.</summary>
    private static string KindOf(string reason)
    {
        int place = reason.IndexOf(" at ", StringComparison.Ordinal) is > 0 and var at
            ? at : reason.IndexOf(": ", StringComparison.Ordinal);
        string kind = place > 0 ? reason[..place] : reason;
        return QuotedName().Replace(kind, "'...'");
    }

    [GeneratedRegex("'[^']*'")]
    private static partial Regex QuotedName();
}
