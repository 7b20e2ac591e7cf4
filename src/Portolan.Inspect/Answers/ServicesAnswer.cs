using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>services</c>: what the rules serve.</summary>
public sealed record ServicesAnswer
{
    /// <summary>The service ports, in the catalogue's order.</summary>
    public required ImmutableArray<ServiceAnswer> Services { get; init; }

    /// <summary>What the input does not show of any service, and which proxies serve here without rules.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>The answer for some services of a catalogue, or all of them.</summary>
    public static ServicesAnswer Of(IEnumerable<ProgrammedService> services, AnswerInput? input = null,
        ImmutableArray<string> notes = default) =>
        new() { Services = [.. services.Select(ServiceAnswer.Of)], Notes = notes.IsDefault ? [] : notes, Input = input };
}
