using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Portolan.Testing.Proxies;

/// <summary>`portolan console` as a process, at a free port of this machine.</summary>
public sealed partial class ConsoleProcess : IDisposable
{
    private readonly Process? _process;

    private ConsoleProcess(Process? process, string said, string? whyNot) => (_process, Said, WhyNot) = (process, said, whyNot);

    /// <summary>Why there is no console; null when it runs.</summary>
    public string? WhyNot { get; }

    /// <summary>Its first line.</summary>
    public string Said { get; }

    /// <summary>Asks it; keeps no cookies and follows nothing.</summary>
    public HttpClient Http { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    /// <summary>Starts it and waits until it says where it is.</summary>
    public static ConsoleProcess Start(params string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (PortolanBinary.Command.IsEmpty)
            return new ConsoleProcess(null, string.Empty, "portolan is not built, and PORTOLAN_BIN is not set");
        string[] listen = arguments.Contains("--listen") ? [] : ["--listen", "127.0.0.1:0"];
        string[] command = [.. PortolanBinary.Command, "console", .. arguments, .. listen];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process = Process.Start(start)!;
        string said = process.StandardOutput.ReadLine() ?? process.StandardError.ReadToEnd();
        Match address = Address().Match(said);
        if (!address.Success)
        {
            process.Dispose();
            return said.Contains("has no page in it", StringComparison.Ordinal)
                ? new ConsoleProcess(null, said, "this build has no page: node and npm were not there")
                : throw new InvalidOperationException(said);
        }
        var console = new ConsoleProcess(process, said, null);
        console.Http.BaseAddress = new Uri($"http://{address.Groups[1].Value}/");
        return console;
    }

    public void Dispose()
    {
        Http.Dispose();
        _process?.Kill();
        _process?.Dispose();
    }

    [GeneratedRegex("http://([^/]+)/")]
    private static partial Regex Address();
}
