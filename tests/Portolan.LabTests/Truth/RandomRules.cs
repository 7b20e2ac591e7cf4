using System.Globalization;
using System.Text;

namespace Portolan.LabTests.Truth;

/// <summary>Random rules over what the simulator knows, in the languages of iptables-restore and nft.</summary>
internal sealed class RandomRules(Random random)
{
    private static readonly string[] s_sources = ["203.0.113.0/24", "203.0.113.2/32", "10.180.0.0/24", "10.180.0.200/32", "0.0.0.0/1"];
    private static readonly string[] s_destinations = ["172.30.0.0/16", "172.30.0.10/32", "192.168.0.2/32", "10.180.0.0/24", "198.51.100.0/24"];
    private static readonly string[] s_ports = ["53", "80", "443", "1:100", "400:500"];
    private static readonly string[] s_targets = ["10.180.0.10", "10.180.0.11", "198.51.100.7", "192.168.0.2"];

    /// <summary>A dump of filter, nat and mangle with chains of their own.</summary>
    internal string Iptables()
    {
        var text = new StringBuilder();
        Table(text, "mangle", ["PREROUTING", "FORWARD", "POSTROUTING"], () => Pick(MarkTarget, MarkTarget, () => "-j RETURN"), withDrops: false);
        Table(text, "nat", ["PREROUTING", "POSTROUTING"], null, withDrops: false);
        Table(text, "filter", ["INPUT", "FORWARD"], () => Pick(() => "-j ACCEPT", () => "-j DROP", () => "-j REJECT", () => "-j RETURN"), withDrops: true);
        return text.ToString();
    }

    /// <summary>A table of family ip with sets, maps and verdict maps.</summary>
    internal string Nftables()
    {
        var text = new StringBuilder("""
            table ip truth {
              set addresses { type ipv4_addr; flags interval; elements = { 203.0.113.0/24, 172.30.0.10, 10.180.0.0-10.180.0.100 } }
              set keys { type ipv4_addr . inet_proto . inet_service; elements = { 172.30.0.10 . tcp . 80, 172.30.0.10 . udp . 53, 198.51.100.7 . tcp . 443 } }
              map verdicts { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 172.30.0.10 . tcp . 443 : drop, 172.30.0.10 . udp . 53 : goto one, 172.30.0.10 . tcp . 80 : jump two } }
              map marks { type inet_service : mark; elements = { 53 : 0x1, 80 : 0x2, 443 : 0x4000 } }

            """);
        foreach (string chain in (string[])["two", "one"])
        {
            text.Append(CultureInfo.InvariantCulture, $"  chain {chain} {{\n");
            for (int i = random.Next(1, 4); i > 0; i--)
                text.Append(CultureInfo.InvariantCulture, $"    {NftMatch()} {Pick(() => "accept", () => "return", NftMark, () => chain == "one" ? "jump two" : "drop")}\n");
            text.Append("  }\n");
        }
        text.Append("  chain first { type filter hook prerouting priority mangle; policy accept;\n");
        for (int i = random.Next(1, 5); i > 0; i--)
            text.Append(CultureInfo.InvariantCulture, $"    {NftMatch()} {Pick(NftMark, () => "jump two", () => "ip daddr . meta l4proto . th dport vmap @verdicts", () => "accept")}\n");
        text.Append("  }\n  chain nat-pre { type nat hook prerouting priority dstnat; policy accept;\n");
        for (int i = random.Next(1, 5); i > 0; i--)
            text.Append(CultureInfo.InvariantCulture, $"    {NftMatch()} {Pick(NftDnat, NftDnat, () => "return")}\n");
        text.Append("  }\n  chain pass { type filter hook forward priority filter; policy accept;\n");
        for (int i = random.Next(1, 6); i > 0; i--)
            text.Append(CultureInfo.InvariantCulture, $"    {NftMatch()} {Pick(() => "accept", () => "drop", () => "reject", () => "goto one", () => "ip daddr . meta l4proto . th dport vmap @verdicts")}\n");
        text.Append("  }\n  chain nat-post { type nat hook postrouting priority srcnat; policy accept;\n");
        for (int i = random.Next(0, 3); i > 0; i--)
            text.Append(CultureInfo.InvariantCulture, $"    {NftMatch()} masquerade\n");
        return text.Append("  }\n}\n").ToString();
    }

    private void Table(StringBuilder text, string table, string[] hooks, Func<string>? target, bool withDrops)
    {
        text.Append(CultureInfo.InvariantCulture, $"*{table}\n");
        foreach (string hook in hooks)
            text.Append(CultureInfo.InvariantCulture, $":{hook} {(withDrops && random.Next(5) == 0 ? "DROP" : "ACCEPT")} [0:0]\n");
        // A chain goes only to those after it: the kernel refuses circles.
        string[] chains = table == "nat" ? [] : [.. Enumerable.Range(0, 3).Select(number => string.Create(CultureInfo.InvariantCulture, $"{table}-{number}"))];
        foreach (string chain in chains)
            text.Append(CultureInfo.InvariantCulture, $":{chain} - [0:0]\n");
        for (int index = 0; index < hooks.Length + chains.Length; index++)
        {
            string chain = index < hooks.Length ? hooks[index] : chains[index - hooks.Length];
            string[] below = chains[Math.Max(0, index - hooks.Length + 1)..];
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                string action = target is null ? NatTarget(chain == "PREROUTING")
                    : below.Length > 0 && random.Next(3) == 0 ? (random.Next(2) == 0 ? "-j " : "-g ") + below[random.Next(below.Length)]
                    : target();
                bool needsPorts = action.Contains(':', StringComparison.Ordinal) || action.Contains("--to-ports", StringComparison.Ordinal);
                text.Append(CultureInfo.InvariantCulture, $"-A {chain} {IptablesMatches(needsPorts, chain)} {action}\n");
            }
        }
        text.Append("COMMIT\n");
    }

    private string IptablesMatches(bool needsPorts, string chain)
    {
        var words = new List<string>();
        string protocol = needsPorts ? Pick("tcp", "udp") : Pick("tcp", "udp", "icmp", "sctp", "");
        if (protocol.Length > 0)
            words.Add($"-p {protocol}");
        for (int i = random.Next(0, 3); i > 0; i--)
        {
            words.Add(random.Next(13) switch
            {
                0 => $"{Not()}-s {Pick(s_sources)}",
                1 => $"{Not()}-d {Pick(s_destinations)}",
                2 when protocol is "tcp" or "udp" or "sctp" => $"-m {protocol} {Not()}--dport {Pick(s_ports)}",
                3 when protocol is "tcp" or "udp" => $"-m multiport {Not()}--dports 53,80,400:450",
                4 => $"-m iprange {Not()}--src-range 10.180.0.0-203.0.113.2",
                5 when chain is not "POSTROUTING" => $"{Not()}-i {Pick("ext0", "pod0", "ext+")}",
                6 => $"-m mark {Not()}--mark {Pick("0x1", "0x2/0x2", "0x4000/0x4000", "0x0/0x1")}",
                7 => $"-m conntrack {Not()}--ctstate {Pick("NEW", "RELATED,ESTABLISHED", "INVALID", "DNAT", "NEW,SNAT")}",
                8 => $"-m conntrack {Not()}--ctorigdst {Pick("172.30.0.10", "172.30.0.0/16")}",
                9 => $"-m addrtype {Not()}--dst-type {Pick("LOCAL", "UNICAST")}",
                10 => Pick("-m statistic --mode random --probability 0.5", "-m statistic --mode nth --every 3 --packet 0"),
                11 when protocol == "tcp" => $"-m tcp {Not()}--tcp-flags FIN,SYN,RST,ACK SYN",
                12 => $"-m connmark {Not()}--mark {Pick("0x1/0x1", "0x0")}",
                _ => "-m comment --comment \"a remark\"",
            });
        }
        return string.Join(' ', words.Distinct().GroupBy(word => word.TrimStart('!', ' ').Split(' ')[0] + (word.StartsWith("-m", StringComparison.Ordinal) ? word.Split(' ')[1] : "")).Select(group => group.First()));
    }

    private string MarkTarget() => Pick("-j MARK --set-xmark 0x1/0xffffffff", "-j MARK --set-xmark 0x4000/0x4000", "-j MARK --set-xmark 0x2/0x0", "-j MARK --and-mark 0xfffe",
        "-j CONNMARK --set-mark 0x1", "-j CONNMARK --save-mark", "-j CONNMARK --restore-mark");

    private string NatTarget(bool isDestination) => isDestination
        ? Pick(() => $"-j DNAT --to-destination {Pick(s_targets)}:8080", () => $"-j DNAT --to-destination {Pick(s_targets)}",
            () => "-j DNAT --to-destination 10.180.0.10-10.180.0.12", () => "-j REDIRECT --to-ports 8081", () => "-j NETMAP --to 10.180.0.0/24", () => "-j RETURN", () => "-j MARK --set-xmark 0x4000/0x4000")
        : Pick(() => "-j MASQUERADE", () => "-j SNAT --to-source 192.168.0.2", () => "-j RETURN", () => "-j MASQUERADE --random-fully");

    private string NftMatch() => Pick("ip saddr @addresses", "ip saddr != @addresses", "ip daddr . meta l4proto . th dport @keys", "meta l4proto { tcp, udp }", "tcp dport { 80, 443 }",
        "udp dport 53", "ct state new", "ct state established,related", "fib daddr type local", "fib daddr type != local", "iifname \"ext0\"", "iifname \"pod*\"", "meta mark & 0x4000 != 0", "meta mark 0x1",
        "numgen random mod 3 == 1", "jhash ip saddr . th sport mod 4 seed 0xdeadbeef == 2", "ip daddr 172.30.0.0/16", "ip saddr != 10.180.0.0/24", "th dport 1-100", "ct original ip daddr 172.30.0.10",
        "icmp type echo-request", "meta protocol ip", "tcp flags syn", "ct status dnat", "");

    private string NftMark() => Pick("meta mark set meta mark | 0x4000", "meta mark set 0x1", "meta mark set th dport map @marks", "meta mark set meta mark ^ 0x2", "ct mark set meta mark", "meta mark set ct mark");

    private string NftDnat() => Pick("meta l4proto tcp dnat to 10.180.0.10:8080", "meta l4proto { tcp, udp } dnat ip to numgen random mod 3 map { 0 : 10.180.0.10 . 8080, 1 : 10.180.0.11 . 8081, 2 : 198.51.100.7 . 80 }",
        "dnat to 10.180.0.12", "dnat to jhash ip saddr mod 2 seed 0x1 map { 0 : 10.180.0.10, 1 : 198.51.100.7 }", "meta l4proto udp redirect to :8081", "numgen random mod 2 vmap { 0 : jump two, 1 : accept }");

    private string Not() => random.Next(3) == 0 ? "! " : string.Empty;

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];

    private string Pick(params Func<string>[] choices) => choices[random.Next(choices.Length)]();
}
