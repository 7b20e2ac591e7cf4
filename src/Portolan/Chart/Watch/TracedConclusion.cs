using Portolan.Inspect.Programmed;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;

namespace Portolan.Chart.Watch;

/// <summary>Where a traced packet went, in one line.</summary>
/// <param name="Verdict">forward, local, drop, reject or unknown, as trace names it.</param>
/// <param name="Service">The service port that served, rejected or dropped it, or null.</param>
/// <param name="IsMasqueraded">True when its source became an address of this node.</param>
/// <param name="Text">The line.</param>
internal sealed record TracedConclusion(string Verdict, string? Service, bool IsMasqueraded, string Text)
{
    internal static TracedConclusion Of(TracedPacket packet, List<TracedStep> steps, ServiceCatalogue services)
    {
        // With maps, all services share the same rules: the packet's destination determines the service.
        string? service = steps.Select(step => step.Service).LastOrDefault(name => name is not null)
            ?? (packet.Before is { DestinationPort: { } port } first
            ? services.At(first.Destination, first.Protocol, port)?.DisplayName : null);
        TracedStep? last = steps.LastOrDefault(step => step.Event is { Kind: NfTraceKind.Rule, RuleHandle: not 0 } || step.IsDrop);
        if (packet.End == TracedEnd.Dropped)
        {
            bool isRejected = last?.Place?.Rule.Target is RejectStatement;
            return new TracedConclusion(isRejected ? "reject" : "drop", service, false,
                $"{(isRejected ? "rejected" : "dropped")} by {last?.Where}");
        }
        if (packet.End == TracedEnd.Open || packet is not { Before: { } before, After: { } after })
        {
            return new TracedConclusion("unknown", service, false,
                $"after {last?.Where ?? "no rule"} it was not seen again: the node had no route for it, "
                + "another program took it, or steps were lost");
        }
        bool isTranslated = after.Destination != before.Destination || after.DestinationPort != before.DestinationPort;
        bool isMasqueraded = after.Source != before.Source;
        bool isFirst = steps.Exists(step => step.Hook?.Type == ChainType.Nat);
        TracedStep? masquerade = steps.LastOrDefault(step =>
            step.Place?.Rule.Target is NatStatement { Kind: NatKind.Masquerade or NatKind.Source });
        string end = (packet.End == TracedEnd.Delivered, isTranslated) switch
        {
            (true, true) => $"to {after.DestinationText}, on this node itself",
            (true, false) => $"delivered to this node at {after.DestinationText}, untranslated",
            (false, true) => $"to {after.DestinationText}",
            (false, false) => $"on to {after.DestinationText}, untranslated",
        };
        string source = isMasqueraded
            ? $", masqueraded: the source becomes {after.SourceText}{(masquerade is null ? string.Empty : $" by {masquerade.Where}")}"
            : $", not masqueraded: the source stays {before.Source}";
        string known = !isFirst && (isTranslated || isMasqueraded)
            ? "; as its connection began; later packets pass no nat rules" : string.Empty;
        return new TracedConclusion(packet.End == TracedEnd.Delivered ? "local" : "forward", service, isMasqueraded, end + source + known);
    }
}
