using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Portolan.Inspect.Answers;

/// <summary>A file that was opened or a command that was run for an answer.</summary>
public sealed record InputSource
{
    /// <summary>The file's path, or the command in short ("nft -j list ruleset"); messages use this name.</summary>
    public required string Name { get; init; }

    /// <summary>The command that was run, with all its arguments; null for a file, for what the kernel is asked for without a program, and
    /// for a program that is not installed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? Command { get; init; }

    /// <summary>The exit status of the command; null for a file, and for a program that did not run to its end.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Status { get; init; }

    /// <summary>How many bytes were read.</summary>
    public long Bytes { get; init; }

    /// <summary>Why nothing of it could be used, in words; null when it was read.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    /// <summary>True for what the program itself asks the kernel for, without another program.</summary>
    [JsonIgnore]
    public bool IsKernel { get; init; }

    /// <summary>True for a program that is not installed: the answer is complete without it.</summary>
    [JsonIgnore]
    public bool IsNotInstalled { get; init; }
}
