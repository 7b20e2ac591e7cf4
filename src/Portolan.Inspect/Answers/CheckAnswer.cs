using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>check</c>: what is wrong with the rules.</summary>
public sealed record CheckAnswer
{
    /// <summary>The findings, worst first.</summary>
    public required ImmutableArray<FindingAnswer> Findings { get; init; }

    /// <summary>What was not checked and why; a clean result does not cover it.</summary>
    public required ImmutableArray<string> Limits { get; init; }

    /// <summary>How many service ports were checked.</summary>
    [JsonIgnore]
    public int ServicePortCount { get; init; }

    /// <summary>How many rules were checked.</summary>
    [JsonIgnore]
    public int RuleCount { get; init; }

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>The answer for what a check of these rules found.</summary>
    public static CheckAnswer Of(CheckResult result, Ruleset rules, ServiceCatalogue services, AnswerInput? input = null)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(services);
        return new CheckAnswer
        {
            Findings = [.. result.Findings.Select(FindingAnswer.Of)],
            Limits = result.Limits,
            ServicePortCount = services.Services.Length,
            RuleCount = rules.Tables.Sum(table => table.Chains.Sum(chain => chain.Rules.Length)),
            Input = input,
        };
    }
}
