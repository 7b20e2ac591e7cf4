using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>A step of a traced packet's path.</summary>
public sealed record PathStepAnswer
{
    /// <summary>What happened. The path of an end has rules, policies and what IPVS did.</summary>
    [JsonIgnore]
    public PathStepKind Kind { get; init; }

    /// <summary>At which hook.</summary>
    public required Hook Hook { get; init; }

    /// <summary>The table's name; null for what IPVS did.</summary>
    public required string? Table { get; init; }

    /// <summary>The chain's name; null for what IPVS did.</summary>
    public required string? Chain { get; init; }

    /// <summary>The rule's number in its chain, from 1; null for steps that no rule made.</summary>
    public required int? Rule { get; init; }

    /// <summary>The service port that the rule is about, or null.</summary>
    public required string? Service { get; init; }

    /// <summary>The rule as it was read, or what happened.</summary>
    public required string Text { get; init; }

    /// <summary>Where the rule was read: "file:line"; null when that is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Source { get; init; }

    /// <summary>The answer for one step.</summary>
    public static PathStepAnswer Of(PathStep step, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(guide);
        return new PathStepAnswer
        {
            Kind = step.Kind,
            Hook = step.Hook,
            Table = (step.Table ?? step.Place?.Table)?.Name,
            Chain = (step.Chain ?? step.Place?.Chain)?.Name,
            Rule = step.Place?.Index + 1,
            Service = step.Place is { } rule ? guide.ServiceOf(rule) : null,
            Text = step.Place is { } place ? RuleText.Of(place.Rule) : step.Kind == PathStepKind.Policy ? "policy drop" : step.Text,
            Source = step.Place?.Rule.Source.ToString() is { Length: > 0 } source ? source : null,
        };
    }
}
