using System.Text.Json.Serialization;

namespace Portolan.Inspect.Answers;

/// <summary>A step of a real packet that the kernel traced; one line of <c>watch</c>.</summary>
public record WatchStepAnswer
{
    /// <summary>The packet's number, from 1.</summary>
    public required int Packet { get; init; }

    /// <summary>What the kernel reports: "rule", "return" or "policy".</summary>
    public required string Kind { get; init; }

    /// <summary>The hook, in lower case; null when it is not known.</summary>
    public required string? Hook { get; init; }

    /// <summary>The table's name.</summary>
    public required string Table { get; init; }

    /// <summary>The chain's name.</summary>
    public required string Chain { get; init; }

    /// <summary>The verdict as nft writes it, or the policy; null for neither.</summary>
    public required string? Verdict { get; init; }

    /// <summary>The step as text; null for a step that adds nothing to the next one.</summary>
    [JsonIgnore]
    public WatchStepText? Shown { get; init; }
}
