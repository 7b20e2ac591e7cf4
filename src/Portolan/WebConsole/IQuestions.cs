namespace Portolan.WebConsole;

/// <summary>
/// Answers commands of the chart, each with <c>--json</c>: here about rules that are held, in a process of its own, or on a node.
/// </summary>
internal interface IQuestions
{
    /// <summary>Runs a command and waits for its answer.</summary>
    /// <param name="arguments">The command's name and its arguments, without those that name the input.</param>
    /// <param name="cancel">Ends the command.</param>
    Task<Answered> AskAsync(IReadOnlyList<string> arguments, CancellationToken cancel);

    /// <summary>What a person adds to a command that is typed, to have it read the same input: "--rules=dump.txt".</summary>
    /// <param name="command">The command's name: only some read the cluster too.</param>
    string InputOf(string command);
}
