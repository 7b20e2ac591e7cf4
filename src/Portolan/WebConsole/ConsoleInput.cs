using Portolan.Inspect.Answers;

namespace Portolan.WebConsole;

/// <summary>What the page looks at: the console's own input, a file that was dropped on it, or a node.</summary>
/// <param name="Kind">"files", "live", "proxy", "nodes" or "dropped".</param>
/// <param name="Title">What it is, in words.</param>
/// <param name="Questions">Answers about it.</param>
internal sealed record ConsoleInput(string Kind, string Title, IQuestions Questions)
{
    /// <summary>When it was read, or first asked about.</summary>
    internal required DateTimeOffset ReadAt { get; init; }

    /// <summary>True when the cluster's Services and slices are known beside the rules.</summary>
    internal bool HasCluster { get; init; }

    /// <summary>What was opened; null when each question reads for itself.</summary>
    internal AnswerInput? Account { get; init; }
}
