using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Bench;

/// <summary>
/// What a sync costs: the first one and single changes, from cluster state in memory to the kernel's acknowledgement, with the real kernel
/// in the network namespace the process runs in. One size per process, so that peak memory is that size's own.
/// </summary>
internal sealed class ControlPlaneBench(int services, int endpoints, bool isMixed, bool withCounters)
{
    private const int Changes = 2000;

    private static readonly ImmutableArray<InetAddress> s_addresses = [InetAddress.Parse("192.168.0.1")];

    private readonly NfTablesOptions _options = new() { WithCounters = withCounters };

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
        _table.UseLocalAddresses(s_addresses);
        _table.Apply(new ClusterEvent.Synced());
        long kernelBefore = KernelMemory.Bytes;

        using var plane = new NfTablesPlane(_options, NullLogger.Instance);
        var process = Process.GetCurrentProcess();
        (TimeSpan userBefore, TimeSpan kernelTimeBefore) = (process.UserProcessorTime, process.PrivilegedProcessorTime);
        long start = Stopwatch.GetTimestamp();
        TableDelta whole = _table.Drain();
        double decided = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        SyncReport report = plane.Apply(whole);
        double first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        process.Refresh();
        double user = (process.UserProcessorTime - userBefore).TotalMilliseconds;
        double kernel = (process.PrivilegedProcessorTime - kernelTimeBefore).TotalMilliseconds;
        Check(report);
        long kernelBytes = KernelMemory.Bytes - kernelBefore;

        return new ControlPlaneResult(
            services, endpoints, isMixed, withCounters, first, decided, user, kernel, report.Written,
            Empty(),
            Measure(plane, i => Add(services + i, Mix(services + i))),
            Measure(plane, i => _table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(Some(i), endpoints, i + 1)))),
            Measure(plane, i => Remove(services + i)),
            Kinds(plane),
            Process.GetCurrentProcess().PeakWorkingSet64, kernelBytes,
            Restart(plane),
            RestartDisturbed());
    }

    private ServiceMix Mix(int i) => isMixed ? ClusterGenerator.Mixed(i) : default;

    /// <summary>A service that is there, from all over the list.</summary>
    private int Some(int i) => (int)((uint)i * 2654435761u % (uint)services);

    private void Add(int number, ServiceMix mix)
    {
        _table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(number, mix)));
        _table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(number, endpoints)));
    }

    private void Remove(int number)
    {
        _table.Apply(new ClusterEvent.ServiceGone(ClusterGenerator.Name(number)));
        _table.Apply(new ClusterEvent.SliceGone(ClusterGenerator.Name(number)));
    }

    /// <summary>Changes of every kind a service knows, and of the node: the names say what the first of each pair does.</summary>
    private SortedDictionary<string, Latency> Kinds(NfTablesPlane plane)
    {
        var kinds = new SortedDictionary<string, Latency>(StringComparer.Ordinal);
        // Each kind is done to a service and undone by the next change.
        void Flip(string name, ServiceMix to, ServiceMix from = default) => kinds[name] = Measure(plane, i =>
            _table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(services, i % 2 == 0 ? to : from))));
        void AddAndRemove(string name, ServiceMix mix) => kinds[name] = Measure(plane, i =>
        {
            if (i % 2 == 0)
                Add(services + i, mix);
            else
                Remove(services + i - 1);
        });

        var nodePort = new ServiceMix(29999, Local: false, Restricted: false, Affinity: false);
        AddAndRemove("NodePort and load balancer, added and removed", nodePort);
        AddAndRemove("the same with policy Local, ranges and affinity", new(29999, Local: true, Restricted: true, Affinity: true));
        Add(services, default);
        Check(plane.Apply(_table.Drain()));
        Flip("ClusterIP to NodePort and back", nodePort);
        Flip("externalTrafficPolicy", nodePort with { Local = true }, nodePort);
        Flip("loadBalancerSourceRanges", nodePort with { Restricted = true }, nodePort);
        Flip("sessionAffinity", default(ServiceMix) with { Affinity = true });
        kinds["one endpoint more, then less"] = Measure(plane, i =>
            _table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(services, endpoints + 1 - i % 2))));
        kinds["all endpoints gone, then back"] = Measure(plane, i =>
            _table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(services, i % 2 == 0 ? 0 : endpoints))));
        kinds["ServiceCIDR"] = Measure(plane, i => _table.Apply(new ClusterEvent.ServiceCidrSet(
            new() { Name = "kubernetes", Cidrs = [InetPrefix.Parse(i % 2 == 0 ? "172.16.0.0/12" : "172.16.0.0/13")] })));
        Remove(services);
        Check(plane.Apply(_table.Drain()));

        // Costs what the NodePorts cost that move with it.
        ImmutableArray<InetAddress> more = [.. s_addresses, InetAddress.Parse("192.168.0.9")];
        kinds["node address for all NodePorts"] = Measure(plane, i => _table.UseLocalAddresses(i % 2 == 0 ? more : s_addresses),
            changes: 20);
        return kinds;
    }

    /// <summary>A new process takes over: the plane reads the kernel back and finds everything in order.</summary>
    private double Restart(NfTablesPlane running)
    {
        // What no service asks for any more goes, as it does every sync period.
        Check(running.Reconcile());
        running.Dispose();
        double time = TakeOver(out SyncReport report);
        if (report.Transactions != 0)
            throw new InvalidOperationException($"the kernel held something else: {report}");
        return time;
    }

    /// <summary>The same after somebody removed an endpoint of ours and added one of his own.</summary>
    private double RestartDisturbed()
    {
        // With affinity, a service's endpoints are in other maps.
        int plain = Enumerable.Range(services / 2, services).First(i => !Mix(i).Affinity);
        var key = new ElementFields { Destination = ClusterGenerator.Address(plain), Protocol = IpProtocol.Tcp, Port = 80 };
        var data = new ElementFields { Destination = InetAddress.Parse("10.9.9.9"), Port = 8080 };
        Element ours = ElementCodec.Encode(PortolanSet.Endpoints, key, data);
        Element foreign = ElementCodec.Encode(PortolanSet.Endpoints, key with { Port = 81 }, data);
        using (var kernel = new NfTablesKernel())
        using (var transaction = new NfTransaction())
        {
            foreach ((NfElementChange change, Element element) in ((NfElementChange, Element)[])
                [(NfElementChange.Delete, ours), (NfElementChange.Add, foreign)])
            {
                transaction.BeginElements(change, TableSchema.Table(IpFamily.IPv4), TableSchema.Name(element.Set, 0));
                transaction.Element(new NfElement { Key = element.Key, Data = change == NfElementChange.Add ? element.Data : default });
                transaction.EndElements();
            }
            if (!kernel.Commit(transaction).IsCommitted)
                throw new InvalidOperationException("the disturbance was refused");
        }
        double time = TakeOver(out SyncReport report);
        if (report is not { Written: 1, Removed: 1 })
            throw new InvalidOperationException($"the disturbance was not found: {report}");
        return time;
    }

    private double TakeOver(out SyncReport report)
    {
        TableDelta whole = new([.. _table.Plans.Select(static plan => new ServiceChange(plan.Service, plan))], _table.NodePlan);
        using var plane = new NfTablesPlane(_options, NullLogger.Instance);
        long start = Stopwatch.GetTimestamp();
        report = plane.Apply(whole);
        double time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        Check(report);
        return time;
    }

    /// <summary>Event to acknowledgement, in microseconds.</summary>
    private Latency Measure(NfTablesPlane plane, Action<int> change, int changes = Changes)
    {
        double[] times = new double[changes];
        for (int i = 0; i < changes; i++)
        {
            long start = Stopwatch.GetTimestamp();
            change(i);
            SyncReport report = plane.Apply(_table.Drain());
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
    int Services, int Endpoints, bool Mixed, bool Counters, double FirstSyncMs, double OfThatDecidingMs, double FirstSyncUserMs,
        double FirstSyncKernelMs,
    int Objects, Latency EmptyTransactionUs, Latency AddServiceUs, Latency ReplaceEndpointUs, Latency RemoveServiceUs,
    SortedDictionary<string, Latency> OtherChangesUs, long PeakProcessBytes, long KernelBytes, double RestartMs,
    double RestartDisturbedMs);
