using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Bench.IpTables;

/// <summary>
/// What finding the service of a connection's first packet costs: rules walked until the service's own, the time to send a UDP datagram
/// that opens a connection, to services from all over the list, and what one more service costs. Mode iptables with both ways of dispatch,
/// and mode nftables.
/// </summary>
internal static class DispatchBench
{
    private const int Packets = 2_000;
    private const int Changes = 10;

    private static readonly int[] s_sizes = [100, 1_000, 10_000];

    private static readonly PlotStyle[] s_styles =
    [
        new("iptables-legacy, linear", "#b3261e"), new("iptables-nft, linear", "#b3261e", "6 4"), new("iptables-legacy, tree", "#1b5e9b"),
        new("iptables-nft, tree", "#1b5e9b", "6 4"), new("mode nftables", "#2e7d32"),
    ];

    private static readonly (string Backend, string Dispatch)[] s_kinds =
        [("legacy", "linear"), ("legacy", "tree"), ("nft", "linear"), ("nft", "tree"), ("nftables", "map")];

    /// <summary>
    /// All sizes and kinds, each in a process and a network namespace of its own: a table, and a plot if a file is given.
    /// </summary>
    public static void RunAll(string? plot)
    {
        List<DispatchRow> rows = [];
        foreach (int services in s_sizes)
        {
            foreach ((string backend, string dispatch) in s_kinds)
            {
                string[] arguments = ["-n", Environment.ProcessPath!, "iptables", "walk", backend, dispatch,
                    services.ToString(CultureInfo.InvariantCulture)];
                using Process process = Process.Start(new ProcessStartInfo("unshare", arguments) { RedirectStandardOutput = true })!;
                string output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                if (process.ExitCode != 0)
                    throw new InvalidOperationException($"unshare {string.Join(' ', arguments)}: exit code {process.ExitCode}");
                rows.Add(DispatchRow.Parse(output.Trim()));
                Console.Error.WriteLine(output.Trim());
            }
        }
        Show(rows, plot);
    }

    /// <summary>The table and the plot from lines that <see cref="Run"/> printed, in whatever order they were measured.</summary>
    public static void Show(TextReader lines, string plot)
    {
        List<DispatchRow> rows = [];
        while (lines.ReadLine() is { } line)
            rows.Add(DispatchRow.Parse(line));
        Show(rows, plot);
    }

    private static void Show(List<DispatchRow> rows, string? plot)
    {
        Console.WriteLine(DispatchRow.TableHead);
        foreach (DispatchRow row in rows.OrderBy(static row => row.Services))
            Console.WriteLine(row.ToTableLine());
        if (plot is not null)
        {
            File.WriteAllText(plot, LinePlot.Draw("What finding a service costs",
                ["rules walked, median", "first datagram, µs, median", "one service added, ms, median"], s_styles,
                [
                    .. rows.Select(static row =>
                        new PlotPoint(row.Kind, row.Services, row.Walked, row.SendMicroseconds, row.AddMilliseconds)),
                ]));
        }
    }

    /// <summary>One size and kind, in this network namespace.</summary>
    public static void Run(string backend, string dispatch, int services)
    {
        ServiceTable table = SyncBench.Cluster(services, 1, static (i, _) => Service(i));
        foreach (int i in Enumerable.Range(0, services))
            table.Apply(new ClusterEvent.SliceSet(Slice(i)));
        TableDelta all = table.Drain();

        // A device that nobody reads from: it takes everything and answers nothing.
        foreach (string command in (string[])["tuntap add dev sink mode tun", "addr add 192.168.0.1/24 dev sink", "link set sink up",
            "route add default dev sink", "link set lo up"])
            Process.Start("ip", command)!.WaitForExit();
        using IDataPlane plane = backend == "nftables"
            ? new NfTablesPlane(new NfTablesOptions { WithIPv6 = false }, NullLogger<NfTablesPlane>.Instance)
            : new IpTablesPlane(
                new()
                {
                    Backend = Enum.Parse<IpTablesBackend>(backend, ignoreCase: true),
                    Dispatch = Enum.Parse<IpTablesDispatch>(dispatch, ignoreCase: true),
                    ServesIPv6 = false,
                });
        SyncBench.Check(plane.Apply(all));
        int[] walks = backend == "nftables" ? [RuleWalk.ToNfTablesMap()]
            : [.. RuleWalk.ToServices(new ToolRunner(((IpTablesPlane)plane).Backend).Save(), services).Order()];
        Send(services, 200);
        double[] times = [.. Send(services, Packets).Order()];
        Sample[] adds = [.. Enumerable.Range(services, Changes).Select(i => Sample.Of(() =>
        {
            table.Apply(new ClusterEvent.ServiceSet(Service(i)));
            table.Apply(new ClusterEvent.SliceSet(Slice(i)));
            SyncBench.Check(plane.Apply(table.Drain()));
        }))];
        Console.WriteLine(new DispatchRow(services, backend, dispatch, walks[walks.Length / 2], walks[^1], times[Packets / 2],
            times[(int)(Packets * 0.99)],
            Sample.Median(adds).Wall.TotalMilliseconds).ToText());
    }

    private static ServiceObject Service(int number) =>
        ClusterGenerator.Service(number) with { Ports = [new ServicePortObject("dns", IpProtocol.Udp, 53, 0)] };

    private static EndpointSliceObject Slice(int number) =>
        ClusterGenerator.Slice(number, 1) with { Ports = [new SlicePortObject("dns", IpProtocol.Udp, 53)] };

    private static List<double> Send(int services, int packets)
    {
        byte[] payload = [1];
        List<double> times = [];
        for (int k = 0; k < packets; k++)
        {
            // 7919 is prime: one after the other, and far apart.
            var target = new IPEndPoint(ClusterGenerator.Address((int)(k * 7919L % services)).ToIPAddress(), 53);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            long start = Stopwatch.GetTimestamp();
            socket.SendTo(payload, target);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        return times;
    }
}
