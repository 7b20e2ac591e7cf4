using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>A real packet as text, worded like explain.</summary>
internal static class WatchRenderer
{
    internal static void Print(WatchPacketAnswer answer, ChartOutput chart)
    {
        chart.Line();
        string service = answer.Service is { } name ? $"  [{name}]" : string.Empty;
        string headers = answer is { Protocol: { } protocol, From: { } from, To: { } to }
            ? $"{protocol.ToRuleText()} {from} -> {to}"
            : "headers not shown";
        chart.Line($"packet {Number(answer.Packet)}: {headers}{service}", new Style(decoration: Decoration.Bold));
        string? hook = null;
        int number = 0;
        foreach (WatchStepAnswer step in answer.Steps)
        {
            if (step.Shown is not { } shown)
                continue;
            if (step.Hook is { } at && at != hook)
            {
                hook = at;
                chart.Line($"  {hook.ToUpperInvariant()}");
            }
            chart.Line($"  {Number(++number),2}. {shown.Where}: {shown.Why}");
            if (shown.What.Length > 0)
                chart.Line($"      {shown.What}");
        }
        if (number == 0)
            chart.Line("  no rule matches");
        Color color = answer.Verdict switch { "forward" or "local" => Color.Green, "drop" or "reject" => Color.Red, _ => Color.Yellow };
        chart.Line($"  => {answer.Text}", new Style(color));
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
