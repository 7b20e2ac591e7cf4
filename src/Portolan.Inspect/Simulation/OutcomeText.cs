using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Outcomes in one line.</summary>
public static class OutcomeText
{
    /// <summary>"14.2857 %  forwarded to 10.244.2.50:80, masqueraded"; a candidate begins with its condition.</summary>
    public static string Of(Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        string when = outcome.When.IsEmpty ? string.Empty
            : $"{string.Join(", or ", outcome.When.Select(condition => $"if {condition}"))}: ";
        string percent = outcome is { When.IsEmpty: false, Probability: > 0.999999 } ? string.Empty : $"{Percent(outcome.Probability)}  ";
        return percent + when + End(outcome);
    }

    /// <summary>How the path ends, without its probability: "dropped on the way to 10.0.0.5:80, by the policy of filter FORWARD".</summary>
    public static string End(Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        string destination = outcome.DestinationText;
        switch (outcome.Verdict)
        {
            case OutcomeVerdict.Forward:
                return (outcome.IsTranslated ? $"forwarded to {destination}"
                    : outcome.IsSourceTranslated || outcome.IsMasqueraded ? $"leaves to {destination}"
                    : $"leaves untranslated to {destination}") + Source(outcome) + Mark(outcome);
            case OutcomeVerdict.Local:
                return $"delivered to this node at {destination}" + Source(outcome) + Mark(outcome);
            case OutcomeVerdict.Drop:
                return $"dropped on the way to {destination}{By(outcome)}";
            case OutcomeVerdict.Reject:
                return $"rejected on the way to {destination} ({outcome.Reason}){By(outcome)}";
            default:
                return IsOnlyPlaceUnknown(outcome)
                    ? $"reaches {destination}{Source(outcome)}{Mark(outcome)}: delivered here if {outcome.Destination} is an address of " +
                        "this node, else forwarded"
                    : $"unknown: {outcome.Reason}";
        }
    }

    /// <summary>
    /// True when the packet arrives in any case, and only whether its destination is this node's is unknown.
    /// </summary>
    public static bool IsOnlyPlaceUnknown(Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        return outcome is { Verdict: OutcomeVerdict.Unknown, Candidates: [var one, var other] }
            && (one.Verdict, other.Verdict) is (OutcomeVerdict.Forward, OutcomeVerdict.Local) or (OutcomeVerdict.Local,
                OutcomeVerdict.Forward)
            && outcome.Reason == new LocalAddress(outcome.Destination).Text
            && (one.DestinationText, one.IsTranslated, one.IsMasqueraded, one.Source)
                == (other.DestinationText, other.IsTranslated, other.IsMasqueraded, other.Source);
    }

    /// <summary>The rule or policy that dropped or rejected the packet: "filter FORWARD rule 3"; null when none did.</summary>
    public static string? DecidedBy(Outcome outcome) => DecidingStep(outcome) switch
    {
        { Kind: PathStepKind.Policy, Table: { } table, Chain: { } chain } => $"the policy of {table.Name} {chain.Name}",
        { Place: { } place } => $"{place.Table.Name} {place.Chain.Name} rule {(place.Index + 1).ToString(CultureInfo.InvariantCulture)}",
        _ => null,
    };

    /// <summary>The last step of a path that drops or rejects; null for other ends.</summary>
    public static PathStep? DecidingStep(Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        return outcome.Verdict is OutcomeVerdict.Drop or OutcomeVerdict.Reject
            && outcome.Path.LastOrDefault() is { Kind: PathStepKind.Rule or PathStepKind.Policy } last ? last : null;
    }

    /// <summary>A probability in percent, significant digits only: "100 %", "14.2857 %".</summary>
    public static string Percent(double probability) =>
        (probability * 100).ToString(probability is > 0.999999 or < 1e-6 ? "0" : "0.####", CultureInfo.InvariantCulture) + " %";

    private static string By(Outcome outcome)
    {
        if (DecidedBy(outcome) is not { } who)
            return string.Empty;
        uint mark = DecidingStep(outcome)?.Place is { } place ? AskedMark(place.Rule) & outcome.Mark : 0;
        return $", by {who}{(mark == 0 ? "" : $" because of mark 0x{mark:x}")}";
    }

    private static uint AskedMark(Rule rule)
    {
        uint asked = 0;
        foreach (Statement statement in rule.Statements)
            asked |= statement is MarkMatch { Kind: MarkKind.Packet, Negated: false } mark ? mark.Value : 0;
        return asked;
    }

    private static string Source(Outcome outcome) => outcome switch
    {
        { IsMasqueraded: true } => ", masqueraded",
        { Source.Family: IpFamily.None } => string.Empty,
        { IsSourceTranslated: true } => $", its source becomes {outcome.Source}",
        { IsTranslated: true } => $", from {outcome.Source}",
        _ => string.Empty,
    };

    private static string Mark(Outcome outcome)
    {
        bool IsMarked(uint mark, KubeChainRole role) => (outcome.Mark & mark) != 0
            && outcome.Path.Any(step => step.Place is { } place && KubeProxyIptables.RoleOf(place.Chain.Name) == role);
        return IsMarked(KubeProxyIptables.DropMark, KubeChainRole.MarkDrop)
            ? $", though marked 0x{KubeProxyIptables.DropMark:x} to be dropped: no rule drops it"
            : !outcome.IsMasqueraded && !outcome.IsSourceTranslated
                && IsMarked(KubeProxyIptables.MasqueradeMark, KubeChainRole.MarkMasquerade)
                ? $", though marked 0x{KubeProxyIptables.MasqueradeMark:x} to be masqueraded: no rule that the input shows does it"
                : string.Empty;
    }
}
