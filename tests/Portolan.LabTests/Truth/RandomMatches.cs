namespace Portolan.LabTests.Truth;

/// <summary>Random conditions of iptables rules.</summary>
internal sealed class RandomMatches(Random random, TruthWorld world, bool hasConntrack)
{
    /// <summary>"-p PROTOCOL" and up to three conditions that the tool takes at that place, in an order of their own.</summary>
    internal string Next(string protocol, string table, string hook)
    {
        if (protocol == "icmp" && !world.IsIPv4)
            protocol = "ipv6-icmp";
        var words = new Dictionary<string, string>();
        for (int i = random.Next(0, 4); i > 0; i--)
        {
            string match = Match(protocol, table, hook);
            // One of a kind: the tool takes an option once, and of two conditions on TCP flags iptables-nft-save makes a third.
            string[] parts = match.Split(' ');
            words.TryAdd(parts[0] == "-m" ? parts[1] is "tcp" or "udp" or "sctp" ? match.Contains("flags", StringComparison.Ordinal)
                || match.Contains("--syn", StringComparison.Ordinal) ? "flags" : "ports" : parts[1] : parts[0] == "!"
                ? parts[1] : parts[0], match);
        }
        string first = protocol.Length == 0 ? string.Empty
            : protocol == "esp" ? $"{Not()}-p esp " : $"-p {protocol} ";
        return first + string.Join(' ', words.Values);
    }

    private string Match(string protocol, string table, string hook)
    {
        bool hasPorts = protocol is "tcp" or "udp" or "sctp";
        switch (random.Next(hasConntrack ? 24 : 17))
        {
            case 0: return $"{Not()}-s {Pick(world.Sources)}";
            case 1: return $"{Not()}-d {Pick(world.Destinations)}";
            case 2 or 3 when hasPorts:
                return $"-m {protocol} {Not()}{Pick("--dport", "--dport", "--sport")} " +
                $"{Pick("53", "80", "443", "1:100", "400:500", "1024:1100")}";
            case 4 when hasPorts:
                return $"-m multiport {Not()}{Pick("--dports", "--sports", "--ports")} " +
                    $"{Pick("53,80,400:450", "443", "1024:1124,8080", "1030,1032,80")}";
            case 5: return $"-m iprange {Not()}{Pick("--src-range", "--dst-range")} {Pick(world.Ranges)}";
            case 6 when hook is "PREROUTING" or "INPUT" or "FORWARD": return $"{Not()}-i {Pick("ext0", "pod0", "ext+", "lo")}";
            case 7 when hook is "FORWARD" or "OUTPUT" or "POSTROUTING": return $"{Not()}-o {Pick("ext0", "pod0", "pod+", "lo")}";
            case 8: return $"-m mark {Not()}--mark {Pick("0x1", "0x2/0x2", "0x4000/0x4000", "0x0/0x1", "0x4/0x6")}";
            case 9: return $"-m addrtype {AddressType(hook)}";
            case 10:
                return Pick("-m statistic --mode random --probability 0.5", "-m statistic --mode random ! --probability 0.25",
                "-m statistic --mode nth --every 3 --packet 0", "-m statistic --mode nth ! --every 2 --packet 1");
            case 11 when protocol == "tcp":
                return $"-m tcp {Not()}" + Pick("--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags ALL NONE", "--tcp-flags SYN,RST SYN,RST",
                    "--tcp-flags FIN FIN", "--syn", "--tcp-flags ACK,URG ACK");
            case 12 when protocol is "icmp" or "ipv6-icmp":
                return world.IsIPv4
                    ? $"-m icmp {Not()}--icmp-type " + Pick("echo-request", "echo-reply", "any", "13", "timestamp-reply",
                        "destination-unreachable", "8/0", "address-mask-request")
                    : $"-m icmp6 {Not()}--icmpv6-type {Pick("echo-request", "echo-reply", "130", "destination-unreachable", "128/0")}";
            case 13: return IpSet(protocol);
            case 14: return Recent();
            case 15: return random.Next(4) == 0 ? "-m limit --limit 3/min --limit-burst 3" : "-m comment --comment \"a remark\"";
            case 16 when hook is "OUTPUT" or "POSTROUTING":
                return Pick($"-m owner {Not()}--uid-owner 1000", $"-m owner {Not()}--gid-owner 1000-1001", "-m owner --socket-exists",
                    $"-m owner {Not()}--uid-owner 0");
            case 16 when hook is "INPUT" or "FORWARD" or "PREROUTING" && random.Next(2) == 0:
                return $"-m physdev {Not()}{Pick("--physdev-in ext0", "--physdev-is-in", "--physdev-is-bridged", "--physdev-in ext+")}";
            case 16 when world.IsIPv4: return $"{Not()}-f";
            case 17 or 18 or 19: return $"-m conntrack {Conntrack()}";
            case 20: return $"-m connmark {Not()}--mark {Pick("0x1/0x1", "0x0", "0x2/0x3", "0x10/0x10")}";
            case 21: return $"-m state {Not()}--state {Pick("NEW", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "INVALID,NEW")}";
            case 22:
                return $"-m conntrack {Not()}--ctstate {Pick("NEW", "INVALID", "DNAT", "SNAT")} {Not()}--ctorigdst " +
                $"{Pick(world.Destinations)}";
            default: return $"{Not()}-s {Pick(world.Sources)}";
        }
    }

    private string AddressType(string hook)
    {
        string limit = random.Next(4) != 0 ? string.Empty
            : hook is "PREROUTING" or "INPUT" ? " --limit-iface-in" : hook is "POSTROUTING" or "OUTPUT"
            ? " --limit-iface-out" : string.Empty;
        return $"{Not()}{Pick("--dst-type", "--dst-type", "--src-type")} " +
            $"{Pick("LOCAL", "UNICAST", "LOCAL,UNICAST", "MULTICAST,UNICAST")}{limit}";
    }

    private string Conntrack() => random.Next(10) switch
    {
        0 or 1 => $"{Not()}--ctstate {Pick("NEW", "RELATED,ESTABLISHED", "INVALID", "DNAT", "NEW,SNAT", "UNTRACKED", "SNAT")}",
        2 or 3 => $"{Not()}{Pick("--ctorigdst", "--ctorigdst", "--ctorigsrc", "--ctrepldst", "--ctreplsrc")} " +
            $"{Pick([.. world.Destinations, .. world.Sources])}",
        4 => $"{Not()}--ctorigdstport {Pick("80", "443", "400:450")}",
        5 => $"{Not()}--ctstatus {Pick("EXPECTED", "NONE", "SEEN_REPLY", "CONFIRMED", "ASSURED,CONFIRMED")}",
        6 => $"--ctdir {Pick("ORIGINAL", "REPLY")}",
        7 => $"{Not()}--ctproto {Pick("tcp", "udp")}",
        8 => $"{Not()}--ctrepldstport {Pick("1024:1124", "8080")}",
        _ => $"{Not()}--ctstate NEW,RELATED --ctdir ORIGINAL",
    };

    private string IpSet(string protocol)
    {
        string family = world.IsIPv4 ? "4" : "6";
        string set = Pick(
            $"ip{family} {Pick("src", "dst")}", $"cut{family} {Pick("src", "dst")}", $"net{family} {Pick("src", "dst")}",
                $"ipport{family} {Pick("dst,dst", "src,dst", "dst,src", "dst")}",
            $"ipportip{family} {Pick("dst,dst,src", "src,dst,dst")}", $"ipportnet{family} {Pick("dst,dst,src", "src,src,dst")}",
                $"netport{family} {Pick("dst,dst", "src,dst")}",
            $"netiface{family} {Pick("src,src", "dst,src", "dst,dst")}", $"list{family} {Pick("src", "dst", "dst,dst", "src,dst")}",
            world.IsIPv4 ? $"bits {Pick("src", "dst")}" : $"ip{family} dst",
                protocol.Length > 0 || random.Next(2) == 0 ? $"ports {Pick("src", "dst")}" : $"list{family} dst");
        return $"-m set {Not()}--match-set {set}";
    }

    private string Recent()
    {
        string list = Pick("RED", "BLUE");
        string side = Pick("--rsource", "--rsource", "--rsource", "--rdest");
        return Pick(
            $"-m recent --set --name {list} {side}", $"-m recent {Not()}--rcheck --name {list} {side}",
                $"-m recent {Not()}--rcheck --seconds 60 --hitcount 2 --name {list} {side}",
            $"-m recent --rcheck --seconds 60 --reap --name {list} {side}", $"-m recent {Not()}--update --name {list} {side}",
                $"-m recent {Not()}--remove --name {list} {side}",
            $"-m recent {Not()}--update --seconds 60 --hitcount 3 --name {list} {side}");
    }

    private string Not() => random.Next(3) == 0 ? "! " : string.Empty;

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];
}
