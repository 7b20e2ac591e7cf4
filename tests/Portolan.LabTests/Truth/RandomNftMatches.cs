namespace Portolan.LabTests.Truth;

/// <summary>Random conditions of nft rules, and the sets and maps they look into.</summary>
internal sealed class RandomNftMatches(Random random, TruthWorld world, bool hasConntrack)
{
    private readonly string _ip = world.IsIPv4 ? "ip" : "ip6";
    private readonly string _type = world.IsIPv4 ? "ipv4_addr" : "ipv6_addr";

    /// <summary>The declarations of all sets and maps of a table.</summary>
    internal string Sets()
    {
        string[] d = world.PacketDestinations;
        string outside = $"{world.External(0)}{(world.IsIPv4 ? "/26" : "/122")}";
        string pods = $"{world.Pod(16)}-{world.Pod(90)}";
        return $$"""
              set addresses { type {{_type}}; flags interval; elements = { {{outside}}, {{d[0]}}, {{pods}} } }
              set keys { type {{_type}} . inet_proto . inet_service; elements = { {{d[0]}} . tcp . 80, {{d[0]}} . udp . 53, {{d[4]}} . tcp . 443 } }
              set areas { type {{_type}} . inet_service; flags interval; elements = { {{world.Destinations[0]}} . 50-100, {{world.Destinations[3]}} . 443, {{d[2]}} . 0-1023 } }
              set links { type ifname; elements = { "ext0", "lo" } }
              map verdicts { type {{_type}} . inet_proto . inet_service : verdict; elements = { {{d[0]}} . tcp . 443 : drop, {{d[0]}} . udp . 53 : goto one, {{d[0]}} . tcp . 80 : jump two, {{d[1]}} . tcp . 444 : continue } }
              map marks { type inet_service : mark; elements = { 53 : 0x1, 80 : 0x2, 443 : 0x4000 } }
              map spans { type inet_service : mark; flags interval; elements = { 1-100 : 0x1, 400-449 : 0x2, 450-60000 : 0x4 } }
              map forwards { type {{_type}} . inet_proto . inet_service : {{_type}} . inet_service; elements = { {{d[0]}} . tcp . 80 : {{d[3]}} . 8080, {{d[0]}} . udp . 53 : {{d[3]}} . 5353, {{d[1]}} . tcp . 443 : {{d[4]}} . 8443 } }
              set seen { type {{_type}}; size 65535; flags dynamic,timeout; timeout 1m; elements = { {{world.External(4)}}, {{world.Pod(99)}} } }
              set pairs { type {{_type}} . {{_type}}; size 65535; flags dynamic,timeout; timeout 1m; }
              map chosen { type {{_type}} : mark; size 65535; flags dynamic,timeout; timeout 1m; elements = { {{world.External(5)}} : 0x1 } }

            """;
    }

    /// <summary>One condition that nft takes at a hook; empty for a chain that is only jumped to.</summary>
    internal string Next(string hook)
    {
        bool isIn = hook is "prerouting" or "input" or "forward";
        bool isOut = hook is "output" or "postrouting" or "forward";
        string key = $"{_ip} daddr . meta l4proto . th dport";
        string fib = isIn && random.Next(3) == 0 ? "daddr . iif" : isOut && hook != "forward" && random.Next(3) == 0
            ? "daddr . oif" : Pick("daddr", "daddr", "saddr");
        string[] choices =
        [
            $"{_ip} saddr {Not()}@addresses", $"{_ip} daddr {Not()}@addresses", $"{key} {Not()}@keys",
                $"{_ip} daddr . th dport {Not()}@areas", "meta l4proto { tcp, udp }", $"tcp dport {Not()}{{ 80, 443 }}",
            "udp dport 53", $"fib {fib} type local", $"fib {fib} type != local", "fib daddr type { local, broadcast, multicast }",
            $"iifname {Not()}{Pick("\"ext0\"", "\"pod*\"", "@links", "{ \"ext0\", \"pod0\" }")}",
                $"oifname {Not()}{Pick("\"ext0\"", "\"pod*\"", "\"lo\"")}", "iif \"ext0\"", "oif != \"pod0\"",
            "meta mark & 0x4000 != 0", "meta mark 0x1", "meta mark & 0x3 == 0x1", "meta mark & 0x3 == { 0x1, 0x2 }", "meta mark > 0x3",
                "numgen random mod 3 == 1", "numgen random mod 10 < 4", "numgen inc mod 2 == 0",
            $"jhash {_ip} saddr . th sport mod 4 seed 0xdeadbeef == 2", $"jhash {_ip} saddr mod 3 seed 0x77 != 0",
                $"jhash {_ip} saddr . {_ip} daddr . meta l4proto mod 4 seed 0x5 {{ 0, 1 }}",
            $"{_ip} daddr {Not()}{Pick(world.Destinations)}", $"{_ip} saddr {Not()}{Pick(world.Sources)}",
                $"{_ip} daddr {Not()}{Pick(world.Ranges)}", "th dport 1-100", "th dport >= 400", "th sport 1024-1100",
            world.IsIPv4 ? "icmp type echo-request" : "icmpv6 type echo-request",
                world.IsIPv4 ? "icmp type { echo-reply, timestamp-request }" : "icmpv6 type != echo-request",
            world.IsIPv4 ? "meta protocol ip" : "meta protocol ip6", $"meta nfproto {(world.IsIPv4 ? "ipv4" : "ipv6")}",
                world.IsIPv4 ? "ip protocol != tcp" : "ip6 nexthdr != tcp",
            "tcp flags syn", "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags & (syn | ack) == ack", "tcp flags != syn",
                $"{_ip} saddr @seen", $"{_ip} saddr != @seen",
            $"{_ip} saddr . {_ip} daddr @pairs", "meta skuid 1000", "meta skuid != 0", "meta skgid >= 1001", $"meta skuid {{ 0, 1001 }}",
                "meta l4proto esp", "meta l4proto != { tcp, icmp, ipv6-icmp }",
            world.IsIPv4 ? "ip frag-off & 0x1fff != 0" : "meta l4proto udp", "limit rate 1/minute burst 2 packets", "",
        ];
        string[] tracked =
        [
            "ct state new", "ct state established,related", "ct state invalid", "ct state untracked",
                $"ct original {_ip} daddr {Pick(world.PacketDestinations)}", $"ct original {_ip} saddr {Pick(world.Sources)}",
            "ct status dnat", "ct status ! snat", "ct status snat,dnat", "ct direction original", "ct direction reply", "ct mark 0x1",
                "ct mark & 0x3 != 0", "meta l4proto tcp ct original proto-dst 80", "ct original protocol tcp",
                $"ct reply {_ip} saddr {Pick(world.PacketDestinations)}",
            "ct state vmap { new : jump two, invalid : continue, established : accept }", "ct status confirmed",
        ];
        string match = hasConntrack && random.Next(4) == 0 ? Pick(tracked) : Pick(choices);
        bool isPlaced = match.Length == 0 || hook.Length > 0
            || !(match.StartsWith("iif", StringComparison.Ordinal) || match.StartsWith("oif", StringComparison.Ordinal)
            || match.StartsWith("fib", StringComparison.Ordinal)
            // A chain that jumps to itself is refused.
            || match.Contains("jump", StringComparison.Ordinal));
        return isPlaced ? match : string.Empty;
    }

    /// <summary>
    /// True for a condition that nft leaves out of its listing when the rule also asks for something in a transport header: it takes the
    /// condition for the one it adds by itself (seen with nft 1.0.6), and what it lists is another rule than the kernel has.
    /// </summary>
    internal static bool IsLostBesidePorts(string condition) => condition is "ct original protocol tcp" or "meta l4proto esp";

    /// <summary>True for a rule that asks for ports, flags or a protocol that has them.</summary>
    internal static bool HasPorts(string rule) => rule.Contains("th ", StringComparison.Ordinal)
        || rule.Contains("tcp ", StringComparison.Ordinal)
        || rule.Contains("udp ", StringComparison.Ordinal);

    private string Not() => random.Next(3) == 0 ? "!= " : string.Empty;

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];
}
