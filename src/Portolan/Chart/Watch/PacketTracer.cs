using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Simulation;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;

namespace Portolan.Chart.Watch;

/// <summary>Collects the steps of traced packets and prints each packet's path as a whole, worded like explain.</summary>
internal sealed class PacketTracer(WatchedRules rules, ChartOutput chart, bool json, TimeProvider time)
{
    // The kernel reports the steps of one packet within microseconds. When nothing more is waiting to be read, a packet without new steps
    // has left without a trace, or its steps were lost; while events keep coming, its next step may be among them.
    private static readonly TimeSpan s_silence = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_silenceInNoise = TimeSpan.FromSeconds(5);

    private readonly Dictionary<uint, TracedPacket> _open = [];

    /// <summary>How many packets have been printed.</summary>
    internal int Packets { get; private set; }

    internal void Add(NfTraceEvent step)
    {
        bool isOurs = step.Table.Name.StartsWith(WatchedPackets.TablePrefix, StringComparison.Ordinal);
        bool isFirst = isOurs && step is { Chain: WatchedPackets.SelectChain, Kind: NfTraceKind.Rule, RuleHandle: not 0 };
        if (isFirst && _open.TryGetValue(step.Id, out TracedPacket? earlier))
            Close(earlier);
        if (!_open.TryGetValue(step.Id, out TracedPacket? packet))
        {
            // A packet whose first step was not seen belongs to another watch, or its first steps were lost.
            if (!isFirst)
                return;
            _open[step.Id] = packet = new TracedPacket(step.Id, time.GetTimestamp());
        }
        packet.Add(step, time.GetTimestamp());
        if (packet.End != TracedEnd.Open)
            Close(packet);
    }

    /// <summary>Prints the packets that have had no new step for a while.</summary>
    /// <param name="isQuiet">True when all pending events have been read.</param>
    internal void CloseSilent(bool isQuiet) =>
        Close(packet => time.GetElapsedTime(packet.LastStep) > (isQuiet ? s_silence : s_silenceInNoise));

    /// <summary>Prints what is left.</summary>
    internal void CloseAll() => Close(_ => true);

    private void Close(Func<TracedPacket, bool> which)
    {
        foreach (TracedPacket packet in _open.Values.Where(which).ToList())
            Close(packet);
    }

    private void Close(TracedPacket packet)
    {
        _open.Remove(packet.Id);
        Packets++;
        List<TracedStep> steps = Resolve(packet);
        WatchPacketAnswer answer = Answer(packet, steps, TracedConclusion.Of(packet, steps, rules.Input.Services));
        if (!json)
        {
            WatchRenderer.Print(answer, chart);
            return;
        }
        foreach (WatchStepAnswer step in answer.Steps)
        {
            if (step is WatchRuleAnswer rule)
                chart.Json(rule, AnswersJsonContext.Default.WatchRuleAnswer, isOneLine: true);
            else
                chart.Json(step, AnswersJsonContext.Default.WatchStepAnswer, isOneLine: true);
        }
        chart.Json(answer, AnswersJsonContext.Default.WatchPacketAnswer, isOneLine: true);
    }

    private List<TracedStep> Resolve(TracedPacket packet)
    {
        var steps = new List<TracedStep>();
        BaseChain? hook = null;
        foreach (NfTraceEvent step in packet.Steps)
        {
            RuleRef? place = rules.Find(step);
            hook = rules.HookOf(step) ?? hook;
            steps.Add(new TracedStep(Packets, step, hook, place, place is null ? null : rules.Input.Guide.ServiceOf(place)));
        }
        return steps;
    }

    private WatchPacketAnswer Answer(TracedPacket packet, List<TracedStep> steps, TracedConclusion conclusion) => new()
    {
        Packet = Packets,
        Verdict = conclusion.Verdict,
        Protocol = packet.Before?.Protocol,
        From = packet.Before?.SourceText,
        To = packet.Before?.DestinationText,
        Source = packet.After?.SourceText,
        Destination = packet.After?.DestinationText,
        Service = conclusion.Service,
        Masquerade = conclusion.IsMasqueraded,
        Text = conclusion.Text,
        Steps = [.. steps.Select(step => step.Answer(rules.Input.Guide))],
    };
}
