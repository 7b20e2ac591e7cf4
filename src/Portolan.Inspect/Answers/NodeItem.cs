using System.Text.Json.Serialization;
using Portolan.Inspect.Causes;

namespace Portolan.Inspect.Answers;

/// <summary>One thing that a node found: a diagnosis of <c>why</c>, or a finding of <c>check</c>.</summary>
public sealed record NodeItem
{
    /// <summary>The service, or what the finding is about.</summary>
    public required string Subject { get; init; }

    /// <summary>The client in words, of a diagnosis; null for a finding.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Client { get; init; }

    /// <summary>Whether it works; a finding counts as a failure.</summary>
    public required DiagnosisState State { get; init; }

    /// <summary>What the client sees, or the finding's severity.</summary>
    public required string Verdict { get; init; }

    /// <summary>When it holds, in words that follow "if"; null when always.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? When { get; init; }

    /// <summary>The cause's or finding's name; null when there is none.</summary>
    public required string? Code { get; init; }

    /// <summary>The cause in words; null when there is none.</summary>
    public required string? Cause { get; init; }

    /// <summary>The rule that decides; null when none does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Rule { get; init; }

    /// <summary>Who probably wrote the rule; null when that is unknown.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Writer { get; init; }

    /// <summary>What would fix it; null when there is nothing to fix.</summary>
    public required string? Mend { get; init; }

    /// <summary>
    /// Equal for what is the same on two nodes: without the client's address and without where a packet that works goes, which differ from
    /// node to node.
    /// </summary>
    internal (string, string?, DiagnosisState, string, string?, string?) Key =>
        (Subject, Place, State, State == DiagnosisState.Works ? "" : Verdict, State == DiagnosisState.Works ? null : When, Code);

    /// <summary>"from outside the cluster", without an address; null for a finding.</summary>
    internal string? Place => Client is { } client && client.IndexOf(" (", StringComparison.Ordinal) is > 0 and var at
        ? client[..at] : Client;
}
