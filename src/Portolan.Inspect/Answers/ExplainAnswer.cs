using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>explain</c>: the paths of a service's packets, in words.</summary>
public sealed record ExplainAnswer
{
    /// <summary>The paths, by service port, frontend and place of the client.</summary>
    public required ImmutableArray<ExplainedPathAnswer> Paths { get; init; }

    /// <summary>The same paths by service port, with the facts about each that need no packet.</summary>
    [JsonIgnore]
    public ImmutableArray<ExplainedServiceAnswer> Services { get; init; } = [];

    /// <summary>What was read; null when it is not requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInput? Input { get; init; }

    /// <summary>Explains service ports for clients at some places.</summary>
    public static ExplainAnswer Of(
        IEnumerable<ProgrammedService> services, IReadOnlyCollection<ClientPlace> places, Explainer explainer, AnswerInput? input = null)
    {
        ArgumentNullException.ThrowIfNull(explainer);
        ImmutableArray<ExplainedServiceAnswer> explained =
            [.. services.Select(service => ExplainedServiceAnswer.Of(service, explainer.Explain(service, places)))];
        return new ExplainAnswer { Paths = [.. explained.SelectMany(service => service.Paths)], Services = explained, Input = input };
    }
}
