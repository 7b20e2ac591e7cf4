using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Answers;

/// <summary>What <c>why</c> says of a service port, in short: the diagnosis that matters most.</summary>
public sealed record ServiceVerdictAnswer
{
    /// <summary>Whether it works: "works", "fails", "unknown".</summary>
    public required DiagnosisState State { get; init; }

    /// <summary>What the client sees, as in <see cref="DiagnosisAnswer.Verdict"/>.</summary>
    public required string Verdict { get; init; }

    /// <summary>The cause's name, which does not change; null when there is none.</summary>
    public required string? Code { get; init; }

    /// <summary>The cause in words; null when there is none.</summary>
    public required string? Cause { get; init; }

    /// <summary>
    /// True when it fails because the service is configured so: clients outside loadBalancerSourceRanges, or a policy Local on a node
    /// without an endpoint, to which a load balancer sends nothing.
    /// </summary>
    public required bool AsConfigured { get; init; }

    /// <summary>Which frontend: "172.30.10.1:80".</summary>
    public required string? Frontend { get; init; }

    /// <summary>When the cause holds, in words that follow "if"; null when always.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? When { get; init; }

    /// <summary>Of which kinds of clients this is so, at any frontend; empty when of all that were looked at.</summary>
    public required ImmutableArray<ClientPlace> Who { get; init; }

    /// <summary>For how many clients and frontends it is so.</summary>
    public required int Walks { get; init; }

    /// <summary>How many clients and frontends were looked at.</summary>
    public required int AllWalks { get; init; }

    /// <summary>The short answer for a service port's diagnoses, of which there is at least one.</summary>
    public static ServiceVerdictAnswer Of(IReadOnlyList<Diagnosis> diagnoses)
    {
        ArgumentNullException.ThrowIfNull(diagnoses);
        Diagnosis worst = diagnoses.MinBy(Rank)!;
        Diagnosis[] alike = [.. diagnoses.Where(diagnosis => Rank(diagnosis) == Rank(worst))];
        ClientPlace[] places = [.. alike.Select(diagnosis => diagnosis.Client).Distinct().Order()];
        return new ServiceVerdictAnswer
        {
            State = worst.State,
            Verdict = worst.Verdict,
            Code = worst.Cause?.Code,
            Cause = worst.Cause?.Text,
            AsConfigured = worst.State == DiagnosisState.Fails && IsAsConfigured(worst),
            Frontend = worst.Walk?.Frontend.Text,
            When = worst.Cause is { When.Length: > 0 } cause ? cause.When : null,
            Who = places.Length == diagnoses.Select(diagnosis => diagnosis.Client).Distinct().Count() ? [] : [.. places],
            Walks = alike.Length,
            AllWalks = diagnoses.Count,
        };
    }

    // What a person should look at first.
    private static int Rank(Diagnosis diagnosis) => diagnosis.State switch
    {
        DiagnosisState.Fails => IsAsConfigured(diagnosis) ? 2 : 0,
        DiagnosisState.Unknown => 1,
        _ => 3,
    };

    private static bool IsAsConfigured(Diagnosis diagnosis) =>
        diagnosis.Cause?.Code is SourceNotAllowedCause.Name or NoLocalEndpointsCause.Name;
}
