using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>Explained paths as text.</summary>
internal static class ExplainRenderer
{
    internal static void Print(ExplainAnswer answer, ChartOutput chart)
    {
        foreach (ExplainedServiceAnswer service in answer.Services)
            Print(service, chart);
    }

    private static void Print(ExplainedServiceAnswer service, ChartOutput chart)
    {
        chart.Line($"{service.Service}, {service.Protocol.ToRuleText()}", new Style(decoration: Decoration.Bold));
        foreach (string line in service.Facts)
            chart.Line($"  {line}");
        EndpointChoice? shown = null;
        var said = new HashSet<string>(StringComparer.Ordinal);
        foreach (ExplainedPathAnswer path in service.Paths)
        {
            chart.Line();
            chart.Line(char.ToUpperInvariant(path.Title[0]) + path.Title[1..], new Style(decoration: Decoration.Bold));
            PrintSteps(path, chart);
            // Most paths of a service choose from the same endpoints: they are listed once.
            if (path.Chooser is { } choice && (shown is null || !shown.Endpoints.SequenceEqual(choice.Endpoints)))
            {
                foreach (string line in ExplainText.Choice(choice))
                    chart.Line($"  {line}");
                shown = choice;
            }
            foreach (string sentence in path.Conclusions)
                chart.Line($"  {sentence}", new Style(Color.Green));
            foreach (string unknown in path.Unknown.Where(said.Add))
                chart.Line($"  unknown: {unknown}", new Style(Color.Yellow));
        }
        chart.Line();
    }

    private static void PrintSteps(ExplainedPathAnswer path, ChartOutput chart)
    {
        string hook = string.Empty;
        int number = 0;
        foreach (ExplainedStepAnswer step in path.Steps)
        {
            if (step.Hook != hook)
            {
                hook = step.Hook;
                chart.Line($"  {hook.ToUpperInvariant()}, to {step.Destination}");
            }
            string why = step.Why.Length == 0 ? "every packet" : step.Why;
            chart.Line($"  {Number(++number),2}. {step.Table} {step.Chain} rule {Number(step.Rule)}: {why}");
            chart.Line($"      {step.What}");
        }
        if (path.Steps.IsEmpty)
            chart.Line("  no rule matches");
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
