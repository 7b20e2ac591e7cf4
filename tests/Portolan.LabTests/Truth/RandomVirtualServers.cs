using System.Globalization;
using System.Text;

namespace Portolan.LabTests.Truth;

/// <summary>Random virtual servers at the destinations of random packets, as ipvsadm saves them.</summary>
internal sealed class RandomVirtualServers(Random random, TruthWorld world)
{
    private static readonly string[] s_schedulers = ["rr", "rr", "wrr", "wrr", "lc", "wlc", "sh", "sed", "nq"];

    // Marks that random rules set.
    private static readonly uint[] s_marks = [1, 0x4000];

    /// <summary>The destinations that the node has by a route alone.</summary>
    internal static IEnumerable<string> Routed(TruthWorld world) => world.PacketDestinations[..2];

    internal string Saved()
    {
        var text = new StringBuilder();
        foreach (string address in world.PacketDestinations[..3])
        {
            foreach (string protocol in (string[])["-t", "-u", "--sctp-service"])
            {
                foreach (int port in (int[])[53, 80, 443, 8080])
                {
                    if (random.Next(3) > 0)
                        Add(text, $"{protocol} {Endpoint(address, port)}", port);
                }
            }
        }
        foreach (uint mark in s_marks)
        {
            if (random.Next(3) == 0)
                Add(text, $"-f {mark}{(world.IsIPv4 ? "" : " -6")}", 0);
        }
        return text.ToString();
    }

    private void Add(StringBuilder text, string key, int port)
    {
        text.Append(CultureInfo.InvariantCulture, $"-A {key} -s {s_schedulers[random.Next(s_schedulers.Length)]}\n");
        string[] targets = [world.PacketDestinations[3], world.PacketDestinations[4], world.Node];
        foreach (string target in targets)
        {
            if (random.Next(2) == 0)
                text.Append(CultureInfo.InvariantCulture,
                    $"-a {key} -r {Endpoint(target, port == 0 ? 0 : 9000)} -m -w {random.Next(3)}\n");
        }
    }

    private string Endpoint(string address, int port) => world.IsIPv4 ? $"{address}:{port}" : $"[{address}]:{port}";
}
