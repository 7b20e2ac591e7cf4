using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>The proxy's rules are there, but nothing leads packets to them: somebody flushed a chain or removed the jump.</summary>
internal sealed class MissingEntryCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        Hook hook = question.Walk.Client == ClientPlace.Node ? Hook.Output : Hook.Prerouting;
        if (question.IsServed || !question.Walk.Obstacles.IsEmpty || question.Refusal is not null)
            return null;
        TableFamily family = question.Service.Family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6;
        foreach (RuleTable table in question.Rules.Tables)
        {
            if (table.IsExcerpt || table.Family != family || ServiceTables.EntryOf(table) is not { } entry
                || (question.Frontend.Place is { } place && place.Table != table))
                continue;
            bool isReached = question.Ends.Any(end => end.Path.Any(step => step.Hook == hook && step.Place is { } rule
                && rule.Table == table
                && (rule.Chain.Name == entry || ServiceChains.TargetOf(rule.Rule) == entry)));
            if (!isReached)
            {
                return new CauseFound("no-entry", "not translated",
                    $"nothing at hook {hook.ToString().ToLowerInvariant()} of table {table.Name} leads to {entry}, where the service's " +
                        "rules begin",
                    "somebody flushed the chain or removed the jump: restart the proxy, which writes it again");
            }
        }
        return null;
    }
}
