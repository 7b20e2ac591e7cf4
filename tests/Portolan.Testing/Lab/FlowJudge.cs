using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>Compares what became of a flow's packets with what was expected. Pure: the lab and a simulator share it.</summary>
public sealed class FlowJudge(IReadOnlySet<InetAddress> nodeAddresses)
{
    private readonly Dictionary<string, InetEndpoint> _reached = new(StringComparer.Ordinal);

    /// <summary>Returns null when all is as expected, or a description of the first thing that is not.</summary>
    public string? Judge(ScenarioFlow flow, Expectation expectation, ImmutableArray<PacketOutcome> outcomes)
    {
        foreach (PacketOutcome outcome in outcomes)
        {
            if (Fault(flow, expectation, outcome) is { } fault)
                return $"{outcome}\n      {fault}";
        }
        ImmutableArray<InetEndpoint> hit = [.. outcomes.Where(static outcome => outcome.End is PacketEnd.Forwarded or PacketEnd.Delivered)
            .Select(static outcome => outcome.Destination).Distinct().Order()];
        if (expectation is Reaches { Spread: true } spread && spread.Destinations.Except(hit).FirstOrDefault()
            is { Address.Family: not IpFamily.None } missed)
            return $"none of {outcomes.Length} packets reached {missed}; reached: {string.Join(' ', hit)}";
        if (expectation is Reaches { RandomPort: true } && outcomes.All(static outcome => outcome.Source.Port == outcome.SentFrom.Port))
            return $"all {outcomes.Length} packets kept their source port, which should have been drawn";
        if (flow.Sticky && hit.Length > 1)
            return $"the packets must all reach the same destination, but reached {string.Join(' ', hit)}";
        if (flow.SameAs is { } earlier
            && (!_reached.TryGetValue(earlier, out InetEndpoint wanted) || hit is not [var only] || only != wanted))
            return $"the packets must reach {wanted}, as '{earlier}' did, but reached {string.Join(' ', hit)}";
        if (hit is [var single])
            _reached[flow.Name] = single;
        return null;
    }

    private string? Fault(ScenarioFlow flow, Expectation expectation, PacketOutcome outcome) => expectation switch
    {
        Refused => outcome.End == PacketEnd.Refused ? null : "it should have been refused",
        Dropped => outcome.End == PacketEnd.Vanished ? null : "it should have been dropped",
        DeliveredToNode => outcome.End == PacketEnd.Delivered && outcome.Destination == outcome.SentTo
            ? null : "it should have been delivered to the node untouched",
        Direct direct => outcome.End is not (PacketEnd.Forwarded or PacketEnd.Delivered) || outcome.Destination != outcome.SentTo
            ? "it should have passed untouched"
            : SourceFault(direct.Masquerade, outcome),
        Reaches reaches => ReachFault(flow, reaches, outcome),
        AnyOf any => any.Choices.Any(choice => Fault(flow, choice, outcome) is null) ? null : $"it should have: {any}",
        _ => throw new ArgumentException($"Unknown expectation {expectation}.", nameof(expectation)),
    };

    private string? ReachFault(ScenarioFlow flow, Reaches reaches, PacketOutcome outcome)
    {
        if (outcome.End is not (PacketEnd.Forwarded or PacketEnd.Delivered) || !reaches.Destinations.Contains(outcome.Destination))
            return $"it should have reached {string.Join(" or ", reaches.Destinations)}";
        string? device = reaches.Device switch { FlowOrigin.Pod => "pod0", FlowOrigin.External => "ext0", _ => null };
        if (device is not null && outcome.Device != device)
            return $"it should have left on {device}";
        return SourceFault(reaches.Masquerade, outcome) ?? (flow.CheckReply ? outcome.ReplyFault : null);
    }

    private string? SourceFault(bool? masquerade, PacketOutcome outcome)
    {
        bool kept = outcome.Source == outcome.SentFrom;
        if (masquerade is null || (kept && nodeAddresses.Contains(outcome.SentFrom.Address)))
            return null; // A node address rewritten to itself looks like one that was kept.
        return masquerade switch
        {
            true when kept => "its source should have been masqueraded",
            true when !nodeAddresses.Contains(outcome.Source.Address) => "its source should have become an address of the node",
            false when !kept => "its source should have been kept",
            _ => null,
        };
    }
}
