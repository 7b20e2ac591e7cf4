using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Portolan.LabTests.Truth;

/// <summary>
/// Random rules in the language of nft: one or two tables of family ip, ip6 or inet with several chains at each hook, some at one priority,
/// and sets, maps and verdict maps of all kinds.
/// </summary>
internal sealed class RandomNftables(Random random, TruthWorld world, bool hasConntrack = true)
{
    /// <summary>
    /// What a refusal sends must come through, or the test would not see it: the errors and resets the node itself makes.
    /// </summary>
    internal static readonly ImmutableArray<string> Guards =
        ["icmp type destination-unreachable accept", "icmpv6 type destination-unreachable accept", "tcp flags & rst == rst accept"];

    private readonly string _ip = world.IsIPv4 ? "ip" : "ip6";
    private readonly RandomNftMatches _matches = new(random, world, hasConntrack);

    internal string Ruleset()
    {
        var text = new StringBuilder("flush ruleset\n");
        for (int number = random.Next(1, 3); number > 0; number--)
            Table(text, random.Next(3) == 0 ? "inet" : _ip, $"truth{number}");
        return text.ToString();
    }

    private void Table(StringBuilder text, string family, string name)
    {
        text.Append(CultureInfo.InvariantCulture, $"table {family} {name} {{\n");
        text.Append(_matches.Sets());
        foreach (string chain in (string[])["two", "one"])
        {
            text.Append(CultureInfo.InvariantCulture, $"  chain {chain} {{\n");
            for (int i = random.Next(1, 4); i > 0; i--)
                Rule(text, string.Empty, Pick(() => "accept", () => "return", Mark, Mark, () => chain == "one" ? "jump two" : "continue",
                    () => chain == "one" ? "goto two" : "drop"));
            text.Append("  }\n");
        }
        foreach (string hook in (string[])["prerouting", "input", "forward", "output", "postrouting"])
        {
            for (int number = random.Next(0, 3); number > 0; number--)
                Filter(text, hook, number);
            if (!hasConntrack || hook == "forward")
                continue;
            for (int number = random.Next(0, 3); number > 0; number--)
                Nat(text, family, hook, number);
        }
        text.Append("}\n");
    }

    private void Filter(StringBuilder text, string hook, int number)
    {
        string priority = Pick("0", "0", "-150", "50", hook is "prerouting" or "output" ? "-300" : "10",
            hook is "prerouting" ? "-110" : "110");
        bool isRaw = priority == "-300";
        string type = hook == "output" && random.Next(3) == 0 ? "route" : "filter";
        text.Append(CultureInfo.InvariantCulture, $"  chain {hook}-{number} {{ type {type} hook {hook} priority {priority}; policy " +
            $"{(random.Next(10) == 0 ? "drop" : "accept")};\n");
        foreach (string guard in (string[])[Guards[world.IsIPv4 ? 0 : 1], Guards[2]])
            text.Append(CultureInfo.InvariantCulture, $"    {guard}\n");
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            bool canReject = hook is "input" or "forward" or "output";
            Rule(text, hook, Pick(Mark, Mark, () => "jump two", () => "goto one", () => $"{Key} vmap @verdicts", () => "accept",
                () => random.Next(3) == 0 ? "drop" : "accept",
                () => canReject ? Reject() : "jump one", () => isRaw && hasConntrack ? "notrack" : "return", Remember, () =>
                    "log group 7", () => "meta nftrace set 1",
                () => "numgen random mod 2 vmap { 0 : jump two, 1 : accept }", () =>
                    $"{_ip} saddr vmap {{ {Pick(world.Sources)} : jump one }}"));
        }
        text.Append("  }\n");
    }

    private void Nat(StringBuilder text, string family, string hook, int number)
    {
        bool isDestination = hook is "prerouting" or "output";
        text.Append(CultureInfo.InvariantCulture, $"  chain nat-{hook}-{number} {{ type nat hook {hook} priority " +
            $"{(isDestination ? Pick("-100", "-100", "-90", "20") : Pick("100", "100", "90"))}; policy accept;\n");
        for (int i = random.Next(1, 4); i > 0; i--)
            Rule(text, hook, isDestination
                ? Pick(() => Destination(family), () => Destination(family), () => "return", Mark, () => "accept")
                : hook == "postrouting" ? Pick(() => Source(family), () => "masquerade", () => "masquerade fully-random",
                    () => "meta l4proto tcp masquerade to :2000-3000", () => "accept", Mark)
                : Pick(() => Source(family), () => "accept", Mark));
        text.Append("  }\n");
    }

    private void Rule(StringBuilder text, string hook, string action)
    {
        string[] conditions = [.. Enumerable.Range(0, random.Next(0, 3)).Select(_ => _matches.Next(hook))];
        string others = string.Join(' ', [.. conditions.Where(condition => !RandomNftMatches.IsLostBesidePorts(condition)), action]);
        foreach (string condition in conditions)
        {
            if (!(RandomNftMatches.IsLostBesidePorts(condition) && RandomNftMatches.HasPorts(others)))
                text.Append(' ').Append(condition);
        }
        text.Append(random.Next(4) == 0 ? " counter " : " ").Append(action).Append('\n');
    }

    private string Key => $"{_ip} daddr . meta l4proto . th dport";

    private string Reject() =>
        Pick("reject", world.IsIPv4 ? "reject with icmp host-unreachable" : "reject with icmpv6 addr-unreachable", "reject",
        "meta l4proto tcp reject with tcp reset", world.IsIPv4 ? "reject with icmp prot-unreachable" : "reject with icmpv6 no-route");

    private string Mark()
    {
        string mark = Pick("meta mark set meta mark | 0x4000", "meta mark set 0x1", "meta mark set th dport map @marks",
            "meta mark set th dport map @spans", $"meta mark set {_ip} saddr map @chosen", "meta mark set meta mark ^ 0x2",
            "meta mark set meta mark & 0xfffe | 0x4",
            "meta mark set jhash th sport mod 4 seed 0x17", "meta mark set numgen inc mod 2 offset 1");
        return hasConntrack ? Pick(mark, mark, mark, "ct mark set meta mark", "meta mark set ct mark", "ct mark set 0x1",
            "ct mark set ct mark | 0x2") : mark;
    }

    /// <summary>
    /// Dynamic sets. Not for what the node sends: its packets share a source, and only the first would meet what was listed.
    /// </summary>
    private string Remember() => $"{_ip} saddr != {world.Node} "
        + Pick($"update @seen {{ {_ip} saddr }}", $"add @seen {{ {_ip} saddr timeout 30s }}", $"delete @seen {{ {_ip} saddr }}",
        $"update @chosen {{ {_ip} saddr : 0x5 }}", $"update @chosen {{ {_ip} saddr timeout 20s : meta mark }}",
            $"add @pairs {{ {_ip} saddr . {_ip} daddr }}");

    private string Destination(string family)
    {
        string to = family == "inet" ? $"dnat {_ip} to" : "dnat to";
        string[] one = [.. world.Targets.Where(static target => !target.Contains('-', StringComparison.Ordinal))];
        string Port(string target) => world.IsIPv4 ? $"{target}:8080" : $"[{target}]:8080";
        return Pick(
            () => $"meta l4proto tcp {to} {Port(Pick(one))}",
            () => $"meta l4proto {{ tcp, udp }} dnat {_ip} to numgen random mod 3 map {{ 0 : {one[0]} . 8080, 1 : {one[1]} . 8081, 2 : " +
                $"{one[2]} . 80 }}",
            () => $"meta l4proto {{ tcp, udp }} dnat {_ip} to {Key} map @forwards",
            () => $"{to} {Pick(one)}",
            () => $"{to} {Pick(world.Targets)}{Pick("", " random", " persistent")}",
            () => $"{to} jhash {_ip} saddr mod 2 seed 0x1 map {{ 0 : {one[0]}, 1 : {one[2]} }}",
            () => $"{to} symhash mod 2 map {{ 0 : {one[0]}, 1 : {one[1]} }}",
            () => $"{to} numgen inc mod 2 map {{ 0 : {one[0]}, 1 : {one[1]} }}",
            () => "meta l4proto udp redirect to :8081",
            () => "redirect",
            () => "numgen random mod 2 vmap { 0 : jump two, 1 : accept }");
    }

    private string Source(string family)
    {
        string to = family == "inet" ? $"snat {_ip} to" : "snat to";
        return Pick($"{to} {world.Node}", $"{to} {world.SourceRange} persistent", $"{to} {world.SourceRange} random");
    }

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];

    private string Pick(params Func<string>[] choices) => choices[random.Next(choices.Length)]();
}
