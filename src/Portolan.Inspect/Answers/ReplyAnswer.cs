using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>What becomes of the answers to a traced packet, those together that end alike.</summary>
public sealed record ReplyAnswer
{
    // More endpoints would hardly have other rules on their answers' paths.
    private const int MostEndpoints = 100;

    /// <summary>Who answers: "10.244.1.10:8080".</summary>
    public required ImmutableArray<string> From { get; init; }

    /// <summary>The possible ends of the answer of the first, most likely first.</summary>
    public required ImmutableArray<OutcomeAnswer> Outcomes { get; init; }

    /// <summary>The same, for printing.</summary>
    [JsonIgnore]
    public TraceAnswer? Trace { get; init; }

    /// <summary>The answers of all whom the packet comes to; none when it comes to nobody.</summary>
    public static ImmutableArray<ReplyAnswer> Of(TraceResult request, Ruleset rules, NodeAddresses node, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(request);
        node = ReplyTranslation.NodeAfter(request.Packet, node);
        var simulator = new PacketSimulator(rules, node);
        return
        [
            .. request.Outcomes.SelectMany(outcome => outcome.Candidates.IsEmpty || OutcomeText.IsOnlyPlaceUnknown(outcome) ? [outcome]
                    : outcome.Candidates)
                .DistinctBy(outcome => outcome.DestinationText).Take(MostEndpoints)
                .Select(outcome => (outcome.DestinationText, Packet: ReplyTranslation.Answer(request.Packet, outcome, node)))
                .Where(item => item.Packet is not null)
                .Select(item => (item.DestinationText, Trace: simulator.Trace(item.Packet!)))
                .GroupBy(item => string.Join('\n', item.Trace.Outcomes.Select(OutcomeText.Of)))
                .Select(alike =>
                {
                    var trace = TraceAnswer.Of(alike.First().Trace, guide);
                    return new ReplyAnswer
                    {
                        From = [.. alike.Select(item => item.DestinationText)],
                        Outcomes = trace.Outcomes,
                        Trace = trace,
                    };
                }),
        ];
    }
}
