using System.Text.Json;
using System.Text.RegularExpressions;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>What docs/chart.md shows is what the program prints, and docs/chart-json.md names every field of its JSON.</summary>
/// <remarks>PORTOLAN_UPDATE_DOCS=1 writes the program's answers into docs/chart.md instead of comparing.</remarks>
public sealed partial class ChartDocsTests : IDisposable
{
    private static readonly string s_docs = Path.Combine(PortolanBinary.RepositoryRoot, "docs");
    private static readonly bool s_isUpdate = Environment.GetEnvironmentVariable("PORTOLAN_UPDATE_DOCS") == "1";

    private readonly ChartRun _run = new();

    public ChartDocsTests()
    {
        _run.Copy("article.md", "article.md");
        _run.Copy("harbor/kube-proxy-1.36/iptables-save.txt", "node-a.txt");
        _run.Copy("harbor/kube-proxy-1.36/nft-list-ruleset.txt", "node-a.nft");
        _run.Copy("harbor/cluster.yaml", "cluster.yaml");
        // One probability changed, and the jump to KUBE-POSTROUTING deleted.
        string[] broken = File.ReadAllLines(Path.Combine(_run.Folder, "node-a.txt"));
        _run.Write("broken.txt", string.Join('\n', broken.Where(line => !line.Contains("-A POSTROUTING", StringComparison.Ordinal))
            .Select(line => line.Replace("--probability 0.33333333349 -j KUBE-SEP-FZQ6KZLGXRSKN2AD", "--probability 0.90000000000 -j KUBE-SEP-FZQ6KZLGXRSKN2AD", StringComparison.Ordinal))) + "\n");
    }

    public void Dispose() => _run.Dispose();

    [Fact]
    public void The_tour_shows_what_the_program_prints()
    {
        string file = Path.Combine(s_docs, "chart.md");
        string text = File.ReadAllText(file);
        int compared = 0;
        string updated = ConsoleBlock().Replace(text, block =>
        {
            string command = block.Groups["command"].Value;
            // Packets on a live node are the lab's to show.
            if (command.StartsWith("watch ", StringComparison.Ordinal))
                return block.Value;
            compared++;
            const string quiet = " 2>/dev/null";
            bool isQuiet = command.EndsWith(quiet, StringComparison.Ordinal);
            Outcome outcome = _run.Run((isQuiet ? command[..^quiet.Length] : command).Split(' ', StringSplitOptions.RemoveEmptyEntries));
            string[] actual = [.. isQuiet ? [] : Lines(outcome.Errors), .. Lines(outcome.Output)];
            string[] shown = block.Groups["output"].Value.Split('\n');
            int cut = Array.IndexOf(shown, "...");
            if (s_isUpdate)
            {
                string[] output = cut >= 0 ? [.. actual.Take(cut), "..."] : actual;
                return $"```console\n$ portolan {command}\n{string.Join('\n', output)}\n$ echo $?\n{outcome.Status}\n```";
            }
            Assert.Equal(cut >= 0 ? shown[..cut] : shown, cut >= 0 ? actual[..Math.Min(cut, actual.Length)] : actual);
            Assert.Equal(block.Groups["status"].Value, outcome.Status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return block.Value;
        });
        Assert.True(compared >= 15, $"only {compared} blocks were compared");
        if (s_isUpdate)
            File.WriteAllText(file, updated);
    }

    [Theory]
    [InlineData("trace", "trace", "--src", "203.0.113.9", "--dst", "192.168.10.11", "--dport", "30080", "--rules", "node-a.txt")]
    [InlineData("services", "services", "--rules", "node-a.txt")]
    [InlineData("services", "services", "--rules", "article.md")]
    [InlineData("explain", "explain", "default/testsvc", "--rules", "article.md")]
    [InlineData("check", "check", "--rules", "broken.txt", "--manifests", "cluster.yaml", "--node", "node-a")]
    [InlineData("rules", "rules", "--rules", "node-a.nft")]
    [InlineData("graph", "graph", "--all", "--rules", "node-a.txt")]
    public void Every_field_of_the_JSON_is_documented(string section, params string[] command)
    {
        string text = File.ReadAllText(Path.Combine(s_docs, "chart-json.md"));
        int start = text.IndexOf($"\n## {section}\n", StringComparison.Ordinal);
        int end = text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        string about = end < 0 ? text[start..] : text[start..end];
        using JsonDocument json = JsonDocument.Parse(_run.Run([.. command, "--json"]).Output);
        var names = new SortedSet<string>(StringComparer.Ordinal);
        Collect(json.RootElement, names);
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Matches($@"`\.?({name})(\[\])?`", about));
    }

    private static void Collect(JsonElement value, SortedSet<string> names)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in value.EnumerateArray())
                Collect(item, names);
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in value.EnumerateObject())
            {
                names.Add(property.Name);
                Collect(property.Value, names);
            }
        }
    }

    // The last line end is the output's own; an empty line before it is shown. Tables fill their last column with spaces, which nobody sees.
    private static string[] Lines(string text) => text.Length == 0 ? [] : [.. text[..^1].Split('\n').Select(line => line.TrimEnd())];

    [GeneratedRegex("```console\n\\$ portolan (?<command>[^\n]*)\n(?<output>.*?)\n(\\$ echo \\$\\?\n(?<status>\\d+)\n)?```", RegexOptions.Singleline)]
    private static partial Regex ConsoleBlock();
}
