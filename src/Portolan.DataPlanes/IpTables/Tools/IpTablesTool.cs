using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>What became of one run of iptables-restore.</summary>
/// <param name="Error">Empty when everything went in; else the tool's words, on one line.</param>
/// <param name="Lines">Lines fed.</param>
/// <param name="Commits">Transactions asked for.</param>
internal sealed record RestoreOutcome(string Error, int Lines, int Commits)
{
    public bool Succeeded => Error.Length == 0;

    /// <summary>Another user of iptables held the lock all the time: nothing was done, and nothing is wrong with the rules.</summary>
    public bool IsLockHeld { get; init; }

    /// <summary>The service whose line was refused, where the tool said which line.</summary>
    public ObjectName? Owner { get; init; }

    /// <summary>The line that was refused; empty where the tool did not say which.</summary>
    public string RefusedLine { get; init; } = "";
}

/// <summary>The iptables tools of one family and one back-end, run as processes without a shell.</summary>
/// <param name="family">IPv4 or IPv6.</param>
/// <param name="backend">Nft or Legacy.</param>
/// <param name="lockSeconds">How long to wait for the xtables lock.</param>
internal sealed partial class IpTablesTool(IpFamily family, IpTablesBackend backend, int lockSeconds)
{
    // xtables.h, enum xtables_exittype: OTHER_PROBLEM is what the tools say of a chain that is not there, RESOURCE_PROBLEM of a held lock.
    private const int OtherProblem = 1, ResourceProblem = 4;

    public IpTablesBackend Backend { get; } = backend;

    public IpFamily Family { get; } = family;

    private string Prefix { get; } = PrefixOf(family, backend);

    /// <summary>The programs that are run, by name.</summary>
    public static string[] Programs(IpFamily family, IpTablesBackend backend)
    {
        string prefix = PrefixOf(family, backend);
        return [prefix, $"{prefix}-save", $"{prefix}-restore"];
    }

    /// <summary>Feeds iptables-restore while the script is being written. Chains that the script does not name are left alone.</summary>
    /// <exception cref="IOException">The tool could not be started.</exception>
    public RestoreOutcome Restore(Action<RestoreScript> write)
    {
        using Process process = Start($"{Prefix}-restore", ["--noflush", $"--wait={lockSeconds}"], redirectsInput: true);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        var script = new RestoreScript(process.StandardInput.BaseStream);
        try
        {
            using (script)
                write(script);
        }
        catch (IOException)
        {
            // The tool gave up before it had read everything; its exit code and words say why.
        }
        process.WaitForExit();
        string error = WhiteSpace().Replace(errors.GetAwaiter().GetResult(), " ").Trim();
        if (process.ExitCode == 0)
            return new("", script.Lines, script.Commits);
        if (error.Length == 0)
            error = $"exit code {process.ExitCode}";
        Match refused = LineNumber().Match(error);
        int line = refused.Success ? int.Parse(refused.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
        (string text, ObjectName? owner) = line == 0 ? ("", null) : LineOf(write, line);
        return new(error, script.Lines, script.Commits)
        {
            IsLockHeld = process.ExitCode == ResourceProblem && error.Contains("xtables lock", StringComparison.Ordinal),
            Owner = owner,
            RefusedLine = text,
        };
    }

    /// <summary>Reads all tables as iptables-save shows them.</summary>
    /// <exception cref="IOException">The tool could not be started, or failed; its words are in the message.</exception>
    public void Save(Action<Stream> read)
    {
        using Process process = Start($"{Prefix}-save", [], redirectsInput: false);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        read(process.StandardOutput.BaseStream);
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new IOException($"{Prefix}-save failed: {WhiteSpace().Replace(errors.GetAwaiter().GetResult(), " ").Trim()}");
    }

    /// <summary>Whether a chain exists. A tool that cannot answer (the lock is held, or it cannot be started) counts as yes.</summary>
    public bool HasChain(ChainId chain) => List(chain).ExitCode != OtherProblem;

    /// <summary>
    /// Whether a chain has a jump to another. A tool that cannot answer (the lock is held, or it cannot be started) counts as yes.
    /// </summary>
    public bool HasJump(ChainId from, string to)
    {
        (int exitCode, string rules) = List(from);
        return exitCode != 0 || rules.Split('\n').Any(rule => rule.StartsWith($"{to} ", StringComparison.Ordinal));
    }

    /// <summary>The rules of one chain as iptables-save shows them ("-A CHAIN RULE"); null when the tool cannot show them.</summary>
    public IEnumerable<string>? RulesOf(ChainId chain)
    {
        (int exitCode, string rules) = Ask(chain.Table, "-S", chain.Name);
        return exitCode == 0 ? rules.Split('\n').Where(static line => line.StartsWith("-A ", StringComparison.Ordinal)) : null;
    }

    private (int ExitCode, string Rules) List(ChainId chain) => Ask(chain.Table, "-n", "-L", chain.Name);

    private (int ExitCode, string Output) Ask(IpTable table, params ReadOnlySpan<string> question)
    {
        try
        {
            using Process process = Start(Prefix, [$"--wait={lockSeconds}", "-t", table.Text(), .. question], redirectsInput: false);
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string rules = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            errors.GetAwaiter().GetResult();
            return (process.ExitCode, rules);
        }
        catch (IOException)
        {
            return (ResourceProblem, "");
        }
    }

    private static string PrefixOf(IpFamily family, IpTablesBackend backend) =>
        (family == IpFamily.IPv4 ? "iptables" : "ip6tables") + (backend == IpTablesBackend.Nft ? "-nft" : "-legacy");

    // Written once more, to nowhere: keeping a hundred thousand lines for the rare refusal would cost every sync.
    private static (string Text, ObjectName? Owner) LineOf(Action<RestoreScript> write, int line)
    {
        using var script = new RestoreScript(Stream.Null) { KeptLine = line };
        write(script);
        return (script.KeptText, script.KeptOwner);
    }

    private static Process Start(string program, ReadOnlySpan<string> arguments, bool redirectsInput)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = redirectsInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // Errors are matched in English.
        start.Environment["LC_ALL"] = "C";
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start) ?? throw new IOException($"{program} did not start");
        }
        catch (Win32Exception failure)
        {
            throw new IOException($"{program} cannot be started ({Marshal.GetPInvokeErrorMessage(failure.NativeErrorCode)}): " +
                "mode iptables needs the iptables tools, 1.8 or later, in PATH", failure);
        }
    }

    [GeneratedRegex(@"line:? (\d+)")]
    private static partial Regex LineNumber();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
