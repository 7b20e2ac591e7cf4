using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>rules</c>: the annotated listing.</summary>
public sealed record RulesAnswer
{
    /// <summary>The rules, in the order of the input.</summary>
    public required ImmutableArray<RuleAnswer> Rules { get; init; }

    /// <summary>The same rules by chain, with what each chain is for.</summary>
    [JsonIgnore]
    public ImmutableArray<ChainAnswer> Chains { get; init; } = [];

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>The answer for the rules of a selection.</summary>
    /// <param name="places">The rules.</param>
    /// <param name="guide">Names of chains.</param>
    /// <param name="input">What was read.</param>
    /// <param name="start">The first rule of each chain to show, from 1.</param>
    /// <param name="most">How many rules of each chain to show at most.</param>
    public static RulesAnswer Of(
        IEnumerable<RuleRef> places, ChainGuide guide, AnswerInput? input = null, int start = 1, int most = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(guide);
        var chains = ImmutableArray.CreateBuilder<ChainAnswer>();
        foreach (IGrouping<(RuleTable Table, Chain Chain), RuleRef> group in places.GroupBy(place => (place.Table, place.Chain)))
        {
            (RuleTable table, Chain chain) = group.Key;
            List<RuleRef> rules = [.. group.Where(rule => rule.Index + 1 >= start)];
            chains.Add(new ChainAnswer
            {
                Backend = table.Backend,
                Family = table.Family,
                Table = table.Name,
                Chain = chain.Name,
                Base = chain.Base,
                Purpose = guide.PurposeOf(chain.Name),
                Rules = [.. rules.Take(most).Select(rule => RuleAnswer.Of(rule, guide))],
                Omitted = Math.Max(0, rules.Count - most),
            });
        }
        return new RulesAnswer { Rules = [.. chains.SelectMany(chain => chain.Rules)], Chains = chains.ToImmutable(), Input = input };
    }
}
