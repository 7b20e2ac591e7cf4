using System.Globalization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;

namespace Portolan.Chart.Watch;

/// <summary>A step of a traced packet with its rule.</summary>
/// <param name="Packet">The packet's number.</param>
/// <param name="Event">What the kernel told.</param>
/// <param name="Hook">The base chain it happened under; null when that is not known.</param>
/// <param name="Place">The rule; null when the rules changed since they were read, and for what no rule does.</param>
/// <param name="Service">The service port that the rule is about, or null.</param>
internal sealed record TracedStep(int Packet, NfTraceEvent Event, BaseChain? Hook, RuleRef? Place, string? Service)
{
    internal bool IsDrop => Event.Verdict is { Code: NfVerdictCode.Drop } || Event is { Kind: NfTraceKind.Policy, Policy: NfPolicy.Drop };

    /// <summary>"nat KUBE-SERVICES rule 3".</summary>
    internal string Where => Event.Kind == NfTraceKind.Policy ? $"{Event.Table.Name} {Event.Chain} policy"
        : Place is not null ? $"{Event.Table.Name} {Event.Chain} rule {(Place.Index + 1).ToString(CultureInfo.InvariantCulture)}"
        : $"{Event.Table.Name} {Event.Chain} rule with handle {Event.RuleHandle.ToString(CultureInfo.InvariantCulture)}";

    internal string Why(ChainGuide guide) => Place is null ? Event.Kind == NfTraceKind.Policy ? "the end of the chain" : "the rules changed since they were read"
        : RuleDescription.Conditions(Place.Rule) is { Length: > 0 } words ? words : "every packet";

    internal string What(ChainGuide guide) => Place is not null ? RuleDescription.Action(Place.Rule, guide)
        : Event.Kind == NfTraceKind.Policy ? "drops the packet"
        : Event.Verdict?.ToString() ?? string.Empty;
}

/// <summary>Where a traced packet went, in one line.</summary>
/// <param name="Verdict">forward, local, drop, reject or unknown, as trace says it.</param>
/// <param name="Service">The service port that served or refused it, or null.</param>
/// <param name="IsMasqueraded">True when its source became an address of this node.</param>
/// <param name="Text">The line.</param>
internal sealed record TracedConclusion(string Verdict, string? Service, bool IsMasqueraded, string Text)
{
    internal static TracedConclusion Of(TracedPacket way, List<TracedStep> steps, ServiceCatalogue services)
    {
        // Maps serve all services with the same rules: the packet's own destination says whose it is.
        string? service = steps.Select(step => step.Service).LastOrDefault(name => name is not null)
            ?? (way.Before is { DestinationPort: { } port } first ? services.At(first.Destination, first.Protocol, port)?.DisplayName : null);
        TracedStep? last = steps.LastOrDefault(step => step.Event is { Kind: NfTraceKind.Rule, RuleHandle: not 0 } || step.IsDrop);
        if (way.End == TracedEnd.Dropped)
        {
            bool isRefused = last?.Place?.Rule.Target is RejectStatement;
            return new TracedConclusion(isRefused ? "reject" : "drop", service, false, $"{(isRefused ? "refused" : "dropped")} by {last?.Where}");
        }
        if (way.End == TracedEnd.Open || way is not { Before: { } before, After: { } after })
        {
            return new TracedConclusion("unknown", service, false, $"after {last?.Where ?? "no rule"} nothing more was seen of it: the node had no route for it, "
                + "another program took it, or steps were lost");
        }
        bool isTranslated = after.Destination != before.Destination || after.DestinationPort != before.DestinationPort;
        bool isMasqueraded = after.Source != before.Source;
        bool isFirst = steps.Exists(step => step.Hook?.Type == ChainType.Nat);
        TracedStep? masquerade = steps.LastOrDefault(step => step.Place?.Rule.Target is NatStatement { Kind: NatKind.Masquerade or NatKind.Source });
        string end = (way.End == TracedEnd.Delivered, isTranslated) switch
        {
            (true, true) => $"to {after.DestinationText}, on this node itself",
            (true, false) => $"delivered to this node at {after.DestinationText}, untranslated",
            (false, true) => $"to {after.DestinationText}",
            (false, false) => $"on to {after.DestinationText}, untranslated",
        };
        string source = isMasqueraded ? $", masqueraded: the source becomes {after.SourceText}{(masquerade is null ? string.Empty : $" by {masquerade.Where}")}"
            : $", not masqueraded: the source stays {before.Source}";
        string known = !isFirst && (isTranslated || isMasqueraded) ? "; as its connection began, nat rules are not asked again" : string.Empty;
        return new TracedConclusion(way.End == TracedEnd.Delivered ? "local" : "forward", service, isMasqueraded, end + source + known);
    }
}
