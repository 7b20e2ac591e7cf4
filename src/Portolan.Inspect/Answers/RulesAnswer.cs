using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Answers;

/// <summary>Rules with what they are for: the answer of rules.</summary>
/// <param name="Rules">The rules, in the order of their chains.</param>
public sealed record RulesAnswer(ImmutableArray<RuleAnswer> Rules)
{
    /// <summary>The answer for the given rules.</summary>
    public static RulesAnswer Of(IEnumerable<RuleRef> places, ChainGuide guide) => new([.. places.Select(place => RuleAnswer.Of(place, guide))]);
}

/// <summary>An annotated rule.</summary>
/// <param name="Family">The table's family as nft names it: "ip", "ip6", "inet".</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Purpose">What the chain is for; null when it is not known.</param>
/// <param name="Rule">The rule's number in its chain, from 1.</param>
/// <param name="Service">The service that the rule belongs to; null for none.</param>
/// <param name="Text">The rule as its tool prints it.</param>
/// <param name="Meaning">The rule in words.</param>
/// <param name="Packets">Packets counted; null where the input has no counters.</param>
/// <param name="Bytes">Bytes counted; null where the input has no counters.</param>
/// <param name="Source">File and line that the rule was read from; empty where it has none.</param>
public sealed record RuleAnswer(
    string Family,
    string Table,
    string Chain,
    string? Purpose,
    int Rule,
    string? Service,
    string Text,
    string Meaning,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ulong? Packets,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ulong? Bytes,
    string Source)
{
    internal static RuleAnswer Of(RuleRef place, ChainGuide guide) => new(
        place.Table.Family.ToString().ToLowerInvariant(),
        place.Table.Name,
        place.Chain.Name,
        guide.PurposeOf(place.Chain.Name),
        place.Index + 1,
        guide.ServiceOf(place),
        RuleText.Of(place.Rule),
        RuleDescription.Of(place.Rule, guide),
        place.Rule.Counters?.Packets,
        place.Rule.Counters?.Bytes,
        place.Rule.Source.ToString());
}
