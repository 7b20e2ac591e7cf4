using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Portolan.Testing.Scenarios;

/// <summary>
/// The same scenarios in IPv6: each IPv4 address becomes one of the form that the lab's IPv6 defaults have (10.180.0.1 is fd00:10:180::1),
/// ranges stay ranges of the same hosts. What holds in one family holds in the other.
/// </summary>
public static partial class IPv6Twin
{
    private const string PodRangeBeside = "fd00:10:180::/64";

    /// <summary>Reads the twins of a file's scenarios, named "..., in IPv6". Scenarios that speak of IPv6 themselves have none.</summary>
    /// <param name="file">The name that messages and test names carry.</param>
    /// <param name="text">The file: a list of scenarios, each beginning with "- name:" at the margin.</param>
    public static ImmutableArray<Scenario> Read(string file, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] lines = text.Split('\n');
        int[] starts = [.. Enumerable.Range(0, lines.Length).Where(line => lines[line].StartsWith("- name:", StringComparison.Ordinal))];
        var twins = ImmutableArray.CreateBuilder<Scenario>();
        for (int i = 0; i < starts.Length; i++)
        {
            int end = i + 1 < starts.Length ? starts[i + 1] : lines.Length;
            string one = string.Join('\n', lines[starts[i]..end]);
            if (!IPv6Text().IsMatch(one.Replace(PodRangeBeside, "", StringComparison.Ordinal)))
                twins.AddRange(ScenarioReader.Read(file, Translate(WithNodeAddress(one)))
                    .Select(static twin => twin with { Name = $"{twin.Name}, in IPv6" }));
        }
        return twins.ToImmutable();
    }

    // The format's defaults, which are of both families, in words that can be carried over.
    private static string SpellOutDefaults(string scenario)
    {
        string added = (scenario.Contains("\n  ipFamil", StringComparison.Ordinal) ? "" : "\n  ipFamilies: [IPv4]")
            + (scenario.Contains("\n  node:", StringComparison.Ordinal)
            ? "" : "\n  node: {ips: [\"192.168.0.2\"], podCIDRs: [\"10.180.0.0/24\"]}");
        return scenario.Insert(scenario.IndexOf('\n', StringComparison.Ordinal), added);
    }

    // A node without addresses of its own gets the IPv4 defaults here, for they are what is carried over.
    private static string WithNodeAddress(string scenario)
    {
        const string addresses = "ips: [\"192.168.0.2\"]";
        const string pods = "podCIDRs: [\"10.180.0.0/24\"]";
        if (scenario.Contains(" ips:", StringComparison.Ordinal) || scenario.Contains("{ips:", StringComparison.Ordinal))
            return scenario;
        if (scenario.Contains("\n  node: {", StringComparison.Ordinal))
            return scenario.Replace("\n  node: {", $"\n  node: {{{addresses}, ", StringComparison.Ordinal);
        if (scenario.Contains("\n  node:\n", StringComparison.Ordinal))
            return scenario.Replace("\n  node:\n", $"\n  node:\n    {addresses}\n", StringComparison.Ordinal);
        int firstLine = scenario.IndexOf('\n', StringComparison.Ordinal) + 1;
        return scenario.Insert(firstLine, $"  node: {{{addresses}, {pods}}}\n");
    }

    private static string Translate(string scenario) => IPv4Text().Replace(
        LoopbackNodePort().Replace(SpellOutDefaults(scenario), "${flow}{any: [local, drop]}")
            .Replace($", \"{PodRangeBeside}\"", "", StringComparison.Ordinal).Replace("IPv4", "IPv6", StringComparison.Ordinal), match =>
        {
            int[] bytes = [.. match.Groups["byte"].Captures.Select(group => Number(group.Value))];
            int? length = match.Groups["length"] is { Success: true } found ? Number(found.Value) : null;
            string address = AddressOf(bytes, length);
            string range = length is { } bits ? $"/{LengthOf(bytes, bits)}" : "";
            return match.Groups["port"] is { Success: true } port ? $"[{address}]:{port.Value}" : address + range;
        });

    // The first two bytes are spelt as they are; the last two keep their values, so that ranges of hosts stay ranges.
    private static string AddressOf(int[] bytes, int? length) => (bytes, length) switch
    {
        ([127, ..], _) => "::1",
        (_, 0) => "::",
        _ => string.Create(CultureInfo.InvariantCulture, $"fd00:{bytes[0]}:{bytes[1]}::{bytes[2]:x}:{bytes[3]:x}"),
    };

    private static int LengthOf(int[] bytes, int length) => length switch
    {
        _ when bytes[0] == 127 => 128,
        0 => 0,
        8 => 32,
        16 => 48,
        > 16 and < 24 => 88 + length,
        >= 24 => 96 + length - (length == 24 ? 8 : 0),
        _ => throw new ArgumentException($"A range of length {length} has no counterpart.", nameof(length)),
    };

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    // NodePorts at loopback are IPv4's alone, for the kernel sends nothing from ::1 to another device: the packet is the node's own, or
    // meets what refuses it at every local address.
    [GeneratedRegex("(?<flow>dst: \"127\\.[^\\n]*iptables: ){to: [^}]*}")]
    private static partial Regex LoopbackNodePort();

    [GeneratedRegex(@"\b(?<byte>\d{1,3})(\.(?<byte>\d{1,3})){3}(/(?<length>\d{1,2}))?(:(?<port>\d{1,5}))?\b")]
    private static partial Regex IPv4Text();

    // Times have colons too, but never two together.
    [GeneratedRegex("::|IPv6")]
    private static partial Regex IPv6Text();
}
