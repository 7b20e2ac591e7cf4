using System.Diagnostics;
using System.Globalization;

namespace Portolan.Testing.Namespaces;

/// <summary>
/// Runs the system's own tools (ip, nft, iptables-restore). A child is in the network namespace of the thread that starts it.
/// </summary>
public static class Tool
{
    private static readonly string[] s_folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

    /// <summary>
    /// The tool's full path, or null when it is not installed. Looks into the sbin folders, which users often do not have in PATH.
    /// </summary>
    public static string? Find(string name) =>
        s_folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs a tool to its end and returns what it wrote to standard output.</summary>
    /// <exception cref="InvalidOperationException">The tool is missing or failed.</exception>
    public static string Run(string name, IEnumerable<string> arguments, string? input = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        (int status, string output, string errors) = TryRun(name, arguments, input, environment);
        return status == 0
            ? output
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"{name} {string.Join(' ', arguments)} ended with status {status}: {errors.Trim()}"));
    }

    /// <summary>Runs a tool to its end and returns its exit status and all that it wrote.</summary>
    public static (int Status, string Output, string Errors) TryRun(
        string name, IEnumerable<string> arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        string path = Find(name) ?? throw new InvalidOperationException($"{name} is not installed.");
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{name} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input ?? string.Empty);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The tool ended before it read everything; its exit status says why.
        }
        process.WaitForExit();
        return (process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }
}
