using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.State;
using Portolan.Inet;
using Portolan.Services;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;

namespace Portolan.Bench.IpTables;

/// <summary>
/// What finding the service of a connection's first packet costs: rules walked in KUBE-SERVICES and below until the service's own, and the
/// time to send a UDP datagram that opens a connection, to services from all over the list.
/// </summary>
internal static class DispatchBench
{
    private const int Packets = 2_000;

    public static void Run(IpTablesBackend backend, IpTablesDispatch dispatch, int services)
    {
        ServiceTable table = SyncBench.Cluster(services, static (i, _) =>
            ClusterGenerator.Service(i) with { Ports = [new ServicePortObject("dns", IpProtocol.Udp, 53, 0)] });
        foreach (int i in Enumerable.Range(0, services))
            table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, 1) with { Ports = [new SlicePortObject("dns", IpProtocol.Udp, 53)] }));
        TableDelta all = table.Drain();
        var options = new IpTablesOptions { Backend = backend, Dispatch = dispatch, ServesIPv6 = false, CheckPeriod = Timeout.InfiniteTimeSpan };
        int[] walks = [.. Walks(options, all, services).Order()];

        // A device that nobody reads from: it takes everything and answers nothing.
        foreach (string command in (string[])["tuntap add dev sink mode tun", "addr add 192.168.0.1/24 dev sink", "link set sink up", "route add default dev sink", "link set lo up"])
            Process.Start("ip", command)!.WaitForExit();
        using var plane = new IpTablesPlane(options, TimeProvider.System);
        plane.Apply(all, SyncBench.Node);
        Send(services, 200);
        double[] times = [.. Send(services, Packets).Order()];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{services},{backend},{dispatch},{walks[services / 2]},{walks[^1]},{times[Packets / 2]:f1},{times[(int)(Packets * 0.99)]:f1}"));
    }

    private static IEnumerable<double> Send(int services, int packets)
    {
        byte[] payload = [1];
        for (int k = 0; k < packets; k++)
        {
            // 7919 is prime: one after the other, and far apart.
            var target = new IPEndPoint(ClusterGenerator.Address((int)(k * 7919L % services)).ToIPAddress(), 53);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            long start = Stopwatch.GetTimestamp();
            socket.SendTo(payload, target);
            yield return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }
    }

    /// <summary>Rules looked at until the one that jumps to the service, for each service, read from the rules themselves.</summary>
    private static IEnumerable<int> Walks(IpTablesOptions options, TableDelta all, int services)
    {
        ChainLayout layout = ChainLayout.Of(LayoutContext.Of(IpFamily.IPv4, options, all.NodeWide!, SyncBench.Node, hasCounters: false), SyncBench.Node);
        var tables = new FamilyTables(layout, options.Dispatch);
        foreach ((ObjectName service, ServicePlan? plan) in all.Services)
            tables.Replace(service, plan);
        ChangeSet change = tables.ChangeFrom(new());
        Dictionary<string, List<string>> chains = change.Branches.ToDictionary(static branch => branch.Name,
            static branch => branch.Rules.Select(static rule => rule.Rule).ToList());
        chains[ChainName.Services] = [.. change.Added.Where(static rule => rule.Rule is { Table: RuleTable.Nat, Chain: ChainName.Services }).Select(static rule => rule.Rule.Rule)];
        for (int i = 0; i < services; i++)
            yield return Walk(chains, ChainName.Services, ClusterGenerator.Address(i));
    }

    private static int Walk(Dictionary<string, List<string>> chains, string chain, InetAddress address)
    {
        int walked = 0;
        foreach (string rule in chains[chain])
        {
            walked++;
            if (!InetPrefix.Parse(rule.AsSpan(3, rule.IndexOf(' ', 3) - 3)).Contains(address))
                continue;
            string target = rule[(rule.LastIndexOf(' ') + 1)..];
            return walked + (chains.ContainsKey(target) ? Walk(chains, target, address) : 0);
        }
        throw new InvalidOperationException($"No rule of {chain} matches {address}.");
    }
}
