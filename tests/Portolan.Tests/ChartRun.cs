using System.Diagnostics;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>
/// Runs commands of the chart as an operator does: the built binary, in a folder with dumps. Needs neither root nor namespaces.
/// </summary>
internal sealed class ChartRun : IDisposable
{
    public ChartRun()
    {
        if (PortolanBinary.Command.IsEmpty)
            Assert.Skip("portolan is not built, and PORTOLAN_BIN is not set");
    }

    public static string Data { get; } = Path.Combine(AppContext.BaseDirectory, "data");

    public string Folder { get; } = Directory.CreateTempSubdirectory("portolan-chart-").FullName;

    /// <summary>Writes a file into the folder that commands run in.</summary>
    public void Write(string name, string text) => File.WriteAllText(Path.Combine(Folder, name), text);

    /// <summary>Copies a dump into the folder.</summary>
    public void Copy(string data, string name) => File.Copy(Path.Combine(Data, data), Path.Combine(Folder, name), overwrite: true);

    /// <summary>Runs the program to its end; standard output and errors are pipes.</summary>
    public Outcome Run(params string[] arguments) => Run(arguments, input: null);

    /// <summary>Runs it under another name, as kubectl starts a plug-in.</summary>
    public Outcome RunAs(string name, string[] arguments, params (string Name, string? Value)[] environment) =>
        RunCommand(["bash", "-c", "exec -a \"$0\" \"$@\"", name, .. PortolanBinary.Command, .. arguments], null, environment);

    public Outcome Run(string[] arguments, string? input, params (string Name, string? Value)[] environment) =>
        RunCommand([.. PortolanBinary.Command, .. arguments], input, environment);

    private Outcome RunCommand(string[] command, string? input, (string Name, string? Value)[] environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string? value) in environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
