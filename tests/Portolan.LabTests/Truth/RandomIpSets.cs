using System.Globalization;
using System.Text;

namespace Portolan.LabTests.Truth;

/// <summary>Random ipsets, always of the same names and types, in the language of "ipset restore".</summary>
internal sealed class RandomIpSets(Random random, TruthWorld world)
{
    /// <summary>Creates what is missing and fills all anew.</summary>
    internal string Restore()
    {
        string n = world.IsIPv4 ? "4" : "6";
        string family = world.IsIPv4 ? "inet" : "inet6";
        var text = new StringBuilder();
        void Set(string name, string type, int entries, Func<string> entry)
        {
            text.Append(CultureInfo.InvariantCulture, $"create {name} {type} -exist\nflush {name}\n");
            for (int i = 0; i < entries; i++)
                text.Append(CultureInfo.InvariantCulture, $"add {name} {entry()} -exist\n");
        }
        Set($"ip{n}", $"hash:ip family {family}", 8, Host);
        Set($"cut{n}", $"hash:ip family {family} netmask {(world.IsIPv4 ? 26 : 122)}", 3, Host);
        Set($"net{n}", $"hash:net family {family} timeout 600", 6, () => Net() + (random.Next(4) == 0 ? " nomatch" : ""));
        Set($"ipport{n}", $"hash:ip,port family {family}", 10, () => $"{Host()},{Port()}");
        Set($"ipportip{n}", $"hash:ip,port,ip family {family}", 10, () => $"{Host()},{Port()},{Host()}");
        Set($"ipportnet{n}", $"hash:ip,port,net family {family} comment", 10, () => $"{Host()},{Port()},{Net()} comment \"a, b\"");
        Set($"netport{n}", $"hash:net,port family {family} counters", 10, () => $"{Net()},{Port()}");
        Set($"netiface{n}", $"hash:net,iface family {family}", 6, () => $"{Net()},{Pick("ext0", "pod0", "physdev:ext0")}");
        Set("ports", "bitmap:port range 0-10000", 4, () => Pick("53", "80", "440-450", "1024-1060", "8080"));
        if (world.IsIPv4)
            Set("bits", "bitmap:ip range 10.180.0.0/16", 3, () => Pick("10.180.0.0/27", "10.180.0.200", "10.180.0.10-10.180.0.90"));
        text.Append(CultureInfo.InvariantCulture, $"create list{n} list:set size 8 -exist\nflush list{n}\n");
        foreach (string member in (string[])[$"ip{n}", $"ipport{n}", "ports", $"net{n}"])
        {
            if (random.Next(2) == 0)
                text.Append(CultureInfo.InvariantCulture, $"add list{n} {member} -exist\n");
        }
        return text.ToString();
    }

    private string Host() => random.Next(3) switch
    {
        0 => Pick(world.PacketDestinations),
        1 => world.External(1 + random.Next(64)),
        _ => random.Next(2) == 0 ? world.Pod(20 + random.Next(64)) : world.Node,
    };

    private string Net() => Pick([.. world.Sources, .. world.Destinations]);

    private string Port() =>
        Pick("tcp:80", "tcp:443", "udp:53", "sctp:80", "tcp:440-450", "udp:1024-1100", world.IsIPv4 ? "icmp:8/0" : "icmpv6:128/0", "esp:0");

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];
}
