using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>What happens to the replies to a traced packet, grouped by how they end.</summary>
public sealed record ReplyAnswer
{
    // Replies of further endpoints hardly meet other rules.
    private const int MostEndpoints = 100;

    /// <summary>Who replies: "10.244.1.10:8080".</summary>
    public required ImmutableArray<string> From { get; init; }

    /// <summary>The possible ends of the first one's reply, most likely first.</summary>
    public required ImmutableArray<OutcomeAnswer> Outcomes { get; init; }

    /// <summary>What the walk of the reply assumes.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>The same, for printing.</summary>
    [JsonIgnore]
    public TraceAnswer? Trace { get; init; }

    /// <summary>The replies of all that the packet reaches; none when it reaches nobody.</summary>
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
                .Select(outcome => (outcome.DestinationText, Packet: ReplyTranslation.Answer(request.Packet, outcome, node),
                    Assumed: ReplyTranslation.AssumedAddress(request.Packet, outcome, node)))
                .Where(item => item.Packet is not null)
                .Select(item => (item.DestinationText, item.Assumed, Trace: simulator.Trace(item.Packet!)))
                .GroupBy(item => string.Join('\n', item.Trace.Outcomes.Select(OutcomeText.Of)))
                .Select(alike =>
                {
                    string[] assumed = alike.First().Assumed is { } address
                        ? [$"Which address masquerading chose is not known; the reply is assumed to be sent to {address}."] : [];
                    var trace = TraceAnswer.Of(alike.First().Trace, guide, null, assumed);
                    return new ReplyAnswer
                    {
                        From = [.. alike.Select(item => item.DestinationText)],
                        Outcomes = trace.Outcomes,
                        Notes = trace.Notes,
                        Trace = trace,
                    };
                }),
        ];
    }
}
