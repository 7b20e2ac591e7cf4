using System.Text.Json.Serialization;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Answers;

/// <summary>Something that is wrong with the rules. The fields of the rule are null where no single rule is to blame.</summary>
public sealed record FindingAnswer
{
    /// <summary>How bad it is.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>A stable short name: "missing-chain".</summary>
    public required string Code { get; init; }

    /// <summary>What it is about: a service, a chain.</summary>
    public required string Subject { get; init; }

    /// <summary>The table of the rule to blame.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Table { get; init; }

    /// <summary>Its chain.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Chain { get; init; }

    /// <summary>Its number in the chain, from 1.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Rule { get; init; }

    /// <summary>The rule as it was read.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Text { get; init; }

    /// <summary>Where the rule was read: "file:line", or empty.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Source { get; init; }

    /// <summary>What is wrong and what it does to traffic.</summary>
    public required string Explanation { get; init; }

    /// <summary>What to do.</summary>
    public required string Advice { get; init; }

    /// <summary>"nat KUBE-SERVICES rule 3 (dump.txt:12)"; null where no single rule is to blame.</summary>
    [JsonIgnore]
    public string? Place { get; init; }

    /// <summary>The answer for one finding.</summary>
    public static FindingAnswer Of(Finding finding)
    {
        ArgumentNullException.ThrowIfNull(finding);
        return new FindingAnswer
        {
            Severity = finding.Severity,
            Code = finding.Code,
            Subject = finding.Subject,
            Table = finding.Place?.Table.Name,
            Chain = finding.Place?.Chain.Name,
            Rule = finding.Place?.Index + 1,
            Text = finding.Place is { } place ? RuleText.Of(place.Rule) : null,
            Source = finding.Place?.Rule.Source.ToString(),
            Explanation = finding.Explanation,
            Advice = finding.Advice,
            Place = finding.Place?.ToString(),
        };
    }
}
