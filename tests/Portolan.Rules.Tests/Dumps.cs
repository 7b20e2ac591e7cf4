using System.Text;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Rules.Tests;

/// <summary>The dumps in tests/data, and rulesets from text.</summary>
internal static class Dumps
{
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "data", name);

    public static SourceText File(string name) => new(name, System.IO.File.ReadAllBytes(PathOf(name)));

    public static Ruleset Read(params string[] names) => RulesetReader.Read(names.Select(File));

    public static Ruleset ReadText(params string[] texts) =>
        RulesetReader.Read(texts.Select((text, index) => new SourceText($"text{index + 1}", Encoding.UTF8.GetBytes(text))));

    public static Ruleset ReadBytes(byte[] bytes) => RulesetReader.Read(new SourceText("bytes", bytes));

    /// <summary>A rule as one line that shows every statement: what differs is seen at once.</summary>
    public static string Show(Rule rule) => $"{string.Join(" | ", rule.Statements)} // {rule.Comment}";
}
