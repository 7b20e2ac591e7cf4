using System.Text;
using System.Text.RegularExpressions;

namespace Portolan.Architecture.Tests;

/// <summary>A source file, without its comments and strings.</summary>
/// <param name="Path">The path from src/, with "/": "Portolan.Rules/Model/Match.cs".</param>
/// <param name="Code">The text; comments, strings and character literals are blanks.</param>
internal sealed partial record SourceFile(string Path, string Code)
{
    /// <summary>A file as it was read.</summary>
    public static SourceFile Parse(string path, string text) => new(path.Replace('\\', '/'), WithoutText(text));

    /// <summary>The project: "Portolan.Rules".</summary>
    public string Project => Path[..Path.IndexOf('/', StringComparison.Ordinal)];

    /// <summary>The first folder below the project, or an empty string for files of the project itself.</summary>
    public string Folder => Path.Split('/') is { Length: > 2 } parts ? parts[1] : string.Empty;

    /// <summary>The namespace that the folder asks for.</summary>
    public string ExpectedNamespace => Path[..Path.LastIndexOf('/')].Replace('/', '.');

    /// <summary>The namespace that the file declares; empty without one (top-level statements).</summary>
    public string Namespace => NamespaceLine().Match(Code) is { Success: true } match ? match.Groups[1].Value : string.Empty;

    /// <summary>Names of the types that the file declares, nested ones included.</summary>
    public IEnumerable<string> Types => TypeDeclaration().Matches(Code).Select(match => match.Groups[1].Value);

    /// <summary>Qualified names below Portolan, in using directives and in code.</summary>
    public IEnumerable<string> QualifiedNames => QualifiedName().Matches(Code).Select(match => match.Value)
        .Where(name => name != Namespace || !Code.Contains($"namespace {name}", StringComparison.Ordinal));

    /// <summary>True when the code has the word.</summary>
    public bool Mentions(string word) => Regex.IsMatch(Code, $@"(?<![\w.@]){Regex.Escape(word)}(?!\w)");

    /// <summary>Where the code matches a pattern: "Portolan.Rules/Model/Match.cs:12: File.ReadAllText".</summary>
    public IEnumerable<string> Find(Regex pattern) => pattern.Matches(Code)
        .Select(match => $"{Path}:{Code.AsSpan(0, match.Index).Count('\n') + 1}: {match.Value}");

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?|delegate\s+[\w<>?.,\[\] ]+?)\s+([A-Z]\w*)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\bPortolan(?:\s*\.\s*[A-Z]\w*)+")]
    private static partial Regex QualifiedName();

    /// <summary>
    /// Blanks for all that the compiler does not take for code; lines stay where they are. What is inside the braces of an interpolated
    /// string goes too.
    /// </summary>
    private static string WithoutText(string text)
    {
        var code = new StringBuilder(text.Length);
        int last = 0;
        foreach (Match match in TextOrComment().Matches(text))
        {
            code.Append(text, last, match.Index - last);
            foreach (char c in match.Value)
                code.Append(c == '\n' ? '\n' : ' ');
            last = match.Index + match.Length;
        }
        return code.Append(text, last, text.Length - last).ToString();
    }

    // In this order: comments, raw strings, verbatim strings, strings, characters.
    [GeneratedRegex("""
        //[^\n]*|/\*.*?\*/|\$*"{3,}.*?"{3,}|\$?@\$?"(?:""|[^"])*"|\$?"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'
        """, RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex TextOrComment();
}
