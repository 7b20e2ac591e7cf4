using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>Why a client does not get a service's answer.</summary>
/// <param name="Code">A short name that does not change: "no-ready-endpoint".</param>
/// <param name="Verdict">What the client sees, in words that follow the question: "rejected", "dropped", "goes elsewhere".</param>
/// <param name="Text">The cause, a sentence without its end.</param>
/// <param name="Mend">What would mend it.</param>
public sealed record CauseFound(string Code, string Verdict, string Text, string Mend)
{
    /// <summary>The rule that decides; null when none does.</summary>
    public RuleRef? Place { get; init; }

    /// <summary>"nat KUBE-SERVICES rule 3", "the policy of filter FORWARD"; null when no rule decides.</summary>
    public string? PlaceText { get; init; }

    /// <summary>Who has probably written the rule; null when nothing tells.</summary>
    public string? Writer { get; init; }

    /// <summary>When it is so, in words that follow "if"; empty when always.</summary>
    public string When { get; init; } = string.Empty;

    /// <summary>The same with the rule that decides and its writer.</summary>
    internal CauseFound At(RuleRef? place) => place is null ? this : this with
    {
        Place = place,
        PlaceText = NameOf(place),
        Writer = RuleOwners.Of(place),
    };

    /// <summary>"nat KUBE-SERVICES rule 3".</summary>
    internal static string NameOf(RuleRef place) => string.Create(System.Globalization.CultureInfo.InvariantCulture,
        $"{place.Table.Name} {place.Chain.Name} rule {place.Index + 1}");
}
