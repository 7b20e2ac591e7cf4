using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>How a walk ends and why, in sentences.</summary>
internal sealed class Conclusions(Ruleset rules, PacketSpec packet, ProgrammedService service, ProgrammedFrontend frontend,
    EndpointChoice? choice)
{
    // The bit can be configured (iptablesDropBit), in practice nobody does.
    private const uint DropMark = KubeProxyIptables.DropMark;

    internal ImmutableArray<string> Of(Outcome main, List<Outcome> ends)
    {
        var sentences = ImmutableArray.CreateBuilder<string>();
        sentences.Add(End(main, ends));
        if (Why(main) is { } why)
            sentences.Add(why);
        if (main.IsTranslated && main.Verdict is OutcomeVerdict.Forward or OutcomeVerdict.Local)
            sentences.Add(Masquerading(main));
        return sentences.ToImmutable();
    }

    private string End(Outcome main, List<Outcome> ends)
    {
        int endpoints = Math.Max(choice?.Endpoints.Length ?? 0, ends.Count(end => end.IsTranslated));
        string destination = main.DestinationText;
        bool isMarked = (main.Mark & DropMark) != 0 && MarkedBy(main, KubeChainRole.MarkDrop);
        switch (main.Verdict)
        {
            case OutcomeVerdict.Forward or OutcomeVerdict.Local when isMarked:
                return HasFilter()
                    ? $"The packet is marked {RuleDescriptions.Hex(DropMark)} to be dropped, but no rule of the filter table drops it " +
                    $"(the kubelet's chain {KubeProxyIptables.Firewall} "
                        + $"did that): it goes on untranslated to {destination}."
                    : $"The packet is marked {RuleDescriptions.Hex(DropMark)} to be dropped. The rule that drops marked packets (chain " +
                        $"{KubeProxyIptables.Firewall}, from the kubelet) "
                        + "is in the filter table, which the input does not show.";
            case OutcomeVerdict.Forward or OutcomeVerdict.Local when main.IsTranslated && endpoints > 1:
                return $"The destination becomes one of {Number(endpoints)} endpoints; this walk shows {destination}.";
            case OutcomeVerdict.Forward or OutcomeVerdict.Local when main.IsTranslated:
                return $"The destination becomes " +
                    $"{destination}{(main.Verdict == OutcomeVerdict.Local ? ", on this node itself" : string.Empty)}.";
            case OutcomeVerdict.Forward or OutcomeVerdict.Local:
                return $"No rule translates the packet: it goes on to {destination} as it is.";
            case OutcomeVerdict.Drop:
                return "The packet is dropped: the client hears nothing and waits.";
            case OutcomeVerdict.Reject:
                return $"The packet is rejected: the client is told '{main.Reason}' at once.";
            default:
                return $"How it ends is unknown: {main.Reason}.";
        }
    }

    /// <summary>The reason behind an end that serves nobody.</summary>
    private string? Why(Outcome main)
    {
        bool serves = main.IsTranslated && main.Verdict is OutcomeVerdict.Forward or OutcomeVerdict.Local;
        if (serves || main.Verdict == OutcomeVerdict.Unknown)
            return null;
        foreach (PathStep step in main.Path)
        {
            if (step.Place is not { } place)
                continue;
            switch (UnservedCauses.Of(place, main.Verdict))
            {
                case UnservedCause.NoLocalEndpoints:
                    string policy = frontend.Kind == ProgrammedKind.ClusterIP ? "internalTrafficPolicy" : "externalTrafficPolicy";
                    return $"Why: {policy} is Local and {service.DisplayName} has no endpoint on this node.";
                case UnservedCause.NoEndpoints:
                    return $"Why: {service.DisplayName} has no usable endpoint anywhere.";
                case UnservedCause.SourceNotAllowed:
                    return $"Why: {packet.Source} is in none of the service's loadBalancerSourceRanges " +
                        $"({string.Join(", ", service.SourceRanges)}).";
                case UnservedCause.UnknownPort:
                    return "Why: the address is a cluster IP, but no service has this port.";
            }
        }
        return null;
    }

    private string Masquerading(Outcome main)
    {
        bool isMarked = MarkedBy(main, KubeChainRole.MarkMasquerade);
        if (main.IsMasqueraded)
        {
            PathStep? last = main.Path.LastOrDefault(step => step.Place is not null);
            string where = last?.Place is { } place ? $" by {place.Table.Name} {place.Chain.Name} rule {Number(place.Index + 1)}"
                : string.Empty;
            return $"The source becomes an address of this " +
                $"node{where}{(isMarked ? ", because of the mark set on the way" : string.Empty)}: "
                + "the endpoint answers the node, and the node the client.";
        }
        if (isMarked
            && !rules.Tables.Any(table => table.Name == ServiceTables.Nat && table.FindChain(KubeProxyIptables.Postrouting) is not null))
        {
            return $"The packet is marked to be masqueraded. The rule that does it (chain {KubeProxyIptables.Postrouting}) is not in " +
                "the input, "
                + "so whether the source becomes the node's is unknown.";
        }
        return main.Source.Family == IpFamily.None ? "The source is translated."
            : $"The source stays {main.Source}: the endpoint sees the client.";
    }

    private bool HasFilter() => rules.Tables.Any(table => table.Name == "filter"
        && table.Family == (packet.Family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6));

    private static bool MarkedBy(Outcome outcome, KubeChainRole role) =>
        outcome.Path.Any(step => step.Place is { } place && KubeProxyIptables.RoleOf(place.Chain.Name) == role);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
