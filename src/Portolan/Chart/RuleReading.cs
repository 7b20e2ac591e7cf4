using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inspect.Answers;
using Portolan.Rules.Model;

namespace Portolan.Chart;

/// <summary>What was read to answer a question: the texts, and a record of what was run or opened.</summary>
/// <param name="Kind">Dumps or the running kernel.</param>
/// <param name="NetworkNamespace">The network namespace that was read; null for the program's own, and for dumps.</param>
/// <param name="Texts">What could be read.</param>
/// <param name="Sources">Every command and file, including those that failed.</param>
/// <param name="IsWhole">True when none of them failed.</param>
internal sealed record RuleReading(
    InputKind Kind, string? NetworkNamespace, ImmutableArray<SourceText> Texts, ImmutableArray<InputSource> Sources, bool IsWhole)
{
    /// <summary>The record as a part of an answer.</summary>
    /// <param name="problems">What could not be read in the texts.</param>
    internal AnswerInput Account(IEnumerable<ReadProblem> problems) => new()
    {
        Kind = Kind,
        NetworkNamespace = NetworkNamespace,
        Sources = Sources,
        Problems = [.. problems.Select(problem => problem.ToString())],
    };

    /// <summary>"ran ip netns exec node nft -j list ruleset: 1234 bytes": one line for each source.</summary>
    internal IEnumerable<string> Lines() => Sources.Select(source =>
    {
        string what = source.Command is { } command ? $"ran {string.Join(' ', command)}"
            : source.IsKernel ? $"read {source.Name}"
            : Kind == InputKind.Live ? $"did not run {source.Name}"
            : $"read {source.Name}";
        return $"{what}: {source.Error ?? $"{source.Bytes.ToString(CultureInfo.InvariantCulture)} bytes"}";
    });
}
