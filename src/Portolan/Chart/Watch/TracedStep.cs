using System.Globalization;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;

namespace Portolan.Chart.Watch;

/// <summary>A step of a traced packet with its rule.</summary>
/// <param name="Packet">The packet's number.</param>
/// <param name="Event">What the kernel reported.</param>
/// <param name="Hook">The base chain it happened under; null when that is not known.</param>
/// <param name="Place">The rule; null when the rules changed since they were read, and for steps without a rule.</param>
/// <param name="Service">The service port that the rule is about, or null.</param>
internal sealed record TracedStep(int Packet, NfTraceEvent Event, BaseChain? Hook, RuleRef? Place, string? Service)
{
    internal bool IsDrop => Event.Verdict is { Code: NfVerdictCode.Drop } || Event is { Kind: NfTraceKind.Policy, Policy: NfPolicy.Drop };

    /// <summary>"nat KUBE-SERVICES rule 3".</summary>
    internal string Where => Event.Kind == NfTraceKind.Policy ? $"{Event.Table.Name} {Event.Chain} policy"
        : Place is not null ? $"{Event.Table.Name} {Event.Chain} rule {(Place.Index + 1).ToString(CultureInfo.InvariantCulture)}"
        : $"{Event.Table.Name} {Event.Chain} rule with handle {Event.RuleHandle.ToString(CultureInfo.InvariantCulture)}";

    internal string Why(ChainGuide guide) => Place is null
        ? Event.Kind == NfTraceKind.Policy ? "the end of the chain" : "the rules changed since they were read"
        : RuleDescription.Conditions(Place.Rule) is { Length: > 0 } words ? words : "every packet";

    internal string What(ChainGuide guide) => Place is not null ? RuleDescription.Action(Place.Rule, guide)
        : Event.Kind == NfTraceKind.Policy ? "drops the packet"
        : Event.Verdict?.ToString() ?? string.Empty;

    internal WatchStepAnswer Answer(ChainGuide guide)
    {
        // The end of a chain adds nothing to the next step.
        bool isShown = Event is { Kind: NfTraceKind.Rule, RuleHandle: not 0 } || IsDrop;
        WatchStepText? shown = isShown ? new WatchStepText(Where, Why(guide), What(guide)) : null;
        string kind = Event.Kind.ToString().ToLowerInvariant();
        string? hook = Hook?.Hook.ToString().ToLowerInvariant();
        string? verdict = Event.Verdict?.ToString() ?? Event.Policy?.ToString().ToLowerInvariant();
        if (Place is not { } place)
        {
            return new WatchStepAnswer
            {
                Packet = Packet,
                Kind = kind,
                Hook = hook,
                Table = Event.Table.Name,
                Chain = Event.Chain,
                Verdict = verdict,
                Shown = shown,
            };
        }
        return new WatchRuleAnswer
        {
            Packet = Packet,
            Kind = kind,
            Hook = hook,
            Table = Event.Table.Name,
            Chain = Event.Chain,
            Verdict = verdict,
            Shown = shown,
            Rule = place.Index + 1,
            Service = Service,
            Text = RuleText.Of(place.Rule),
        };
    }
}
