using System.Globalization;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Inspect.Tests;

/// <summary>The dumps in tests/data, and what tests ask of them.</summary>
internal static class Dumps
{
    internal const string Article = "article.md";
    internal const string Save136 = "harbor/kube-proxy-1.36/iptables-save.txt";
    internal const string Save120 = "harbor/kube-proxy-1.20/iptables-save.txt";

    internal static Ruleset Read(params string[] files) => RulesetReader.Read(files.Select(file =>
        new SourceText(file, File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", file)))));

    internal static Ruleset Text(string text) => RulesetReader.Read(new SourceText("text", Encoding.UTF8.GetBytes(text)));

    internal static NodeAddresses NodeA { get; } = new(null, [InetAddress.Parse("192.168.10.11"), InetAddress.Parse("fd00:10::11")]);

    internal static PacketSpec Tcp(string source, string destination, ushort port, bool fromNode = false) => new()
    {
        Source = InetAddress.Parse(source),
        Destination = InetAddress.Parse(destination),
        Protocol = IpProtocol.Tcp,
        SourcePort = 40_000,
        DestinationPort = port,
        IsFromNode = fromNode,
    };

    internal static TraceResult Trace(Ruleset rules, PacketSpec packet, NodeAddresses? node = null) =>
        new PacketSimulator(rules, node ?? NodeA).Trace(packet);

    /// <summary>Outcomes as short lines: "forward 10.0.0.1:80 masq 50".</summary>
    internal static string[] Show(TraceResult result) => [.. result.Outcomes.Select(outcome =>
        $"{outcome.Verdict.ToString().ToLowerInvariant()} {outcome.DestinationText}{(outcome.IsMasqueraded ? " masq" : "")} " +
        Math.Round(outcome.Probability * 100, 2).ToString(CultureInfo.InvariantCulture))];
}
