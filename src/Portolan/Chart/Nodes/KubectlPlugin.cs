using System.Text.RegularExpressions;

namespace Portolan.Chart.Nodes;

/// <summary>The program as a plug-in of kubectl, which starts it as <c>kubectl-portolan</c> for <c>kubectl portolan</c>.</summary>
internal static partial class KubectlPlugin
{
    /// <summary>True when this process was started so.</summary>
    internal static bool IsActive { get; } = Path.GetFileNameWithoutExtension(ProgramName.Read()) == "kubectl-portolan";

    /// <summary>A text in which commands are written as the user has to type them: "kubectl portolan why".</summary>
    internal static string AsTyped(string text) => IsActive ? TypedCommand().Replace(text, "kubectl portolan ") : text;

    // At the beginning of a line, in usage and examples, or in quotes; not "portolan: message", nor the name in a sentence.
    [GeneratedRegex(@"(?<=^[ \t]*|Usage:\s+|Example: |'|<\()(?:kubectl-)?portolan (?=[a-z<\[])", RegexOptions.Multiline)]
    private static partial Regex TypedCommand();
}
