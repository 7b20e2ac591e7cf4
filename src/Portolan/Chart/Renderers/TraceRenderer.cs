using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Simulation;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>A traced packet as text: its ends with their probabilities, and the rules on the path to each.</summary>
internal static class TraceRenderer
{
    /// <param name="answer">The answer to print.</param>
    /// <param name="podRanges">Ranges of pod addresses: a packet from one is labelled "from a pod".</param>
    /// <param name="chart">Where it is printed.</param>
    internal static void Print(TraceAnswer answer, IReadOnlyCollection<InetPrefix> podRanges, ChartOutput chart)
    {
        if (answer.Packet is { } packet)
            chart.Line(Headline(packet, podRanges), new Style(decoration: Decoration.Bold));
        foreach (OutcomeGroupAnswer group in answer.Groups)
        {
            chart.Line();
            PrintGroup(group, chart, string.Empty);
            foreach (OutcomeGroupAnswer candidates in group.Candidates)
            {
                chart.Line("  it may be:");
                PrintGroup(candidates, chart, "  ");
            }
            foreach (string settling in group.SettledBy)
                chart.Line($"  what would settle it: {settling}");
        }
        if (!answer.Notes.IsEmpty)
            chart.Line();
        foreach (string note in answer.Notes)
            chart.Line($"note: {note}");
        if (answer.Replies is { } replies)
            PrintReplies(replies, podRanges, chart);
    }

    private static void PrintReplies(ImmutableArray<ReplyAnswer> replies, IReadOnlyCollection<InetPrefix> podRanges, ChartOutput chart)
    {
        chart.Line();
        if (replies.IsEmpty)
            chart.Line("No reply: the packet reaches nobody who could send one.", new Style(decoration: Decoration.Bold));
        foreach (ReplyAnswer reply in replies)
        {
            chart.Line($"The reply of {string.Join(", ", reply.From)}{(reply.From.Length > 1 ? ", shown for the first" : string.Empty)}",
                new Style(decoration: Decoration.Bold));
            if (reply.Trace is { } trace)
                Print(trace, podRanges, chart);
        }
    }

    private static string Headline(PacketSpec packet, IReadOnlyCollection<InetPrefix> podRanges)
    {
        string sender = packet.IsFromNode ? "sent by this node"
            : podRanges.Any(range => range.Contains(packet.Source)) ? "from a pod"
            : packet.InInterface is { } device ? $"in via {device}" : "arriving";
        string destination = packet is { HasPorts: true, DestinationPort: { } port }
            ? new InetEndpoint(packet.Destination, port).ToString()
            : packet.Destination.ToString();
        string state = packet.State.ToString().ToLowerInvariant();
        return $"{packet.Protocol.ToRuleText()} {packet.Source} -> {destination}, {state}, {sender}{PacketOptions.Describe(packet)}";
    }

    // All ends first, then their shared path, once, with the rules of each end in their place.
    private static void PrintGroup(OutcomeGroupAnswer group, ChartOutput chart, string indent)
    {
        Color color = group.Verdict switch
        {
            OutcomeVerdict.Forward or OutcomeVerdict.Local => Color.Green,
            OutcomeVerdict.Unknown => Color.Yellow,
            _ => Color.Red,
        };
        foreach (string end in group.Ends)
            chart.Line(indent + end, new Style(color));
        PrintSteps(group.First, chart, indent);
        foreach (OutcomeBranchAnswer branch in group.Branches)
        {
            chart.Line($"{indent}    to {branch.Destination}:");
            PrintSteps(branch.Steps, chart, indent + "  ");
        }
        PrintSteps(group.Last, chart, indent);
    }

    private static void PrintSteps(ImmutableArray<PathStepAnswer> steps, ChartOutput chart, string indent)
    {
        foreach (PathStepAnswer step in steps)
        {
            switch (step.Kind)
            {
                case PathStepKind.Hook:
                    chart.Line($"{indent}  {step.Hook.ToString().ToLowerInvariant()}");
                    break;
                case PathStepKind.Rule:
                    string service = step.Service is { } name ? $"  [{name}]" : string.Empty;
                    string number = step.Rule?.ToString(CultureInfo.InvariantCulture) ?? string.Empty;
                    chart.Line($"{indent}    {step.Table} {step.Chain} {number}: {step.Text}{service}");
                    break;
                case PathStepKind.Policy:
                    chart.Line($"{indent}    {step.Table} {step.Chain}: {step.Text}");
                    break;
                case PathStepKind.VirtualServer:
                    chart.Line($"{indent}    ipvs: {step.Text}");
                    break;
                default:
                    chart.Line($"{indent}    routing: {step.Text}");
                    break;
            }
        }
    }
}
