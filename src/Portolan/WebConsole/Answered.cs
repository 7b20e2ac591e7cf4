using System.Collections.Immutable;

namespace Portolan.WebConsole;

/// <summary>What a command said.</summary>
/// <param name="Status">Its exit status.</param>
/// <param name="Json">Its answer; empty when it had none.</param>
/// <param name="Messages">What it said on standard error, a line each.</param>
internal sealed record Answered(int Status, ReadOnlyMemory<byte> Json, ImmutableArray<string> Messages)
{
    /// <summary>Messages as people see them, without the program's name.</summary>
    internal static ImmutableArray<string> Lines(string errors) =>
    [
        .. errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static line => line.StartsWith("portolan: ", StringComparison.Ordinal) ? line["portolan: ".Length..] : line),
    ];
}
