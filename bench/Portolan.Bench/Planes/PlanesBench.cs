using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.Bench.IpTables;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Services.Planning;

namespace Portolan.Bench.Planes;

/// <summary>
/// The claim of articles about IPVS, measured: what the first packet of a connection meets until its service is found, and what connect()
/// takes, by number of services, in all planes. Rules of mode iptables are those of kube-proxy, in iptables-legacy.
/// </summary>
internal static class PlanesBench
{
    // On a busy host most connections are slowed by something else: the least of many to a service is what its rules take.
    private const int Tries = 25, Targets = 60;
    private const int Endpoints = 5;
    private const int ServicePort = 80, EndpointPort = 8080;

    private static readonly PlotStyle[] s_styles =
    [
        new("iptables, kube-proxy's chains", "#b3261e"), new("iptables, tree", "#1b5e9b"), new("ipvs", "#e08a00"),
        new("nftables", "#2e7d32"),
    ];

    /// <summary>One kind and size, in this network namespace, whose rules and addresses are changed and left; prints a line.</summary>
    internal static void Run(string kind, int services)
    {
        // Endpoints are this machine's own, so that one packet has only its rules between it and the answer.
        foreach (string command in (string[])["link set lo up", "link add eth0 type dummy", "addr add 192.168.0.1/24 dev eth0",
            "link set eth0 up", "route add default dev eth0", "route add local 10.0.0.0/8 dev lo"])
            Process.Start("ip", command)!.WaitForExit();
        using IDataPlane? plane = Open(kind);
        if (plane is not null)
        {
            ServiceTable table = SyncBench.Cluster(services, Endpoints, static (i, _) => ClusterGenerator.Service(i));
            SyncBench.Check(plane.Apply(table.Drain()));
        }
        int[] met = [.. Met(kind, plane, services).Order()];
        using Socket listener = Listen();
        double[] times = [.. Connect(kind, services).Order()];
        Console.WriteLine(new PlaneRow(services, kind, met[met.Length / 2], met[^1], times[times.Length / 2],
            times[^1]).ToText());
    }

    /// <summary>The table, and the plot, of lines that <see cref="Run"/> printed.</summary>
    internal static void Show(TextReader lines, string plot)
    {
        List<PlaneRow> rows = [];
        while (lines.ReadLine() is { } line)
            rows.Add(PlaneRow.Parse(line));
        Console.WriteLine(PlaneRow.TableHead);
        foreach (PlaneRow row in rows.Where(static row => row.Kind != "none").OrderBy(static row => row.Services))
            Console.WriteLine(row.ToTableLine(rows.Single(one => one.Kind == "none" && one.Services == row.Services)));
        File.WriteAllText(plot, LinePlot.Draw("What a connection meets and takes in each plane",
            ["rules and look-ups met, median", "connect(), µs, median", "connect(), µs, farthest service"], s_styles,
            [
                .. rows.Where(static row => row.Kind != "none").Select(static row =>
                    new PlotPoint(row.Name, row.Services, row.Met, row.ConnectMicroseconds, row.SlowConnectMicroseconds)),
            ]));
    }

    private static IDataPlane? Open(string kind)
    {
        if (kind == "none")
            return null;
        bool isIpTables = kind is "linear" or "tree";
        IDataPlaneProvider provider = Registry.Find(isIpTables ? "iptables" : kind)!;
        var options = new DataPlaneOptions { WithIPv6 = false };
        return provider.Open(isIpTables
            ? options with
            {
                Given = ImmutableDictionary<string, string>.Empty.Add("--iptables-backend", "legacy").Add("--iptables-dispatch", kind),
            }
            : options, NullLoggerFactory.Instance);
    }

    private static IEnumerable<int> Met(string kind, IDataPlane? plane, int services) => kind switch
    {
        "ipvs" => [RuleWalk.ToVirtualServer()],
        "nftables" => [RuleWalk.ToNfTablesMap()],
        "none" => [0],
        _ => RuleWalk.ToServices(new ToolRunner(((IpTablesPlane)plane!).Backend).Save(), services),
    };

    private static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Any, EndpointPort));
        listener.Listen(512);
        new Thread(() =>
        {
            try
            {
                while (true)
                    listener.Accept().Dispose();
            }
            catch (SocketException)
            {
                // The end: the listener is closed.
            }
        })
        { IsBackground = true }.Start();
        return listener;
    }

    private static double[] Connect(string kind, int services)
    {
        int targets = Math.Min(Targets, services);
        double[] least = [.. Enumerable.Repeat(double.MaxValue, targets)];
        for (int k = 0; k < targets * Tries; k++)
        {
            // From all over the list, the last one included, and in turns.
            int which = k % targets, service = (int)((which + 1L) * services / targets) - 1;
            IPEndPoint target = kind == "none"
                ? new(ClusterGenerator.Slice(service, Endpoints).Endpoints[0].Address.ToIPAddress(), EndpointPort)
                : new(ClusterGenerator.Address(service).ToIPAddress(), ServicePort);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            { LingerState = new LingerOption(true, 0) };
            long start = Stopwatch.GetTimestamp();
            socket.Connect(target);
            least[which] = Math.Min(least[which], Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        return least;
    }
}
