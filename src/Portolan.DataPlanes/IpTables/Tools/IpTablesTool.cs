using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>The result of one run of iptables-restore.</summary>
/// <param name="Error">Empty if everything was applied; otherwise the tool's error message, on one line.</param>
/// <param name="Lines">Lines fed.</param>
/// <param name="Commits">Number of transactions requested.</param>
internal sealed record RestoreOutcome(string Error, int Lines, int Commits)
{
    public bool Succeeded => Error.Length == 0;

    /// <summary>Another program held the lock all the time: nothing was done, and nothing is wrong with the rules.</summary>
    public bool IsLockHeld { get; init; }

    /// <summary>Rules written, by table.</summary>
    public ImmutableDictionary<IpTable, int> Rules { get; init; } = ImmutableDictionary<IpTable, int>.Empty;

    /// <summary>The service whose line was refused, if the tool said which line.</summary>
    public ObjectName? Owner { get; init; }

    /// <summary>The line that was refused; empty if the tool did not say which.</summary>
    public string RefusedLine { get; init; } = "";
}

/// <summary>The iptables tools of one family and one back-end, run as processes without a shell.</summary>
/// <param name="family">IPv4 or IPv6.</param>
/// <param name="backend">Nft or Legacy.</param>
/// <param name="lockSeconds">How long to wait for the xtables lock.</param>
/// <param name="own">Records each run; null for none.</param>
internal sealed partial class IpTablesTool(IpFamily family, IpTablesBackend backend, int lockSeconds, OwnTools? own = null)
{
    // xtables.h, enum xtables_exittype: the tools exit with OTHER_PROBLEM for a chain that does not exist, RESOURCE_PROBLEM for a held
    // lock.
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

    /// <summary>
    /// Feeds iptables-restore while the script is being written. Chains that the script does not name are left unchanged.
    /// </summary>
    /// <exception cref="IOException">The tool could not be started.</exception>
    public RestoreOutcome Restore(Action<RestoreScript> write)
    {
        using ToolProcess process = Start($"{Prefix}-restore", ["--noflush", $"--wait={lockSeconds}"], redirectsInput: true);
        Task output = process.Output.BaseStream.CopyToAsync(Stream.Null);
        var script = new RestoreScript(process.Input);
        try
        {
            using (script)
                write(script);
        }
        catch (IOException)
        {
            // The tool gave up before it had read everything; its exit code and error message say why.
        }
        (int exitCode, string errors) = process.Wait();
        output.GetAwaiter().GetResult();
        if (exitCode == 0)
            return new("", script.Lines, script.Commits) { Rules = script.Rules };
        string error = WhiteSpace().Replace(errors, " ").Trim();
        if (error.Length == 0)
            error = $"exit code {exitCode}";
        Match refused = LineNumber().Match(error);
        int line = refused.Success ? int.Parse(refused.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
        (string text, ObjectName? owner) = line == 0 ? ("", null) : LineOf(write, line);
        return new(error, script.Lines, script.Commits)
        {
            IsLockHeld = exitCode == ResourceProblem && error.Contains("xtables lock", StringComparison.Ordinal),
            Owner = owner,
            RefusedLine = text,
        };
    }

    /// <summary>Reads all tables as iptables-save prints them.</summary>
    /// <exception cref="IOException">The tool could not be started, or failed; its error message is included.</exception>
    public void Save(Action<Stream> read)
    {
        using ToolProcess process = Start($"{Prefix}-save", [], redirectsInput: false);
        read(process.Output.BaseStream);
        (int exitCode, string errors) = process.Wait();
        if (exitCode != 0)
            throw new IOException($"{Prefix}-save failed: {WhiteSpace().Replace(errors, " ").Trim()}");
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

    /// <summary>The rules of one chain as iptables-save prints them ("-A CHAIN RULE"); null if the tool cannot print them.</summary>
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
            using ToolProcess process = Start(Prefix, [$"--wait={lockSeconds}", "-t", table.Text(), .. question], redirectsInput: false);
            string rules = process.Output.ReadToEnd();
            return (process.Wait().ExitCode, rules);
        }
        catch (IOException)
        {
            return (ResourceProblem, "");
        }
    }

    private static string PrefixOf(IpFamily family, IpTablesBackend backend) =>
        (family == IpFamily.IPv4 ? "iptables" : "ip6tables") + (backend == IpTablesBackend.Nft ? "-nft" : "-legacy");

    // Generated once more without output: keeping a hundred thousand lines for the rare refusal would slow down every sync.
    private static (string Text, ObjectName? Owner) LineOf(Action<RestoreScript> write, int line)
    {
        using var script = new RestoreScript(Stream.Null) { KeptLine = line };
        write(script);
        return (script.KeptText, script.KeptOwner);
    }

    private ToolProcess Start(string program, ReadOnlySpan<string> arguments, bool redirectsInput)
    {
        ToolProcess process = ToolProcess.Start(program, arguments, redirectsInput);
        own?.Add(process.Id);
        return process;
    }

    [GeneratedRegex(@"line:? (\d+)")]
    private static partial Regex LineNumber();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
