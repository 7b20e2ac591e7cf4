using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;

namespace Portolan.LabTests.Truth;

/// <summary>Another program whose rules share the node with a service proxy's (tests/data/neighbours).</summary>
/// <param name="Name">Whose rules.</param>
/// <param name="Files">The dumps, each with what loads it: "nft", or "ip" and "ip6" for iptables' back-end of the mix.</param>
internal sealed partial record Neighbour(string Name, params (string Loader, string File)[] Files)
{
    internal static Neighbour[] All { get; } =
    [
        new("firewalld", ("nft", "firewalld.nft")),
        new("firewalld with zones", ("nft", "firewalld-zones.nft")),
        new("Docker", ("ip", "docker.txt")),
        new("portmap", ("ip", "portmap.txt"), ("ip6", "portmap-v6.txt")),
        new("NodeLocal DNSCache", ("ip", "nodelocaldns.txt")),
    ];

    /// <summary>Adds the rules to those that are there; runs on the lab's thread.</summary>
    /// <param name="lab">The node.</param>
    /// <param name="backend">"nft" or "legacy".</param>
    /// <param name="atTop">They come first in the chains of iptables, as Docker inserts its own.</param>
    /// <param name="adapt">Makes a dump fit the node: they are made for that of the tests' random clusters.</param>
    internal void Load(NodeLab lab, string backend, bool atTop, Func<string, string> adapt)
    {
        foreach ((string loader, string file) in Files)
        {
            string text = adapt(File.ReadAllText(Path.Combine(Lab.TestFolder, "data", "neighbours", file)));
            if (loader == "nft")
                new LoadedRules([("nft", text)]).Load(lab.Namespace);
            else
                lab.Namespace.Run(() => Tool.Run($"{loader}tables-{backend}-restore", ["--noflush"], atTop ? AtTop(text) : text));
        }
    }

    private static string AtTop(string text)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        return string.Join('\n', text.Split('\n').Select(line =>
        {
            if (line.StartsWith('*'))
                counts.Clear();
            Match match = BuiltInChain().Match(line);
            if (!match.Success)
                return line;
            string chain = match.Groups["chain"].Value;
            counts[chain] = counts.GetValueOrDefault(chain) + 1;
            return string.Create(CultureInfo.InvariantCulture, $"-I {chain} {counts[chain]}{line[match.Length..]}");
        }));
    }

    [GeneratedRegex("^-A (?<chain>PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)(?= )")]
    private static partial Regex BuiltInChain();
}
