using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>One run of a tool, without a shell. Disposing it closes its pipes.</summary>
internal sealed class ToolProcess : IDisposable
{
    // POSIX errno: ENOENT.
    private const int NoSuchFile = 2;

    private readonly Process _process;
    private readonly Task<string> _errors;

    private ToolProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>What the tool reads; for a run with input only.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>What the tool writes.</summary>
    public StreamReader Output => _process.StandardOutput;

    /// <summary>Starts a program by its absolute path, so that a file in the current folder is never run instead.</summary>
    /// <exception cref="IOException">There is no such program, or it cannot be started.</exception>
    public static ToolProcess Start(string program, ReadOnlySpan<string> arguments, bool redirectsInput)
    {
        var start = new ProcessStartInfo(ToolSearch.PathOf(program) ?? throw NotStarted(program, NoSuchFile, null))
        {
            RedirectStandardInput = redirectsInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // Error messages are matched in English.
        start.Environment["LC_ALL"] = "C";
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return new(Process.Start(start) ?? throw new IOException($"{program} did not start"));
        }
        catch (Win32Exception failure)
        {
            throw NotStarted(program, failure.NativeErrorCode, failure);
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code, and what the tool wrote to its standard error.</returns>
    public (int ExitCode, string Errors) Wait()
    {
        _process.WaitForExit();
        return (_process.ExitCode, _errors.GetAwaiter().GetResult());
    }

    /// <inheritdoc/>
    /// <remarks>Process.Dispose leaves pipes that were read from to the garbage collector: three descriptors per run.</remarks>
    public void Dispose()
    {
        if (_process.StartInfo.RedirectStandardInput)
            Close(Input);
        Close(Output.BaseStream);
        Close(_process.StandardError.BaseStream);
        _process.Dispose();
    }

    private static void Close(Stream pipe)
    {
        try
        {
            pipe.Dispose();
        }
        catch (IOException)
        {
            // There was still something to write, but the tool has exited.
        }
    }

    private static IOException NotStarted(string program, int error, Exception? cause) => new(
        $"{program} cannot be started ({Marshal.GetPInvokeErrorMessage(error)}): " +
        "mode iptables needs the iptables tools, 1.8 or later, in PATH",
        cause);
}
