namespace Portolan.WebConsole;

/// <summary>Questions that real packets can be waited for with.</summary>
internal interface IWatch
{
    /// <summary>Runs <c>watch</c> and passes each line on as it comes.</summary>
    /// <param name="arguments">The command's name and its arguments.</param>
    /// <param name="line">Called with each line, and whether it is a message rather than a part of the answer.</param>
    /// <param name="cancel">Ends the command.</param>
    /// <returns>The command's exit status.</returns>
    Task<int> WatchAsync(IReadOnlyList<string> arguments, Func<string, bool, Task> line, CancellationToken cancel);
}
