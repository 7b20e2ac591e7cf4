using System.Text.RegularExpressions;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>The picture of a service, in every language it is drawn in.</summary>
public sealed partial class GraphTests
{
    [Fact]
    public void The_articles_picture_has_its_chains_once_its_shares_and_its_dead_end()
    {
        Ruleset rules = Dumps.Read(Dumps.Article);
        string[] lines = GraphWriter.ToMermaid(GraphOf(rules)).Split('\n');
        string IdOf(string chain) =>
            Node().Match(
            Assert.Single(lines, line => Node().Match(line).Groups["label"].Value.StartsWith(chain, StringComparison.Ordinal))).Groups[
            "id"].Value;
        string service = IdOf("KUBE-SVC-M42ZCW2EYUCRBVAF"), firewall = IdOf("KUBE-FW-M42ZCW2EYUCRBVAF"),
            local = IdOf("KUBE-XLB-M42ZCW2EYUCRBVAF");
        string drop = IdOf("KUBE-MARK-DROP"), masquerade = IdOf("KUBE-MARK-MASQ"), services = IdOf("KUBE-SERVICES");

        Assert.Equal(7, lines.Count(line => line.StartsWith($"  {service} -->|\"1/7\"| ", StringComparison.Ordinal)));
        Assert.Contains($"  {services} -->|\"destination 172.30.5.207, port 443\"| {service}", lines);
        Assert.Contains($"  {services} -->|\"destination 172.6.6.6, port 443\"| {firewall}", lines);
        Assert.Contains($"  {firewall} --> {local}", lines);
        Assert.Contains($"  {local} -->|\"source 172.31.0.0/16\"| {service}", lines);
        Assert.Contains($"  {local} --> {drop}", lines);
        // Marks stand beside the way, and what ends in a drop is red.
        Assert.Contains($"  {services} -.->|\"source not 172.31.0.0/16,<br/>destination 172.30.5.207, port 443\"| {masquerade}", lines);
        Assert.EndsWith(":::deadend", Assert.Single(lines, line => line.StartsWith($"  {drop}[[", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Single(lines, line => line.Contains("172.31.9.52:80", StringComparison.Ordinal)
            && line.EndsWith(":::endpoint", StringComparison.Ordinal));
    }

    [Fact]
    public void Hostile_names_stay_text_in_every_language()
    {
        const string name = """a<script>alert(1)</script>"]|&#35;`\n\\""";
        string comment = name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        Ruleset rules = Dumps.Text($"""
            *nat
            :PREROUTING ACCEPT [0:0]
            :KUBE-SERVICES - [0:0]
            :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
            :KUBE-SEP-BBBBBBBBBBBBBBBB - [0:0]
            -A PREROUTING -j KUBE-SERVICES
            -A KUBE-SERVICES -d 172.30.0.1/32 -p tcp -m comment --comment "shop/{comment}:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
            -A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "shop/{comment}:http -> 10.0.0.1:80" -j KUBE-SEP-BBBBBBBBBBBBBBBB
            -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m tcp -j DNAT --to-destination 10.0.0.1:80
            COMMIT

            """);
        Escaped(GraphOf(rules));
        Escaped(DecisionGraphTests.Draw(rules, ServiceCatalogue.Read(rules).Services[0].DisplayName));
    }

    private static void Escaped(ServiceGraph graph)
    {
        Assert.Contains(graph.Nodes.Select(static node => node.Label).Append(graph.Title), label =>
            label.Replace("\n", "", StringComparison.Ordinal).Contains("<script>", StringComparison.Ordinal)
        );

        foreach (string line in GraphWriter.ToMermaid(graph).Split('\n').Where(line => Node().IsMatch(line)))
            Assert.DoesNotMatch("[\"<>`]", Node().Match(line).Groups["label"].Value.Replace("<br/>", "", StringComparison.Ordinal));
        // Graphviz reads character entities: what looks like one is text.
        Assert.DoesNotContain("&#35;", GraphWriter.ToDot(graph), StringComparison.Ordinal);
        // A label ends at the first quote that no backslash precedes.
        foreach (string line in GraphWriter.ToDot(graph).Split('\n').Where(line => line.Contains("[label=", StringComparison.Ordinal)))
            Assert.Matches("^  \\S+( -> \\S+)? \\[label=\"([^\"\\\\]|\\\\.)*\"(, [a-z]+=(\"[^\"]*\"|[a-z0-9]+))*\\];$", line);
    }

    private static ServiceGraph GraphOf(Ruleset rules)
    {
        var catalogue = ServiceCatalogue.Read(rules);
        ProgrammedService service = Assert.Single(catalogue.Services);
        return ChainGraphBuilder.OfService(service.DisplayName, [service], rules, new ChainGuide(catalogue));
    }

    [GeneratedRegex("^  (?<id>n[0-9]+)[^ \"]+\"(?<label>.*)\"[^ \"]+:::[a-z]+$")]
    private static partial Regex Node();
}
