using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>A rule of a listing, with what it means.</summary>
public sealed record RuleAnswer
{
    /// <summary>The table's family.</summary>
    public required TableFamily Family { get; init; }

    /// <summary>The table's name.</summary>
    public required string Table { get; init; }

    /// <summary>The chain's name.</summary>
    public required string Chain { get; init; }

    /// <summary>What the chain is for; null when that is not known.</summary>
    public required string? Purpose { get; init; }

    /// <summary>The rule's number in its chain, from 1.</summary>
    public required int Rule { get; init; }

    /// <summary>The service port that the rule is about, or null.</summary>
    public required string? Service { get; init; }

    /// <summary>The rule as it was read.</summary>
    public required string Text { get; init; }

    /// <summary>The rule in words.</summary>
    public required string Meaning { get; init; }

    /// <summary>Packets that matched it, as the input counts them; null without counters.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ulong? Packets { get; init; }

    /// <summary>Their bytes; null without counters.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ulong? Bytes { get; init; }

    /// <summary>Where the rule was read: "file:line", or empty.</summary>
    public required string Source { get; init; }

    /// <summary>The answer for one rule.</summary>
    public static RuleAnswer Of(RuleRef place, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(place);
        ArgumentNullException.ThrowIfNull(guide);
        return new RuleAnswer
        {
            Family = place.Table.Family,
            Table = place.Table.Name,
            Chain = place.Chain.Name,
            Purpose = guide.PurposeOf(place.Chain.Name),
            Rule = place.Index + 1,
            Service = guide.ServiceOf(place),
            Text = RuleText.Of(place.Rule),
            Meaning = RuleDescription.Of(place.Rule, guide),
            Packets = place.Rule.Counters?.Packets,
            Bytes = place.Rule.Counters?.Bytes,
            Source = place.Rule.Source.ToString(),
        };
    }
}
