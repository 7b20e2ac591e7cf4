using System.Text.Json.Serialization;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Answers;

/// <summary>Why one client does or does not get an answer at one frontend.</summary>
public sealed record DiagnosisAnswer
{
    /// <summary>"shop/web:http at 172.30.10.1:80".</summary>
    public required string Subject { get; init; }

    /// <summary>The client in words: "from a pod (10.244.255.254)".</summary>
    public required string Client { get; init; }

    /// <summary>Whether it works: "works", "fails", "unknown".</summary>
    public required DiagnosisState State { get; init; }

    /// <summary>What the client sees: "rejected", "dropped", "goes elsewhere", "unanswered", "not translated", or where it goes
    /// to.</summary>
    public required string Verdict { get; init; }

    /// <summary>The cause's name, which does not change: "no-ready-endpoint". Null when there is none.</summary>
    public required string? Code { get; init; }

    /// <summary>The cause in words; null when there is none.</summary>
    public required string? Cause { get; init; }

    /// <summary>The rule or policy that decides: "nat KUBE-SERVICES rule 3". Null when none does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Rule { get; init; }

    /// <summary>Where the rule was read: "file:line". Null when that is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Source { get; init; }

    /// <summary>Who probably wrote the rule; null when that is unknown.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Writer { get; init; }

    /// <summary>When the cause holds, in words that follow "if"; null when always.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? When { get; init; }

    /// <summary>What would fix it; null when there is nothing to fix.</summary>
    public required string? Mend { get; init; }

    /// <summary>The rules the packet matched, for those who want the details.</summary>
    [JsonIgnore]
    public TraceAnswer? Evidence { get; init; }

    /// <summary>The answer for one diagnosis.</summary>
    public static DiagnosisAnswer Of(Diagnosis diagnosis, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(diagnosis);
        string? source = diagnosis.Cause?.Place?.Rule.Source.ToString();
        return new DiagnosisAnswer
        {
            Subject = diagnosis.Subject,
            Client = diagnosis.Who,
            State = diagnosis.State,
            Verdict = diagnosis.Verdict,
            Code = diagnosis.Cause?.Code,
            Cause = diagnosis.Cause?.Text,
            Rule = diagnosis.Cause?.PlaceText,
            Source = string.IsNullOrEmpty(source) ? null : source,
            Writer = diagnosis.Cause?.Writer,
            When = diagnosis.Cause is { When.Length: > 0 } cause ? cause.When : null,
            Mend = diagnosis.Cause?.Mend,
            Evidence = diagnosis.Walk is { } walk ? TraceAnswer.Of(walk.Trace, guide) : null,
        };
    }
}
