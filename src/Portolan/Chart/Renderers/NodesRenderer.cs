using System.Globalization;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Spectre.Console;

namespace Portolan.Chart.Renderers;

/// <summary>The answer of all nodes as text: one line that counts, then each group that does not work with its cause.</summary>
internal static class NodesRenderer
{
    internal static void Print(NodesAnswer answer, ChartOutput chart)
    {
        DiagnosisState worst = answer.Groups.IsEmpty ? DiagnosisState.Unknown : answer.Groups[0].State;
        if (worst == DiagnosisState.Works && !answer.Silent.IsEmpty)
            worst = DiagnosisState.Unknown;
        string subject = answer.What is { } what ? $"{what}: " : string.Empty;
        chart.Line(subject + answer.Summary, new Style(ColorOf(worst), decoration: Decoration.Bold));
        foreach (NodeGroup group in answer.Groups.Where(static group => !group.Items.IsEmpty))
        {
            chart.Line();
            chart.Line($"{NodesAnswer.Names(group.Nodes)}:", new Style(ColorOf(group.State)));
            string words = group.WordsOf is { } node ? $" (words of {node})" : string.Empty;
            foreach (NodeItem item in group.Items)
                Print(item, words, chart);
        }
        if (!answer.Silent.IsEmpty)
        {
            chart.Line();
            chart.Line("Nothing is known of:", new Style(Color.Yellow));
            foreach (SilentNode node in answer.Silent)
                chart.Line($"  {node.Node}: {node.Reason}");
        }
        if (answer.Limit is { } limit)
            chart.Line($"note: {limit}");
        chart.Line(string.Create(CultureInfo.InvariantCulture, $"{answer.Answered} of {answer.Asked} nodes answered."));
    }

    private static void Print(NodeItem item, string words, ChartOutput chart)
    {
        string when = item.When is null ? string.Empty : $" if {item.When}";
        chart.Line(item.Verdict == NodesAnswer.NotServed ? $"  {item.Subject}: {item.Code}"
            : item.Client is null ? $"  {item.Verdict}: {item.Subject}: {item.Code}"
            : $"  {item.Subject} {item.Client}: {item.Verdict}{when}");
        if (item.Cause is { Length: > 0 } cause)
        {
            string rule = item.Rule is null || cause.Contains(item.Rule, StringComparison.Ordinal) ? string.Empty : $" ({item.Rule}" +
                $"{(item.Writer is { } writer ? $", probably of {writer}" : "")})";
            chart.Line($"    cause: {(item.Client is null ? "" : $"{item.Code}: ")}{cause}{rule}{words}");
        }
        if (item.Mend is { } mend)
            chart.Line($"    mend:  {mend}");
    }

    private static Color ColorOf(DiagnosisState state) => state switch
    {
        DiagnosisState.Fails => Color.Red,
        DiagnosisState.Works => Color.Green,
        _ => Color.Yellow,
    };
}
