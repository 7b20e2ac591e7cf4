using System.Diagnostics;
using System.Globalization;
using System.Text;
using Portolan.DataPlanes;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.State;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Services;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;

namespace Portolan.Bench.IpTables;

/// <summary>
/// What a first sync and one change cost, next to iptables-restore fed with the same rules in the same run. To be run in a network namespace
/// of its own (unshare -n): it writes and flushes rules.
/// </summary>
internal static class SyncBench
{
    private const int Endpoints = 5;
    private const int Changes = 20;

    public static readonly ProxyPolicy Policy = new()
    {
        NodeName = ClusterGenerator.NodeName,
        DetectorIPv4 = new(LocalDetection.Cidrs, [InetPrefix.Parse("10.0.0.0/8")], ""),
    };

    public static readonly NodeFacts Node = new([InetAddress.Parse("192.168.0.1")], [InetAddress.Parse("192.168.0.1")]) { NodePortsOnAllIPv4 = true };

    public static void Run(IpTablesBackend backend, IpTablesDispatch dispatch, int services)
    {
        var options = new IpTablesOptions { Backend = backend, Dispatch = dispatch, ServesIPv6 = false, CheckPeriod = Timeout.InfiniteTimeSpan };
        ServiceTable table = Cluster(services, static (i, mix) => ClusterGenerator.Service(i, mix));
        TableDelta all = table.Drain();

        Console.WriteLine($"{services,6}  memory before {Memory()} MiB");
        using var plane = new IpTablesPlane(options, TimeProvider.System);
        Time("first sync", () => plane.Apply(all, Node));
        Console.WriteLine($"{services,6}  peak memory {Process.GetCurrentProcess().PeakWorkingSet64 / 1048576} MiB");
        Time("comparison with the kernel", plane.Reconcile);
        Measure("one endpoint replaced", k => [new ClusterEvent.SliceSet(ClusterGenerator.Slice(k * 7 % services, Endpoints, k + 1))]);
        Measure("one service added", k =>
            [new ClusterEvent.ServiceSet(ClusterGenerator.Service(services + k)), new ClusterEvent.SliceSet(ClusterGenerator.Slice(services + k, Endpoints))]);
        Measure("one service removed", k =>
            [new ClusterEvent.ServiceGone(ClusterGenerator.Name(services + k)), new ClusterEvent.SliceGone(ClusterGenerator.Name(services + k))]);
        Console.WriteLine($"{services,6}  peak memory {Process.GetCurrentProcess().PeakWorkingSet64 / 1048576} MiB");

        RunTool(backend, services, "the tool alone, an empty change", "*nat\nCOMMIT\n", ofItsOwn: false);
        // The sorted list in iptables-nft-restore makes one transaction of all chains take minutes: that is what is got around.
        if (backend == IpTablesBackend.Legacy || services <= 2_000)
            RunTool(backend, services, "the tool alone, the same rules", AllRules(options, all), ofItsOwn: true);

        void Time(string what, Func<SyncReport> sync)
        {
            long lines = plane.Statistics.Lines;
            TimeSpan cpu = Cpu();
            var watch = Stopwatch.StartNew();
            SyncReport report = sync();
            TimeSpan wall = watch.Elapsed;
            Print(services, what, wall, Cpu() - cpu, $"{plane.Statistics.Lines - lines} lines, {report.Transactions} transactions");
            Check(report);
        }

        void Measure(string what, Func<int, ClusterEvent[]> change)
        {
            List<TimeSpan> times = [];
            long lines = 0;
            TimeSpan cpu = Cpu();
            for (int k = 0; k < Changes; k++)
            {
                foreach (ClusterEvent one in change(k))
                    table.Apply(one);
                TableDelta delta = table.Drain();
                var watch = Stopwatch.StartNew();
                SyncReport report = plane.Apply(delta, Node);
                times.Add(watch.Elapsed);
                lines = Math.Max(lines, plane.Statistics.LastLines);
                Check(report);
            }
            times.Sort();
            Print(services, what, times[times.Count / 2], (Cpu() - cpu) / Changes, $"longest {times[^1].TotalMilliseconds:f1} ms, at most {lines} lines");
        }
    }

    /// <summary>
    /// Processor time of this process and of the tools it ran. Wall-clock time says little where others use the machine; this hardly changes.
    /// </summary>
    private static TimeSpan Cpu()
    {
        // Fields 14 to 17 of proc(5), in hundredths of a second: user and system time, own and of children that were waited for.
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        long ticks = fields[11..15].Sum(static field => long.Parse(field, CultureInfo.InvariantCulture));
        return TimeSpan.FromMilliseconds(ticks * 10);
    }

    public static ServiceTable Cluster(int services, Func<int, ServiceMix, ServiceObject> service)
    {
        var table = new ServiceTable(Policy);
        for (int i = 0; i < services; i++)
        {
            table.Apply(new ClusterEvent.ServiceSet(service(i, ClusterGenerator.Mixed(i))));
            table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, Endpoints)));
        }
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    private static void Check(SyncReport report)
    {
        if (!report.IsInForce || !report.Refusals.IsEmpty)
            throw new InvalidOperationException(string.Join('\n', report.Refusals));
    }

    private static long Memory()
    {
        GC.Collect();
        return Environment.WorkingSet / 1048576;
    }

    private static string AllRules(IpTablesOptions options, TableDelta all)
    {
        ChainLayout layout = ChainLayout.Of(LayoutContext.Of(IpFamily.IPv4, options, all.NodeWide!, Node, hasCounters: false), Node);
        var tables = new FamilyTables(layout, options.Dispatch);
        foreach ((ObjectName service, ServicePlan? plan) in all.Services)
            tables.Replace(service, plan);
        var output = new MemoryStream();
        using (var script = new RestoreScript(output))
            tables.ChangeFrom(new SavedTables()).Write(script, splitsTransactions: false);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static void RunTool(IpTablesBackend backend, int services, string what, string script, bool ofItsOwn)
    {
        string program = backend == IpTablesBackend.Nft ? "iptables-nft-restore" : "iptables-legacy-restore";
        string[] command = ofItsOwn ? ["unshare", "-n", program, "--noflush"] : [program, "--noflush"];
        TimeSpan cpu = Cpu();
        var watch = Stopwatch.StartNew();
        using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true })!;
        process.StandardInput.Write(script);
        process.StandardInput.Close();
        process.WaitForExit();
        TimeSpan wall = watch.Elapsed;
        Print(services, what, wall, Cpu() - cpu, $"exit code {process.ExitCode}");
    }

    private static void Print(int services, string what, TimeSpan wall, TimeSpan cpu, string more) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{services,6}  {what,-34} {wall.TotalMilliseconds,10:f1} ms  cpu {cpu.TotalMilliseconds,9:f1} ms  {more}"));
}
