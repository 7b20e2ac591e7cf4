using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>Something that keeps a packet from a service's endpoints.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Place">The rule; null for a policy.</param>
/// <param name="Table">The table of the rule or policy.</param>
/// <param name="Chain">The chain of the rule or policy.</param>
/// <param name="End">How the packet ends.</param>
/// <param name="When">When it does so, in words that follow "if", any of them being enough; empty when always.</param>
public sealed record Obstacle(ObstacleKind Kind, RuleRef? Place, RuleTable Table, Chain Chain, Outcome End, ImmutableArray<string> When)
{
    /// <summary>"nat CNI-DN-0a1b rule 3", "the policy of filter FORWARD".</summary>
    public string PlaceText => Place is { } place
        ? $"{place.Table.Name} {place.Chain.Name} rule {(place.Index + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)}"
        : $"the policy of {Table.Name} {Chain.Name}";

    /// <summary>True for what stops packets to a service in INPUT, behind which IPVS takes them.</summary>
    internal bool IsBeforeIpvs(ProgrammedService service) => service.Writer.IsIpvs()
        && Kind is ObstacleKind.Dropped or ObstacleKind.Rejected && End is { IsTranslated: false, Path: [.., { Hook: Hook.Input }] };

    /// <summary>Who has probably written it; null when nothing shows it.</summary>
    public string? Owner => Place is { } place ? RuleOwners.Of(place) : RuleOwners.OfPolicy(Table, Chain);

    /// <summary>What it does, in words without a subject that follow "but": "nat CNI-DN-0a1b rule 3 sends it to 10.4.1.5:80
    /// first".</summary>
    public string Text => Kind switch
    {
        ObstacleKind.Dropped => $"{PlaceText} drops it",
        ObstacleKind.Rejected => $"{PlaceText} rejects it",
        ObstacleKind.Taken when Place?.Rule.Target is NatStatement { Kind: NatKind.Redirect } redirect =>
            $"{PlaceText} redirects it to {(redirect.Range is { HasPorts: true } range ? $"port {range.FirstPort} of " : "")}this node " +
                "first",
        ObstacleKind.Taken => $"{PlaceText} sends it to {End.DestinationText} first",
        ObstacleKind.Passed => $"{PlaceText} accepts it before the service's rules are asked",
        _ => $"{PlaceText} says NOTRACK: it is not translated, and the endpoints are not used",
    } + Condition;

    /// <summary>", if it comes in by docker0 or if it has mark 0x1"; empty when it always does so.</summary>
    public string Condition =>
        When.IsEmpty ? string.Empty : $", {string.Join(" or ", When.Select(static condition => $"if {condition}"))}";

    /// <summary>A sentence that follows another, with a blank before it; empty when nothing shows the owner.</summary>
    public string OwnerSentence => Owner is { } owner ? $" Its owner is probably {owner}." : string.Empty;
}
