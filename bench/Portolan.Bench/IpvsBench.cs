using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Bench;

/// <summary>
/// What mode ipvs costs: messages and processor time of a first sync, of a restart, and of a change, in the network namespace the process
/// runs in. The first sync is repeated in an empty kernel, because without native code the first round measures the compiler.
/// </summary>
internal static class IpvsBench
{
    private const int Changes = 200;

    internal static void Run(int services, int endpoints, int rounds, TextWriter output)
    {
        IDataPlaneProvider provider = Registry.Find("ipvs")!;
        var options = new DataPlaneOptions { WithIPv6 = false };
        for (int round = 1; round <= rounds; round++)
        {
            provider.CleanUp(null);
            ServiceTable table = Table(services, endpoints);
            using IDataPlane plane = provider.Open(options, NullLoggerFactory.Instance);
            TableDelta all = table.Drain();
            Measure(output, $"round {round}, first sync", plane, () => plane.Apply(all));
            Measure(output, $"round {round}, {Changes} times another endpoint", plane, () =>
            {
                SyncReport last = SyncReport.UpToDate;
                for (int i = 0; i < Changes; i++)
                {
                    table.Apply(new ClusterEvent.SliceSet(
                        ClusterGenerator.Slice(i * 31 % services, endpoints, generation: 1 + (round & 1))));
                    last = plane.Apply(table.Drain());
                }
                return last;
            });
            Measure(output, $"round {round}, comparison with nothing to do", plane, plane.Reconcile);
        }
    }

    private static ServiceTable Table(int services, int endpoints)
    {
        var table = new ServiceTable(new ProxyPolicy { NodeName = ClusterGenerator.NodeName });
        for (int i = 0; i < services; i++)
        {
            table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(i)));
            table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, endpoints)));
        }
        table.UseLocalAddresses([InetAddress.Parse("192.168.0.1")]);
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    private static void Measure(TextWriter output, string what, IDataPlane plane, Func<SyncReport> work)
    {
        using var process = Process.GetCurrentProcess();
        (TimeSpan user, TimeSpan kernel) = (process.UserProcessorTime, process.PrivilegedProcessorTime);
        double messages = Messages(plane);
        long start = Stopwatch.GetTimestamp();
        SyncReport report = work();
        TimeSpan wall = Stopwatch.GetElapsedTime(start);
        process.Refresh();
        if (!report.IsInForce || !report.Refusals.IsEmpty)
            throw new InvalidOperationException(string.Join("; ", report.Refusals));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: {Messages(plane) - messages:f0} messages, {wall.TotalMilliseconds:f0} ms, " +
            $"user {(process.UserProcessorTime - user).TotalMilliseconds:f0} ms, " +
            $"kernel {(process.PrivilegedProcessorTime - kernel).TotalMilliseconds:f0} ms"));
    }

    private static double Messages(IDataPlane plane) =>
        plane.ReadMetrics().Single(static sample => sample.Metric.Name == "portolan_ipvs_messages_total").Value;
}
