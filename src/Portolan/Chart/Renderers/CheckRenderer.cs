using System.Globalization;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Checks;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>Findings as text, worst first, with a line that counts them.</summary>
internal static class CheckRenderer
{
    internal static void Print(CheckAnswer answer, ChartOutput chart)
    {
        foreach (FindingAnswer finding in answer.Findings)
        {
            Color color = finding.Severity switch
            {
                FindingSeverity.Error => Color.Red,
                FindingSeverity.Warning => Color.Yellow,
                _ => Color.Default,
            };
            chart.Line($"{finding.Severity.ToString().ToLowerInvariant()}: {finding.Subject}: {finding.Code}", new Style(color));
            if (finding.Place is { } place)
                chart.Line($"  rule  {place}: {finding.Text}");
            chart.Line($"  what  {finding.Explanation}");
            chart.Line($"  do    {finding.Advice}");
        }
        foreach (string limit in answer.Limits)
            chart.Line($"note: {limit}");
        string findings = answer.Findings.Length switch
        {
            0 => "No findings:",
            1 => "1 finding in",
            var count => $"{Number(count)} findings in",
        };
        chart.Line($"{findings} {Number(answer.ServicePortCount)} service ports, {Number(answer.RuleCount)} rules.");
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
