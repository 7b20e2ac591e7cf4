using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>How a path ends and why, in sentences.</summary>
internal sealed class Conclusions(Ruleset rules, PacketSpec packet, ProgrammedService service, ProgrammedFrontend frontend,
    EndpointChoice? choice)
{
    // The bit is configurable (iptablesDropBit), but hardly anybody changes it.
    private const uint DropMark = KubeProxyIptables.DropMark;

    internal ImmutableArray<string> Of(Outcome main, List<Outcome> ends)
    {
        var sentences = ImmutableArray.CreateBuilder<string>();
        AddEnd(main, sentences);
        // Other ends, under other conditions or by chance, get one sentence each.
        var told = new HashSet<string>(StringComparer.Ordinal) { Kind(main) };
        foreach (Outcome other in ends)
        {
            if (told.Add(Kind(other)) && other.Verdict != OutcomeVerdict.Unknown)
                sentences.Add(Condition(other) + Lower(End(other), other));
        }
        return sentences.ToImmutable();
    }

    private void AddEnd(Outcome main, ImmutableArray<string>.Builder sentences)
    {
        foreach (PathStep step in main.Path.Where(static step => step.Kind == PathStepKind.VirtualServer))
            sentences.Add($"IPVS takes the packet {Taken(step.Hook)}: {step.Text}.");
        if (!main.When.IsEmpty)
            sentences.Add($"These are the steps {string.Join(", or ", main.When.Select(condition => $"if {condition}"))}.");
        sentences.Add(End(main));
        if (Why(main) is { } why)
            sentences.Add(why);
        if (main.IsTranslated && Arrives(main))
            sentences.Add(Masquerading(OutcomeText.IsOnlyPlaceUnknown(main) ? main.Candidates[0] : main));
    }

    private static string Taken(Hook hook) => hook == Hook.Output ? "behind the service rules in OUTPUT" : "behind the rules of INPUT";

    /// <summary>Ends that share a sentence: which endpoint it is makes no difference.</summary>
    private static string Kind(Outcome end) => $"{string.Join('|', end.When)} " + (Arrives(end)
        ? end.IsTranslated ? "served" : "untranslated" : $"{end.Verdict} {OutcomeText.DecidedBy(end)} {end.Reason}");

    private static string Condition(Outcome end) => !end.When.IsEmpty
        ? $"{Capital(string.Join(", or ", end.When.Select(condition => $"if {condition}")))}: "
        : end.Probability < 1 - 1e-9 ? $"In {OutcomeText.Percent(end.Probability)} of cases: " : string.Empty;

    private static string Lower(string sentence, Outcome end) => Condition(end).Length == 0 ? sentence
        : char.ToLowerInvariant(sentence[0]) + sentence[1..];

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static bool Arrives(Outcome end) => end.Verdict is OutcomeVerdict.Forward or OutcomeVerdict.Local
        || OutcomeText.IsOnlyPlaceUnknown(end);

    private string End(Outcome main)
    {
        int endpoints = choice?.Endpoints.Count(endpoint => endpoint.Share is not 0) ?? 0;
        string destination = main.DestinationText;
        bool isMarked = (main.Mark & DropMark) != 0 && MarkedBy(main, KubeChainRole.MarkDrop);
        OutcomeVerdict verdict = OutcomeText.IsOnlyPlaceUnknown(main) ? OutcomeVerdict.Forward : main.Verdict;
        switch (verdict)
        {
            case OutcomeVerdict.Forward or OutcomeVerdict.Local or OutcomeVerdict.Unknown when isMarked
                && (verdict != OutcomeVerdict.Unknown
                || !HasFilter()):
                return HasFilter()
                    ? $"The packet is marked {RuleDescriptions.Hex(DropMark)} to be dropped, but no rule of the filter table drops it " +
                    $"(the kubelet's chain {KubeProxyIptables.Firewall} "
                        + $"did that): it goes on untranslated to {destination}."
                    : $"The packet is marked {RuleDescriptions.Hex(DropMark)} to be dropped. The rule that drops marked packets (chain " +
                        $"{KubeProxyIptables.Firewall}, from the kubelet) "
                        + "is in the filter table, which the input does not show.";
            case OutcomeVerdict.Forward or OutcomeVerdict.Local when main.IsTranslated && endpoints > 1:
                return $"The destination becomes one of {Number(endpoints)} endpoints; this path shows {destination}.";
            case OutcomeVerdict.Forward or OutcomeVerdict.Local when main.IsTranslated:
                return $"The destination becomes " +
                    $"{destination}{(main.Verdict == OutcomeVerdict.Local ? ", on this node itself" : string.Empty)}.";
            case OutcomeVerdict.Forward or OutcomeVerdict.Local:
                return $"No rule translates the packet: it goes on to {destination} as it is.";
            case OutcomeVerdict.Drop:
                return $"The packet is dropped{By(main)}: the client gets no answer and waits.";
            case OutcomeVerdict.Reject:
                return $"The packet is rejected{By(main)}: the client gets '{main.Reason}' at once.";
            default:
                return choice is { Endpoints: { Length: > 1 } all } && all.Any(endpoint => endpoint.Address.Family == IpFamily.None)
                    ? $"The destination becomes one of {Number(all.Length)} endpoints, whose addresses are not in the input."
                    : $"How it ends is unknown: {main.Reason}.";
        }
    }

    private static string By(Outcome end) => OutcomeText.DecidedBy(end) is { } who ? $" by {who}" : string.Empty;

    /// <summary>Why no endpoint serves the packet.</summary>
    private string? Why(Outcome main)
    {
        bool isMarked = main.Path.Any(step => step.Place is { } place && ServiceChains.RoleOfTarget(place.Rule) == KubeChainRole.MarkDrop);
        if ((main.IsTranslated && Arrives(main)) || (main.Verdict == OutcomeVerdict.Unknown && !isMarked))
            return null;
        switch (UnservedCauses.Of(main))
        {
            case UnservedCause.NoLocalEndpoints:
                string policy = frontend.Kind == ProgrammedKind.ClusterIP ? "internalTrafficPolicy" : "externalTrafficPolicy";
                return $"Why: {policy} is Local and {service.DisplayName} has no endpoint on this node.";
            case UnservedCause.NoEndpoints:
                return $"Why: {service.DisplayName} has no usable endpoint.";
            case UnservedCause.SourceNotAllowed:
                return $"Why: {packet.Source} is in none of the service's loadBalancerSourceRanges " +
                    $"({string.Join(", ", service.SourceRanges)}).";
            case UnservedCause.UnknownPort:
                return "Why: the address is a cluster IP, but no service has this port.";
            default:
                return null;
        }
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
                $"node{where}{(isMarked ? ", because of the mark set earlier" : string.Empty)}: "
                + "the endpoint replies to the node, which replies to the client.";
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
