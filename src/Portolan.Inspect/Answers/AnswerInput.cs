using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Portolan.Inspect.Answers;

/// <summary>What an answer was read from: which commands were run or which files were opened, and what could not be read.</summary>
public sealed record AnswerInput
{
    /// <summary>Dumps or the running kernel.</summary>
    public required InputKind Kind { get; init; }

    /// <summary>The network namespace that was read, by its name; null for the program's own, and for dumps.</summary>
    [JsonPropertyName("netns"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? NetworkNamespace { get; init; }

    /// <summary>The files or commands, in the order they were read.</summary>
    public required ImmutableArray<InputSource> Sources { get; init; }

    /// <summary>What of their text could not be read, each with file and line.</summary>
    public ImmutableArray<string> Problems { get; init; } = [];
}

/// <summary>Where rules come from.</summary>
public enum InputKind : byte
{
    /// <summary>Dumps that were given.</summary>
    Files,

    /// <summary>The running kernel.</summary>
    Live,
}
