using System.Diagnostics;
using System.Globalization;
using System.Text;
using Portolan.Testing.Namespaces;

namespace Portolan.LabTests;

/// <summary>portolan as a process in a namespace, with what it prints.</summary>
internal sealed class NodeProgram : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly string[] s_endWithUs = Tool.Find("setpriv") is { } setpriv ? [setpriv, "--pdeathsig", "KILL", "--"] : [];

    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Process _process;

    public NodeProgram(NetworkNamespace where, params string[] arguments)
    {
        string[] command = [.. s_endWithUs, .. Lab.RequirePortolan(), .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        _process = where.Run(() => Process.Start(start)) ?? throw new InvalidOperationException("portolan did not start.");
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, line) => Note(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Note(_errors, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int ProcessId => _process.Id;

    public string Output => Text(_output);

    public string Errors => Text(_errors);

    /// <summary>Runs it to its end.</summary>
    public static (int Status, string Output, string Errors) Run(NetworkNamespace where, params string[] arguments)
    {
        using var program = new NodeProgram(where, arguments);
        int status = program.WaitForExit();
        return (status, program.Output, program.Errors);
    }

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        for (long started = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(20, TestContext.Current.CancellationToken))
        {
            if (Stopwatch.GetElapsedTime(started) > s_patience)
                Assert.Fail($"Waited in vain for {what}.\n{Output}\n{Errors}");
        }
    }

    public void Signal(string signal)
    {
        if (_process.HasExited)
            Assert.Fail($"portolan ended by itself, with status {_process.ExitCode}.\n{Output}\n{Errors}");
        Tool.Run("kill", [$"-{signal}", ProcessId.ToString(CultureInfo.InvariantCulture)]);
    }

    public int WaitForExit()
    {
        if (!_process.WaitForExit(s_patience))
            Assert.Fail($"portolan did not end.\n{Output}\n{Errors}");
        // Once more without a time: until all that it printed has been read.
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private static void Note(StringBuilder text, string? line)
    {
        lock (text)
        {
            if (line is not null)
                text.Append(line).Append('\n');
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }
}
