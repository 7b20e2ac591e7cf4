using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Answers;

/// <summary>What is wrong with the rules: the answer of check.</summary>
/// <param name="Findings">What was found.</param>
/// <param name="Limits">What was not checked, and why.</param>
public sealed record CheckAnswer(ImmutableArray<FindingAnswer> Findings, ImmutableArray<string> Limits)
{
    /// <summary>The answer for a checked ruleset.</summary>
    public static CheckAnswer Of(CheckResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return new CheckAnswer([.. result.Findings.Select(FindingAnswer.Of)], [.. result.Limits]);
    }
}

/// <summary>Something that is wrong.</summary>
/// <param name="Severity">"error", "warning" or "note".</param>
/// <param name="Code">A short name that does not change.</param>
/// <param name="Subject">What it is about: a service, a chain.</param>
/// <param name="Table">The table of the rule to blame; null, like the next four, when no single rule is.</param>
/// <param name="Chain">The rule's chain.</param>
/// <param name="Rule">The rule's number in its chain, from 1.</param>
/// <param name="Text">The rule as its tool prints it.</param>
/// <param name="Source">File and line that the rule was read from; empty where it has none.</param>
/// <param name="Explanation">What is wrong and what it does to traffic.</param>
/// <param name="Advice">What to do.</param>
public sealed record FindingAnswer(
    string Severity,
    string Code,
    string Subject,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Table,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Chain,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Rule,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Text,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Source,
    string Explanation,
    string Advice)
{
    internal static FindingAnswer Of(Finding finding) => new(
        finding.Severity.ToString().ToLowerInvariant(),
        finding.Code,
        finding.Subject,
        finding.Place?.Table.Name,
        finding.Place?.Chain.Name,
        finding.Place?.Index + 1,
        finding.Place is { } place ? RuleText.Of(place.Rule) : null,
        finding.Place?.Rule.Source.ToString(),
        finding.Explanation,
        finding.Advice);

    /// <summary>"nat KUBE-SERVICES rule 3 (dump.txt:12)"; null when no single rule is to blame.</summary>
    [JsonIgnore]
    public string? PlaceText => Table is null ? null : $"{Table} {Chain} rule {Rule}" + (string.IsNullOrEmpty(Source) ? string.Empty : $" ({Source})");
}
