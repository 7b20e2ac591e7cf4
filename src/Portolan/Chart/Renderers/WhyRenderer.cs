using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>Diagnoses as text: the verdict, the cause, what would mend it; clients with the same cause together.</summary>
internal static class WhyRenderer
{
    internal static void Print(WhyAnswer answer, bool isVerbose, ChartOutput chart)
    {
        bool isFirst = true;
        foreach (var same in answer.Diagnoses.GroupBy(item => (item.Subject, item.State, item.Verdict, item.Cause)))
        {
            if (!isFirst)
                chart.Line();
            isFirst = false;
            DiagnosisAnswer first = same.First();
            Color color = first.State switch
            {
                DiagnosisState.Fails => Color.Red,
                DiagnosisState.Works => Color.Green,
                _ => Color.Yellow,
            };
            string when = first.When is null ? string.Empty : $" if {first.When}";
            string clients = string.Join(" and ", same.Select(item => item.Client).Distinct());
            chart.Line($"{first.Subject} {clients}: {first.Verdict}{when}", new Style(color, decoration: Decoration.Bold));
            if (first.Cause is { } cause)
            {
                string rule = first.Rule is null ? string.Empty
                    : $" ({(cause.Contains(first.Rule, StringComparison.Ordinal) ? "" : first.Rule + ", ")}"
                        + $"{(first.Writer is { } writer ? $"probably of {writer}" : "writer unknown")}"
                        + $"{(first.Source is { } source ? $", {source}" : "")})";
                chart.Line($"  cause: {first.Code}: {cause}{rule}");
                chart.Line($"  mend:  {first.Mend}");
            }
            if (isVerbose && first.Evidence is { } evidence)
                TraceRenderer.Print(evidence, [], chart);
        }
        foreach (string note in answer.Notes)
            chart.Line($"note: {note}");
    }
}
