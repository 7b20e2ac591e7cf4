using System.CommandLine;
using Portolan.Chart;

namespace Portolan.WebConsole;

/// <summary>Answers about rules that this process holds: dumps, which do not change.</summary>
internal sealed class HeldQuestions(HeldInput held, IReadOnlyList<string> inputArguments, IReadOnlyList<string> clusterArguments)
     : IQuestions, IDisposable
{
    // What is worked out of rules on demand is kept in objects that one thread at a time may use.
    private readonly SemaphoreSlim _one = new(1);

    public string InputOf(string command) =>
        ShellText.Of(ClusterCommands.All.Contains(command) ? [.. inputArguments, .. clusterArguments] : inputArguments);

    public async Task<Answered> AskAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        using var answer = new MemoryStream();
        using var messages = new StringWriter();
        await _one.WaitAsync(cancel);
        try
        {
            int status = await Task.Run(() => RunAsync(arguments, answer, messages, cancel), cancel);
            return new Answered(status, answer.ToArray(), Answered.Lines(messages.ToString()));
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<int> RunAsync(IReadOnlyList<string> arguments, Stream answer, StringWriter messages, CancellationToken cancel)
    {
        var session = ChartSession.Over(held, new ChartOutput(answer, messages));
        var root = new RootCommand();
        foreach (Command command in ChartCommands.Create(session))
            root.Add(command);
        ParseResult parsed = root.Parse([.. AskedCommand.With(arguments, ["--json"])], ChartCommands.Parsing);
        if (parsed.Errors.Count > 0)
        {
            foreach (string error in parsed.Errors.Select(static error => error.Message))
                await messages.WriteLineAsync(error);
            return ExitStatus.CouldNotRun;
        }
        var invocation = new InvocationConfiguration
        {
            ProcessTerminationTimeout = null,
            EnableDefaultExceptionHandler = false,
            Output = TextWriter.Null,
            Error = messages,
        };
        return await parsed.InvokeAsync(invocation, cancel);
    }
}
