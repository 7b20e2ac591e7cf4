using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;

namespace Portolan.Chart;

/// <summary>portolan rules: the annotated listing.</summary>
internal static class RulesCommand
{
    // A chain of ten thousand rules is useless on a terminal.
    private const int PageLength = 50;

    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var name = new Argument<string?>("chain-or-service")
        {
            Description = "Show this chain, or the rules of this service.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var table = new Option<string?>("--table", "-t") { Description = "Only this table (nat, filter, ...).", HelpName = "TABLE" };
        var from = new Option<int>("--start")
        {
            Description = "The first rule of each chain to show.",
            DefaultValueFactory = _ => 1,
            HelpName = "N",
        };
        var all = new Option<bool>("--all") { Description = "Show long chains in full." };
        var command = new Command("rules", "List rules with what each chain is for and which service or endpoint each rule belongs to.\n\n"
            + "Example: portolan rules -t nat KUBE-SERVICES --start 51")
        {
            name, table, from, all,
        };
        options.CompleteServices(name);
        options.AddTo(command);
        options.Run(command, (parsed, chart) =>
        {
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            RuleSelection selection = RuleSelection.Of(input.Rules, input.Services, input.Guide, parsed.GetValue(table),
                parsed.GetValue(name));
            if (selection.Places.IsEmpty)
            {
                ImmutableArray<string> near = parsed.GetValue(name) is { } wanted
                    ? RuleSelection.Suggest(input.Rules, input.Services, wanted) : [];
                chart.Error("No rule matches." + (near.IsEmpty ? string.Empty : $" Did you mean {string.Join(" or ", near)}?"));
                return ExitStatus.Findings;
            }
            if (parsed.GetValue(options.Json))
            {
                chart.Json(RulesAnswer.Of(selection.Places, input.Guide, input.ReportedInput),
                    AnswersJsonContext.Default.RulesAnswer);
            }
            else
            {
                int start = parsed.GetValue(from);
                int most = selection.IsOfService || parsed.GetValue(all) ? int.MaxValue : PageLength;
                RulesRenderer.Print(RulesAnswer.Of(selection.Places, input.Guide, input.ReportedInput, start, most), start, chart);
            }
            return input.AnsweredStatus;
        });
        return command;
    }
}
