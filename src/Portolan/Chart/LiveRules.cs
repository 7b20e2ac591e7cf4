using System.Diagnostics;
using Portolan.Rules.Model;

namespace Portolan.Chart;

/// <summary>Reads the rules of the running kernel with the tools that know how to print them.</summary>
internal static class LiveRules
{
    private static readonly TimeSpan LongestRun = TimeSpan.FromSeconds(60);

    /// <summary>Both variants of iptables are asked, as each sees only its own rules; plain iptables-save where the variants have no names of their own.</summary>
    private static readonly (string[] Programs, string[] Arguments, bool MayFail)[] Tools =
    [
        (["iptables-nft-save", "iptables-save"], ["-c"], false),
        (["iptables-legacy-save"], ["-c"], false),
        (["ip6tables-nft-save", "ip6tables-save"], ["-c"], false),
        (["ip6tables-legacy-save"], ["-c"], false),
        (["nft"], ["-j", "list", "ruleset"], false),
        (["ipset"], ["save"], false),
        (["ip"], ["-j", "addr"], false),
        // Which clients the recent match remembers. Without that module there is no folder, and nobody is remembered.
        (["grep"], ["-rEs", "^(src=|now at |jiffies: )", "/proc/net/xt_recent", "/proc/timer_list"], true),
    ];

    /// <summary>The tools' outputs, null when none could be run; and whether every tool there is could list its rules.</summary>
    internal static (List<SourceText>? Sources, bool IsWhole) Read(string? netns, ChartOutput output)
    {
        string? ip = Find("ip");
        if (netns is not null && ip is null)
        {
            output.Error("--netns needs the program 'ip' (package iproute2), which is not in PATH.");
            return (null, false);
        }
        var sources = new List<SourceText>();
        bool isWhole = true;
        foreach ((string[] programs, string[] arguments, bool mayFail) in Tools)
        {
            if (programs.Select(Find).FirstOrDefault(path => path is not null) is not { } program)
                continue;
            string[] command = netns is null ? [program, .. arguments] : [ip!, "netns", "exec", netns, program, .. arguments];
            (byte[] bytes, string errors, int status) = Run(command);
            string name = $"{Path.GetFileName(program)} {string.Join(' ', arguments)}";
            isWhole &= status == 0 || mayFail;
            if (status != 0 && !mayFail)
                output.Message($"{name} failed with status {status.ToString(System.Globalization.CultureInfo.InvariantCulture)}: {errors.Trim()}; the rules it knows are left out.");
            else if (bytes.Length > 0)
                sources.Add(new SourceText(name, bytes));
        }
        if (sources.Count > 0)
            return (sources, isWhole);
        output.Error("No rules could be read: neither iptables-save nor nft gave any. A dump can be given with --rules FILE.");
        return (null, false);
    }

    /// <summary>The absolute path of a program in PATH, or in the places where administrators' programs are; null without one.</summary>
    internal static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Concat(["/usr/sbin", "/sbin"])
            .Where(Path.IsPathRooted)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);

    private static (byte[] Output, string Errors, int Status) Run(string[] command)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in command.AsSpan(1))
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var bytes = new MemoryStream();
        Task copy = process.StandardOutput.BaseStream.CopyToAsync(bytes);
        if (!Task.WaitAll([copy, errors], LongestRun) || !process.WaitForExit(LongestRun))
        {
            process.Kill();
            return ([], "it did not end", -1);
        }
        return (bytes.ToArray(), errors.Result, process.ExitCode);
    }
}
