using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Portolan.WebConsole;

/// <summary>A command that the page asks for: a name of the chart's and options of it, as parameters of an address.</summary>
/// <param name="Arguments">The command's name, its options, and after "--" what it asks about.</param>
internal sealed record AskedCommand(IReadOnlyList<string> Arguments)
{
    /// <summary>What is said of a question that is none.</summary>
    internal const string Unknown = "There is no such question.";

    private const string What = "what";
    private const int LongestValue = 1024;

    // Only these: nothing that the page sends names a file, a socket or another input. True for an option without a value.
    private static readonly Dictionary<string, FrozenDictionary<string, bool>> s_commands = new()
    {
        ["why"] = Options("from pod-cidr", "no-probe"),
        ["services"] = Options("namespace sort", "why no-probe counters"),
        ["explain"] = Options("port from", ""),
        ["graph"] = Options("namespace pod-cidr", "all chains"),
        ["trace"] = Options("src dst proto dport sport in out state mark pod-cidr affinity tcp-flags icmp-type uid gid",
            "from-node reply fragment"),
        ["check"] = Options("pod-cidr", ""),
        ["rules"] = Options("table start", "all"),
        ["watch"] = Options("dst dport proto seconds count", "syn"),
    };

    /// <summary>As a person types it, without the input.</summary>
    internal string Text
    {
        get
        {
            int end = Arguments.ToList().IndexOf("--");
            // "--" is needed only where what follows could be taken for an option.
            IEnumerable<string> words = end < 0 || Arguments[end + 1].StartsWith('-') ? Arguments
                : [Arguments[0], .. Arguments.Skip(end + 1), .. Arguments.Take(end).Skip(1)];
            return "portolan " + ShellText.Of(words);
        }
    }

    /// <summary>A command with further options, which go before what it asks about.</summary>
    internal static IEnumerable<string> With(IReadOnlyList<string> arguments, IEnumerable<string> options)
    {
        IEnumerable<string> before = arguments.TakeWhile(static argument => argument != "--");
        return [.. before, .. options, .. arguments.Skip(before.Count())];
    }

    /// <summary>Reads a command; null, and why, when it is none that the page may ask.</summary>
    internal static AskedCommand? Read(string name, IQueryCollection query, out string error)
    {
        error = string.Empty;
        if (!s_commands.TryGetValue(name, out FrozenDictionary<string, bool>? options))
        {
            error = Unknown;
            return null;
        }
        var arguments = new List<string> { name };
        var subjects = new List<string>();
        foreach ((string key, StringValues values) in query)
        {
            if (key is ConsoleServer.SourceKey or ConsoleServer.NodeKey)
                continue;
            foreach (string value in values.OfType<string>())
            {
                if (value.Length > LongestValue || value.AsSpan().ContainsAny('\0', '\n', '\r'))
                {
                    error = $"The value of '{key}' is too long, or has line breaks in it.";
                    return null;
                }
                if (key == What)
                    subjects.Add(value);
                else if (!options.TryGetValue(key, out bool isFlag))
                {
                    error = $"'{name}' has no option '{key}' here.";
                    return null;
                }
                else if (!isFlag)
                    arguments.Add($"--{key}={value}");
                else if (value == "true")
                    arguments.Add($"--{key}");
            }
        }
        if (subjects.Count > 0)
            arguments.AddRange(["--", .. subjects]);
        return new AskedCommand(arguments);
    }

    private static FrozenDictionary<string, bool> Options(string valued, string flags) =>
        valued.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static name => (name, false))
            .Concat(flags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static name => (name, true)))
            .ToFrozenDictionary(static item => item.name, static item => item.Item2);
}
