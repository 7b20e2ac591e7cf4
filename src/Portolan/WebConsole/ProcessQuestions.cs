using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Portolan.Chart;

namespace Portolan.WebConsole;

/// <summary>
/// Answers with a process of this program for each question: live rules are read when they are asked about, and nothing of them stays in
/// the memory of a proxy that shows the console.
/// </summary>
/// <param name="inputArguments">Which input each command is given, as its command line has it.</param>
/// <param name="clusterArguments">Where those that compare with the cluster read it.</param>
/// <param name="clusterCommands">Which do.</param>
internal sealed class ProcessQuestions(
    ImmutableArray<string> inputArguments, ImmutableArray<string> clusterArguments, ImmutableArray<string> clusterCommands)
    : IQuestions, IWatch, IDisposable
{
    private const int LongestError = 64 << 10;
    private static readonly TimeSpan s_longestRun = TimeSpan.FromSeconds(90);

    // More at once would only take each other's processor time; each watch also has a table in the kernel.
    private readonly SemaphoreSlim _few = new(2);
    private readonly SemaphoreSlim _watches = new(4);

    public string InputOf(string command) => ShellText.Of(ArgumentsOf(command));

    public async Task<Answered> AskAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await _few.WaitAsync(cancel);
        try
        {
            limit.CancelAfter(s_longestRun);
            using Process process = Start(arguments);
            using var kill = limit.Token.Register(() => Kill(process));
            using var answer = new MemoryStream();
            Task<string> errors = ReadErrorsAsync(process, limit.Token);
            process.StandardInput.Close();
            await process.StandardOutput.BaseStream.CopyToAsync(answer, limit.Token);
            await process.WaitForExitAsync(limit.Token);
            ReadOnlyMemory<byte> json = answer.ToArray();
            return json.IsEmpty || json.Span[0] == (byte)'{'
                ? new Answered(process.ExitCode, json, Answered.Lines(await errors))
                : Failed($"the command ended with status {process.ExitCode} and no answer: " +
                    string.Join(' ', Answered.Lines(await errors)));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return Failed($"the command did not end within {s_longestRun.TotalSeconds} s");
        }
        catch (Exception failure) when (failure is Win32Exception or IOException)
        {
            return Failed($"the command could not be run: {failure.Message}");
        }
        finally
        {
            _few.Release();
        }
    }

    public async Task<int> WatchAsync(IReadOnlyList<string> arguments, Func<string, bool, Task> line, CancellationToken cancel)
    {
        if (!_watches.Wait(TimeSpan.Zero, cancel))
        {
            await line("Others wait for packets here already, as many as may: try again when one of them has ended.", true);
            return ExitStatus.CouldNotRun;
        }
        try
        {
            using Process process = Start(arguments);
            using var end = cancel.Register(() => Kill(process));
            process.StandardInput.Close();
            await Task.WhenAll(PassAsync(process.StandardOutput, false), PassAsync(process.StandardError, true));
            await process.WaitForExitAsync(CancellationToken.None);
            return process.ExitCode;
        }
        finally
        {
            _watches.Release();
        }

        async Task PassAsync(StreamReader lines, bool isMessage)
        {
            while (await lines.ReadLineAsync(cancel) is { } text)
                await line(text, isMessage);
        }
    }

    public void Dispose()
    {
        _few.Dispose();
        _watches.Dispose();
    }

    private static Answered Failed(string why) => new(ExitStatus.CouldNotRun, default, [why]);

    private ImmutableArray<string> ArgumentsOf(string command) =>
        clusterCommands.Contains(command) ? [.. inputArguments, .. clusterArguments] : inputArguments;

    private Process Start(IReadOnlyList<string> arguments)
    {
        // The file itself may have been replaced since this process began; what runs here is still what is asked.
        var start = new ProcessStartInfo("/proc/self/exe")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // A build that is not native is run by a host.
        if (Path.GetFileName(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add("exec");
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        }
        foreach (string argument in AskedCommand.With(arguments, [.. ArgumentsOf(arguments[0]), "--json"]))
            start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new Win32Exception("no process was started");
    }

    private static async Task<string> ReadErrorsAsync(Process process, CancellationToken cancel)
    {
        var text = new StringBuilder();
        char[] piece = new char[4096];
        for (int read; (read = await process.StandardError.ReadAsync(piece, cancel)) > 0;)
        {
            if (text.Length < LongestError)
                text.Append(piece, 0, read);
        }
        return text.ToString();
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }
}
