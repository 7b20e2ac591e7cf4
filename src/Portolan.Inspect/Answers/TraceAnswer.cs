using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>trace</c>: what happens to one packet.</summary>
public sealed record TraceAnswer
{
    /// <summary>The possible ends, most likely first.</summary>
    public required ImmutableArray<OutcomeAnswer> Outcomes { get; init; }

    /// <summary>Limits of the whole answer, such as tables that the input does not show.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>What becomes of the answers; null when that was not asked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<ReplyAnswer>? Replies { get; init; }

    /// <summary>The packet.</summary>
    [JsonIgnore]
    public PacketSpec? Packet { get; init; }

    /// <summary>The same ends, grouped where they share most of their path.</summary>
    [JsonIgnore]
    public ImmutableArray<OutcomeGroupAnswer> Groups { get; init; } = [];

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>The answer for a traced packet.</summary>
    public static TraceAnswer Of(TraceResult result, ChainGuide guide, AnswerInput? input = null,
        params ReadOnlySpan<string> assumed)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(guide);
        return new TraceAnswer
        {
            Outcomes = [.. result.Outcomes.Select(outcome => OutcomeAnswer.Of(outcome, guide))],
            Notes = [.. assumed, .. result.Caveats],
            Packet = result.Packet,
            Groups = [.. OutcomeGroup.Of(result.Outcomes).Select(group => OutcomeGroupAnswer.Of(group, guide))],
            Input = input,
        };
    }
}
