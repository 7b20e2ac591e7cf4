using System.Globalization;
using System.Text;

namespace Portolan.LabTests.Truth;

/// <summary>
/// Random rules in the language of iptables-restore: all five tables at all five hooks, with every match and target the model knows.
/// </summary>
internal sealed class RandomIptables(Random random, TruthWorld world, bool hasConntrack = true)
{
    private static readonly Dictionary<string, string[]> s_hooks = new()
    {
        ["raw"] = ["PREROUTING", "OUTPUT"],
        ["mangle"] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        ["nat"] = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        ["filter"] = ["INPUT", "FORWARD", "OUTPUT"],
        ["security"] = ["INPUT", "FORWARD", "OUTPUT"],
    };

    private readonly RandomMatches _matches = new(random, world, hasConntrack);

    /// <summary>A dump of all tables, each hook with chains of its own.</summary>
    internal string Ruleset()
    {
        var text = new StringBuilder();
        string[] tables = hasConntrack ? ["raw", "mangle", "nat", "filter", "security"] : ["mangle", "filter"];
        foreach (string table in tables)
        {
            text.Append(CultureInfo.InvariantCulture, $"*{table}\n");
            foreach (string hook in s_hooks[table])
                text.Append(CultureInfo.InvariantCulture,
                    $":{hook} {(table is "filter" or "security" && random.Next(8) == 0 ? "DROP" : "ACCEPT")} [0:0]\n");
            foreach (string hook in s_hooks[table])
            {
                foreach (int number in (int[])[0, 1, 2])
                    text.Append(CultureInfo.InvariantCulture, $":{hook}-{number} - [0:0]\n");
            }
            foreach (string hook in s_hooks[table])
                Hook(text, table, hook);
            text.Append("COMMIT\n");
        }
        return text.ToString();
    }

    private void Hook(StringBuilder text, string table, string hook)
    {
        // What a refusal sends must come through, or the test would not see it: the errors and resets the node itself makes.
        if (hook != "FORWARD" && table is "filter" or "security" or "mangle")
        {
            string icmp = world.IsIPv4 ? "-p icmp -m icmp --icmp-type" : "-p ipv6-icmp -m icmp6 --icmpv6-type";
            text.Append(CultureInfo.InvariantCulture, $"-A {hook} {icmp} destination-unreachable -j ACCEPT\n");
            text.Append(CultureInfo.InvariantCulture, $"-A {hook} -p tcp -m tcp --tcp-flags RST RST -j ACCEPT\n");
        }
        // A chain goes only to those after it: the kernel refuses circles.
        string[] chains = [hook, $"{hook}-0", $"{hook}-1", $"{hook}-2"];
        for (int index = 0; index < chains.Length; index++)
        {
            int rules = table is "raw" or "security" ? random.Next(0, 3) : random.Next(1, 5);
            for (; rules > 0; rules--)
            {
                string action = index < 3 && random.Next(3) == 0
                    ? (random.Next(2) == 0 ? "-j " : "-g ") + chains[random.Next(index + 1, 4)]
                    : Target(table, hook);
                string protocol = action.Contains("tcp-reset", StringComparison.Ordinal) ? "tcp"
                    : NeedsPorts(action) ? Pick("tcp", "udp") : Pick("tcp", "udp", "icmp", "sctp", "esp", "", "", "");
                text.Append(CultureInfo.InvariantCulture, $"-A {chains[index]} {_matches.Next(protocol, table, hook)} {action}\n");
            }
        }
    }

    private bool NeedsPorts(string action) => action.Contains("--to-ports", StringComparison.Ordinal)
        || action.Contains("]:", StringComparison.Ordinal)
        || (world.IsIPv4 && action.StartsWith("-j DNAT", StringComparison.Ordinal) && action.Contains(':', StringComparison.Ordinal))
        || (world.IsIPv4 && action.StartsWith("-j SNAT", StringComparison.Ordinal) && action.Contains(':', StringComparison.Ordinal));

    private string Target(string table, string hook)
    {
        if (random.Next(8) == 0)
            return Pick("-j RETURN", "-j LOG --log-prefix \"truth: \"", "-j NFLOG --nflog-group 7", "-j RETURN");
        switch (table)
        {
            case "raw":
                return Pick("-j CT --notrack", "-j NOTRACK", "-j TRACE", "-j MARK --set-xmark 0x8/0x8", "-j ACCEPT", "-j ACCEPT");
            case "mangle":
                return Pick(Mark, Mark, Mark, () => "-j ACCEPT", () => random.Next(4) == 0 ? "-j DROP" : "-j ACCEPT");
            case "nat":
                return hook switch
                {
                    "PREROUTING" or "OUTPUT" =>
                        Pick(Destination, Destination, Destination, () => "-j REDIRECT", () => "-j REDIRECT --to-ports 8081",
                        () => "-j REDIRECT --to-ports 8081-8090 --random", () => $"-j NETMAP --to {world.Netmap}", () =>
                            "-j MARK --set-xmark 0x4000/0x4000", () => "-j ACCEPT"),
                    "POSTROUTING" =>
                        Pick(Source, Source, () => "-j MASQUERADE", () => "-j MASQUERADE --random-fully",
                        () => "-j MASQUERADE --to-ports 2000-3000",
                        () => "-j MASQUERADE --random", () => "-j ACCEPT", () => "-j CONNMARK --set-mark 0x1"),
                    _ => Pick(Source, () => "-j ACCEPT", () => "-j MARK --set-xmark 0x2/0x2"),
                };
            case "security":
                return Pick("-j ACCEPT", "-j DROP", "-j MARK --set-xmark 0x1/0x1");
            default:
                return Pick(() => "-j ACCEPT", () => "-j ACCEPT", () => "-j DROP", () => "-j REJECT",
                () => $"-j REJECT --reject-with {Pick(world.Rejects)}",
                    () => "-j REJECT --reject-with tcp-reset", Mark, () => "-j ACCEPT");
        }
    }

    private string Destination()
    {
        string target = Pick(world.Targets);
        string flags = Pick("", "", " --random", " --persistent", " --random --persistent");
        string port = Pick("", "", ":8080", ":8080-8090", ":443");
        bool isBracketed = !world.IsIPv4 && port.Length > 0;
        string address = isBracketed ? string.Join('-', target.Split('-').Select(item => $"[{item}]")) : target;
        // ip6tables wants a range of addresses in one pair of brackets.
        if (isBracketed && target.Contains('-', StringComparison.Ordinal))
            address = $"[{target}]";
        return $"-j DNAT --to-destination {address}{port}{flags}";
    }

    private string Source()
    {
        string address = Pick(world.Node, world.Node, world.SourceRange);
        string flags = Pick("", "", " --random", " --random-fully", " --persistent");
        string port = Pick("", "", "", ":3000-4000");
        return $"-j SNAT --to-source {(world.IsIPv4 || port.Length == 0 ? address : $"[{address}]")}{port}{flags}";
    }

    private string Mark()
    {
        string mark = Pick("-j MARK --set-mark 0x1", "-j MARK --set-xmark 0x4000/0x4000", "-j MARK --set-xmark 0x2/0x0",
            "-j MARK --and-mark 0xfffe", "-j MARK --or-mark 0x4",
            "-j MARK --xor-mark 0x5", "-j MARK --set-mark 0x2/0x3");
        if (!hasConntrack)
            return mark;
        return Pick(mark, mark, "-j CONNMARK --set-mark 0x1", "-j CONNMARK --set-xmark 0x2/0x3", "-j CONNMARK --save-mark",
            "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff",
            "-j CONNMARK --restore-mark", "-j CONNMARK --restore-mark --nfmask 0xf0ff --ctmask 0xf", "-j CONNMARK --and-mark 0xe",
                "-j CONNMARK --or-mark 0x10");
    }

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];

    private string Pick(params Func<string>[] choices) => choices[random.Next(choices.Length)]();
}
