using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>why</c>: what clients of a service see, and the cause.</summary>
public sealed record WhyAnswer
{
    /// <summary>One for each client and frontend, those that fail first.</summary>
    public required ImmutableArray<DiagnosisAnswer> Diagnoses { get; init; }

    /// <summary>Limits of the whole answer, such as tables that the input does not show.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>The answer for some diagnoses.</summary>
    public static WhyAnswer Of(IReadOnlyList<Diagnosis> diagnoses, ChainGuide guide, AnswerInput? input = null)
    {
        ArgumentNullException.ThrowIfNull(diagnoses);
        return new WhyAnswer
        {
            Diagnoses = [.. diagnoses.Select(diagnosis => DiagnosisAnswer.Of(diagnosis, guide))],
            Notes = [.. diagnoses.SelectMany(diagnosis => diagnosis.Notes).Distinct()],
            Input = input,
        };
    }
}
