using System.Text.RegularExpressions;

namespace Portolan.Architecture.Tests;

/// <summary>Habits of the house that the compiler does not hold.</summary>
public sealed partial class HabitTests
{
    private const int Columns = 140;

    [Fact]
    public void Lines_hold_140_columns_but_for_what_raw_strings_quote() => AssertNone(SourceTree.Files("src", "tests", "bench")
        .SelectMany(file => LongLines(file.Text).Select(line => $"{file.Path}:{line}")));

    [Fact]
    public void A_public_type_is_in_a_file_of_its_name() => AssertNone(SourceTree.Files("src")
        .SelectMany(file => Strangers(file.Path, SourceFile.Parse(file.Path, file.Text).Code)));

    [Theory]
    [InlineData(140, 0)]
    [InlineData(141, 1)]
    public void A_line_is_too_long_beyond_140_columns(int length, int lines)
    {
        Assert.Equal(lines, LongLines(new string('x', length)).Count());
        Assert.Empty(LongLines($"\"\"\"\n{new string('x', length)}\n\"\"\""));
    }

    private static void AssertNone(IEnumerable<string> faults) => Assert.True(!faults.Any(), string.Join("\n", faults));

    private static IEnumerable<int> LongLines(string text)
    {
        bool isRaw = false;
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            int quotes = RawQuotes().Count(line);
            if (line.Length > Columns && !isRaw && quotes == 0)
                yield return number;
            isRaw ^= (quotes & 1) != 0;
        }
    }

    // Small types may share the file of the one they belong to: its file is named after one of them, or all stand for that one's kinds.
    private static IEnumerable<string> Strangers(string path, string code)
    {
        string name = Path.GetFileNameWithoutExtension(path).Split('.')[0];
        string[] types = [.. PublicType().Matches(code).Select(match => match.Groups[1].Value)];
        return types.Length == 0 || types.Contains(name) ? [] : types.Select(type => $"{path}: {type}");
    }

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotes();

    [GeneratedRegex(@"^public (?:(?:sealed|static|abstract|readonly|partial|ref|unsafe) )*" +
        @"(?:class|struct|interface|enum|record(?: struct| class)?) (\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();
}
