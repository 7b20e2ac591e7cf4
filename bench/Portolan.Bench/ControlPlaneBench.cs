using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink;
using Portolan.Netlink.NfTables;
using Portolan.Services;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;

namespace Portolan.Bench;

/// <summary>
/// What a sync costs: the first one and single changes, from cluster state in memory to the kernel's acknowledgement, with the real kernel in
/// the network namespace the process runs in. One size per process, so that peak memory is that size's own.
/// </summary>
internal sealed class ControlPlaneBench(int services, int endpoints, bool isMixed)
{
    private const int Changes = 2000;

    private static readonly NodeFacts _facts = new([InetAddress.Parse("192.168.0.1")], [InetAddress.Parse("192.168.0.1")]);

    private readonly ServiceTable _table = new(new ProxyPolicy
    {
        NodeName = ClusterGenerator.NodeName,
        DetectorIPv4 = new LocalDetector(LocalDetection.Cidrs, [InetPrefix.Parse("10.0.0.0/8")], ""),
    });

    internal ControlPlaneResult Run()
    {
        for (int i = 0; i < services; i++)
        {
            _table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(i, Mix(i))));
            _table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, endpoints)));
        }
        _table.Apply(new ClusterEvent.Synced());
        long kernelBefore = KernelMemory.Bytes;

        using var plane = new NfTablesPlane(new NfTablesOptions(), NullLogger.Instance);
        TimeSpan cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        TableDelta whole = _table.Drain();
        double decided = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        SyncReport report = plane.Apply(whole, _facts);
        double first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        double cpu = (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalMilliseconds;
        Check(report);
        long kernelBytes = KernelMemory.Bytes - kernelBefore;

        return new ControlPlaneResult(
            services, endpoints, isMixed, first, decided, cpu, report.Written,
            Empty(),
            Measure(plane, i =>
            {
                _table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(services + i, Mix(services + i))));
                _table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(services + i, endpoints)));
            }),
            Measure(plane, i => _table.Apply(new ClusterEvent.SliceSet(
                ClusterGenerator.Slice((int)((uint)i * 2654435761u % (uint)services), endpoints, i + 1)))),
            Measure(plane, i =>
            {
                _table.Apply(new ClusterEvent.ServiceGone(ClusterGenerator.Name(services + i)));
                _table.Apply(new ClusterEvent.SliceGone(ClusterGenerator.Name(services + i)));
            }),
            Process.GetCurrentProcess().PeakWorkingSet64, kernelBytes);
    }

    private ServiceMix Mix(int i) => isMixed ? ClusterGenerator.Mixed(i) : default;

    /// <summary>Event to acknowledgement, in microseconds.</summary>
    private Latency Measure(NfTablesPlane plane, Action<int> change)
    {
        double[] times = new double[Changes];
        for (int i = 0; i < Changes; i++)
        {
            long start = Stopwatch.GetTimestamp();
            change(i);
            SyncReport report = plane.Apply(_table.Drain(), _facts);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            Check(report);
        }
        return Latency.Of(times);
    }

    /// <summary>The floor: a transaction that changes nothing.</summary>
    private static Latency Empty()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        using var transaction = new NfTransaction();
        double[] times = new double[Changes];
        for (int i = 0; i < Changes; i++)
        {
            transaction.Reset();
            transaction.AddTable(new NfTable(TableSchema.Table(IpFamily.IPv4)));
            long start = Stopwatch.GetTimestamp();
            CommitResult result = transaction.Commit(socket);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            if (!result.IsCommitted)
                throw new InvalidOperationException(string.Join("; ", result.Refusals));
        }
        return Latency.Of(times);
    }

    private static void Check(SyncReport report)
    {
        if (!report.IsInForce || !report.Refusals.IsEmpty)
            throw new InvalidOperationException($"not in force: {string.Join("; ", report.Refusals)}");
    }
}

/// <summary>Median, 99th percentile and maximum, in microseconds.</summary>
internal sealed record Latency(double P50, double P99, double Max)
{
    internal static Latency Of(double[] times)
    {
        Array.Sort(times);
        return new Latency(Math.Round(times[times.Length / 2], 1), Math.Round(times[times.Length * 99 / 100], 1), Math.Round(times[^1], 1));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{P50,7:f1} {P99,7:f1}");
}

/// <summary>One row.</summary>
internal sealed record ControlPlaneResult(
    int Services, int Endpoints, bool Mixed, double FirstSyncMs, double OfThatDecidingMs, double FirstSyncCpuMs, int Objects,
    Latency EmptyTransactionUs, Latency AddServiceUs, Latency ReplaceEndpointUs, Latency RemoveServiceUs, long PeakProcessBytes, long KernelBytes);
