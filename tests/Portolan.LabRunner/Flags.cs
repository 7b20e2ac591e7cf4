using System.Collections.Immutable;
using Portolan.Testing.Scenarios;

namespace Portolan.LabRunner;

/// <summary>The command line: `--name value` pairs.</summary>
internal static class Flags
{
    /// <summary>The pairs by name, or null when something else is among them.</summary>
    public static Dictionary<string, string>? Read(IEnumerable<string> arguments, params ReadOnlySpan<string> known)
    {
        var flags = new Dictionary<string, string>();
        foreach (string[] pair in arguments.Chunk(2))
        {
            if (pair is not [['-', '-', .. string name], string value] || !known.Contains(name) || !flags.TryAdd(name, value))
                return null;
        }
        return flags;
    }

    /// <summary>Timelines by their names: "as-written,restarted", or "all".</summary>
    public static ImmutableArray<Timeline> Timelines(string text) => text == "all"
        ? [.. Enum.GetValues<Timeline>()]
        : [.. text.Split(',')
            .Select(static name => Enum.Parse<Timeline>(name.Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true))];
}
