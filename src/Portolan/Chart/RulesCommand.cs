using System.CommandLine;
using System.Globalization;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Spectre.Console;

namespace Portolan.Chart;

/// <summary>portolan rules: the annotated listing.</summary>
internal static class RulesCommand
{
    // A chain of ten thousand rules helps nobody on a terminal.
    private const int PageLength = 50;

    internal static Command Create()
    {
        var options = new ChartOptions();
        var name = new Argument<string?>("chain-or-service") { Description = "Show this chain, or the rules of this service.", Arity = ArgumentArity.ZeroOrOne };
        var table = new Option<string?>("--table", "-t") { Description = "Only this table (nat, filter, ...).", HelpName = "TABLE" };
        var from = new Option<int>("--start") { Description = "The first rule of each chain to show.", DefaultValueFactory = _ => 1, HelpName = "N" };
        var all = new Option<bool>("--all") { Description = "Show long chains in full." };
        var command = new Command("rules", "List rules with what each chain is for and which service or endpoint each rule belongs to.\n\n"
            + "Example: portolan rules -t nat KUBE-SERVICES --start 51")
        {
            name, table, from, all,
        };
        options.CompleteServices(name);
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            var chart = new ChartOutput();
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            List<RuleRef> places = Select(input, parsed.GetValue(table), parsed.GetValue(name), out bool isService);
            if (places.Count == 0)
            {
                var names = input.Rules.Tables.SelectMany(item => item.Chains).Select(chain => chain.Name)
                    .Concat(input.Services.Services.Select(service => service.Service ?? service.Id)).Distinct();
                string[] near = parsed.GetValue(name) is { } wanted ? [.. Suggestions.Nearest(wanted, names)] : [];
                chart.Error("No rule fits." + (near.Length > 0 ? $" Did you mean {string.Join(" or ", near)}?" : string.Empty));
                return ExitStatus.Findings;
            }
            if (parsed.GetValue(options.Json))
                ChartOutput.Json(RulesAnswer.Of(places, input.Guide), AnswersJsonContext.Default.RulesAnswer);
            else
                Print(places, isService || parsed.GetValue(all) ? int.MaxValue : PageLength, parsed.GetValue(from), input.Guide, chart);
            return input.AnsweredStatus;
        });
        return command;
    }

    /// <summary>The rules of a chain or of a service; all of them without a name.</summary>
    private static List<RuleRef> Select(ChartInput input, string? table, string? name, out bool isService)
    {
        var tables = input.Rules.Tables.Where(item => table is null || item.Name == table).ToList();
        bool isChain = name is not null && tables.Exists(item => item.FindChain(name) is not null);
        isService = name is not null && !isChain;
        HashSet<string> services = isService ? [.. input.Services.Find(name!).Select(service => service.DisplayName)] : [];
        var places = new List<RuleRef>();
        foreach (RuleTable item in tables)
        {
            foreach (Chain chain in item.Chains.Where(chain => !isChain || chain.Name == name))
            {
                for (int index = 0; index < chain.Rules.Length; index++)
                {
                    var place = new RuleRef(item, chain, index);
                    if (name is null || isChain || (input.Guide.ServiceOf(place) is { } service && services.Contains(service)))
                        places.Add(place);
                }
            }
        }
        return places;
    }

    private static void Print(List<RuleRef> places, int pageLength, int start, ChainGuide guide, ChartOutput chart)
    {
        foreach (IGrouping<(RuleTable Table, Chain Chain), RuleRef> group in places.GroupBy(place => (place.Table, place.Chain)))
        {
            (RuleTable table, Chain chain) = group.Key;
            string hook = chain.Base is { } place ? $" ({place.Hook.ToString().ToLowerInvariant()}, priority {Number(place.Priority)}, policy {place.Policy.ToString().ToLowerInvariant()})" : string.Empty;
            string purpose = guide.PurposeOf(chain.Name) is { } words ? $": {words}" : string.Empty;
            // Tables of iptables are told apart by their names; those of nftables may have one name in several families.
            string family = table.Backend == RuleBackend.Nftables ? $"{table.Family.ToString().ToLowerInvariant()} " : string.Empty;
            chart.Line($"{family}{table.Name} {chain.Name}{hook}{purpose}", new Style(decoration: Decoration.Bold));
            List<RuleRef> rules = [.. group.Where(rule => rule.Index + 1 >= start)];
            foreach (RuleRef rule in rules.Take(pageLength))
            {
                string counters = rule.Rule.Counters is { Packets: > 0 } count ? $"  {count.Packets.ToString(CultureInfo.InvariantCulture)} packets" : string.Empty;
                string text = RuleText.Of(rule.Rule), annotation = Annotation(rule, guide);
                // A rule that came as bytes has no text but ours.
                bool isOneText = annotation.EndsWith(text, StringComparison.Ordinal);
                chart.Line($"  {Number(rule.Index + 1),4}  {(isOneText ? annotation + counters : text)}");
                if (!isOneText)
                    chart.Line($"        {annotation}{counters}", new Style(Color.Grey));
            }
            if (rules.Count > pageLength)
                chart.Line($"        ... {Number(rules.Count - pageLength)} more; --start {Number(start + pageLength)} shows the next, --all every one");
            chart.Line();
        }
    }

    private static string Annotation(RuleRef place, ChainGuide guide)
    {
        string? service = guide.ServiceOf(place);
        string explanation = RuleDescription.Of(place.Rule, guide);
        return service is null ? explanation : $"{service}: {explanation}";
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
