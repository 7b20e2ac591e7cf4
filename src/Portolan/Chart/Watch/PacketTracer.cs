using System.Globalization;
using System.Text.Json;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;
using Spectre.Console;

namespace Portolan.Chart.Watch;

/// <summary>Gathers the steps of traced packets and prints each packet's way as a whole, in the words of explain.</summary>
internal sealed class PacketTracer(WatchedRules rules, ChartOutput chart, bool json, TimeProvider time)
{
    // The kernel tells the steps of one packet within microseconds. Where nothing more is waiting to be read, a packet that has been silent
    // for a while has gone without a trace, or its steps were lost; where events keep coming, its next step may be among them.
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SilenceInNoise = TimeSpan.FromSeconds(5);

    private readonly Dictionary<uint, TracedPacket> _open = [];

    /// <summary>How many packets have been printed.</summary>
    internal int Packets { get; private set; }

    internal void Add(NfTraceEvent step)
    {
        bool isOurs = step.Table.Name.StartsWith(WatchedPackets.TablePrefix, StringComparison.Ordinal);
        bool isFirst = isOurs && step is { Chain: WatchedPackets.SelectChain, Kind: NfTraceKind.Rule, RuleHandle: not 0 };
        if (isFirst && _open.TryGetValue(step.Id, out TracedPacket? earlier))
            Close(earlier);
        if (!_open.TryGetValue(step.Id, out TracedPacket? way))
        {
            // A packet whose beginning was not seen is another watch's, or its first steps were lost.
            if (!isFirst)
                return;
            _open[step.Id] = way = new TracedPacket(step.Id, time.GetTimestamp());
        }
        way.Add(step, time.GetTimestamp());
        if (way.End != TracedEnd.Open)
            Close(way);
    }

    /// <summary>Prints the packets that have been silent for a while.</summary>
    /// <param name="isQuiet">True when all events there are have been read.</param>
    internal void CloseSilent(bool isQuiet) => Close(way => time.GetElapsedTime(way.LastStep) > (isQuiet ? Silence : SilenceInNoise));

    /// <summary>Prints what is left.</summary>
    internal void CloseAll() => Close(_ => true);

    private void Close(Func<TracedPacket, bool> which)
    {
        foreach (TracedPacket way in _open.Values.Where(which).ToList())
            Close(way);
    }

    private void Close(TracedPacket way)
    {
        _open.Remove(way.Id);
        Packets++;
        List<TracedStep> steps = Resolve(way);
        var conclusion = TracedConclusion.Of(way, steps, rules.Input.Services);
        if (json)
        {
            foreach (TracedStep step in steps)
                PrintJson(step);
            PrintJson(way, conclusion);
        }
        else
        {
            Print(way, steps, conclusion);
        }
    }

    private List<TracedStep> Resolve(TracedPacket way)
    {
        var steps = new List<TracedStep>();
        BaseChain? hook = null;
        foreach (NfTraceEvent step in way.Steps)
        {
            RuleRef? place = rules.Find(step);
            hook = rules.HookOf(step) ?? hook;
            steps.Add(new TracedStep(Packets, step, hook, place, place is null ? null : rules.Input.Guide.ServiceOf(place)));
        }
        return steps;
    }

    private void Print(TracedPacket way, List<TracedStep> steps, TracedConclusion conclusion)
    {
        chart.Line();
        string service = conclusion.Service is { } name ? $"  [{name}]" : string.Empty;
        chart.Line($"packet {Packets.ToString(CultureInfo.InvariantCulture)}: {way.Before?.ToString() ?? "headers not shown"}{service}", new Style(decoration: Decoration.Bold));
        Hook? shown = null;
        int number = 0;
        // The end of a chain says nothing that the next step does not.
        foreach (TracedStep step in steps.Where(step => step.Event is { Kind: NfTraceKind.Rule, RuleHandle: not 0 } || step.IsDrop))
        {
            if (step.Hook is { } hook && hook.Hook != shown)
                chart.Line($"  {(shown = hook.Hook).ToString()!.ToUpperInvariant()}");
            chart.Line($"  {(++number).ToString(CultureInfo.InvariantCulture),2}. {step.Where}: {step.Why(rules.Input.Guide)}");
            if (step.What(rules.Input.Guide) is { Length: > 0 } what)
                chart.Line($"      {what}");
        }
        if (number == 0)
            chart.Line("  no rule matches");
        Color color = way.End switch { TracedEnd.Left or TracedEnd.Delivered => Color.Green, TracedEnd.Dropped => Color.Red, _ => Color.Yellow };
        chart.Line($"  => {conclusion.Text}", new Style(color));
    }

    private static void PrintJson(TracedStep step)
    {
        string kind = step.Event.Kind.ToString().ToLowerInvariant();
        string? hook = step.Hook?.Hook.ToString().ToLowerInvariant();
        string? verdict = step.Event.Verdict?.ToString() ?? step.Event.Policy?.ToString().ToLowerInvariant();
        string line = step.Place is { } place
            ? JsonSerializer.Serialize(
                new WatchRuleStep(
                    step.Packet, kind, hook, step.Event.Table.Name, step.Event.Chain, verdict, place.Index + 1, step.Service, RuleText.Of(place.Rule)),
                AnswersJsonContext.Default.WatchRuleStep)
            : JsonSerializer.Serialize(
                new WatchStep(step.Packet, kind, hook, step.Event.Table.Name, step.Event.Chain, verdict), AnswersJsonContext.Default.WatchStep);
        Console.Out.WriteLine(line);
    }

    private void PrintJson(TracedPacket way, TracedConclusion conclusion) => Console.Out.WriteLine(JsonSerializer.Serialize(
        new WatchEnd(
            Packets,
            "end",
            conclusion.Verdict,
            way.Before is { } headers ? Inet.IpProtocols.ToRuleText(headers.Protocol) : null,
            way.Before?.SourceText,
            way.Before?.DestinationText,
            way.After?.SourceText,
            way.After?.DestinationText,
            conclusion.Service,
            conclusion.IsMasqueraded,
            conclusion.Text),
        AnswersJsonContext.Default.WatchEnd));
}
