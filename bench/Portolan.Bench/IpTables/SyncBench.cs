using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Bench.IpTables;

/// <summary>
/// What a first sync and one change cost, next to iptables-restore fed with the same rules in the same run. To be run in a network
/// namespace of its own (unshare -n): it writes and flushes rules.
/// </summary>
internal sealed class SyncBench
{
    private const int Endpoints = 5;
    private const int FirstSyncs = 5;
    private const int Changes = 10;

    public static readonly ProxyPolicy Policy = new()
    {
        NodeName = ClusterGenerator.NodeName,
        DetectorIPv4 = new(LocalDetection.Cidrs, [InetPrefix.Parse("10.0.0.0/8")], ""),
    };

    public static readonly ImmutableArray<InetAddress> Addresses = [InetAddress.Parse("192.168.0.1")];

    private readonly IpTablesOptions _options;
    private readonly int _services;
    private readonly bool _isMixed;
    private readonly ToolRunner _tool;

    public SyncBench(IpTablesBackend backend, IpTablesDispatch dispatch, int services, bool isMixed)
    {
        _options = new() { Backend = backend, Dispatch = dispatch, ServesIPv6 = false };
        _services = services;
        _isMixed = isMixed;
        _tool = new(backend);
    }

    public void Run()
    {
        ServiceTable table = Cluster(_services, Endpoints, (i, mix) => ClusterGenerator.Service(i, _isMixed ? mix : default));
        TableDelta all = table.Drain();
        string rules = Path.GetTempFileName(), change = Path.GetTempFileName();
        try
        {
            using IpTablesPlane plane = FirstSync(all, rules);
            Measure(plane, "comparison with the kernel", 1, _ => plane.Reconcile());
            Measure(plane, "one endpoint replaced", Changes, k =>
                Apply(plane, table, new ClusterEvent.SliceSet(ClusterGenerator.Slice(k * 7 % _services, Endpoints, k + 1))));
            Measure(plane, "one service added", Changes, k => Apply(plane, table,
                new ClusterEvent.ServiceSet(ClusterGenerator.Service(_services + k)),
                new ClusterEvent.SliceSet(ClusterGenerator.Slice(_services + k, Endpoints))));
            Measure(plane, "one service removed", Changes, k => Apply(plane, table,
                new ClusterEvent.ServiceGone(ClusterGenerator.Name(_services + k)),
                new ClusterEvent.SliceGone(ClusterGenerator.Name(_services + k))));

            File.WriteAllText(change, "*nat\n-A KUBE-PROXY-CANARY -j RETURN\nCOMMIT\n");
            Measure("the tool alone, one rule appended", Changes, () => _tool.Restore(change, inNewNamespace: false));
            if (_options.Dispatch == IpTablesDispatch.Linear)
            {
                File.WriteAllText(change, KubeProxyChange(rules));
                Measure("the tool alone, kube-proxy's change", Changes, () => _tool.Restore(change, inNewNamespace: false));
            }
        }
        finally
        {
            File.Delete(rules);
            File.Delete(change);
        }
    }

    /// <summary>First syncs, each followed by the tool fed with what iptables-save shows of it, in a namespace of its own.</summary>
    private IpTablesPlane FirstSync(TableDelta all, string rules)
    {
        IpTablesPlane? plane = null;
        List<Sample> ours = [];
        // The sorted list in iptables-nft-restore makes one transaction of all chains take minutes: that is what is got around.
        bool hasYardstick = _options.Backend == IpTablesBackend.Legacy || _services <= 2_000;
        List<(string Order, string File, List<Sample> Samples)> yardsticks = [];
        for (int i = 0; i < FirstSyncs; i++)
        {
            if (plane is not null)
            {
                plane.Dispose();
                IpTablesPlane.CleanUp(_options.Backend);
            }
            IpTablesPlane next = plane = new(_options);
            ours.Add(Sample.Of(() => Check(next.Apply(all))));
            if (i == 0)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{_services,6}  peak memory of the first sync, cluster included: " +
                    $"{Process.GetCurrentProcess().PeakWorkingSet64 / 1048576} MiB"));
                string saved = _tool.Save();
                File.WriteAllText(rules, saved);
                if (hasYardstick)
                {
                    AddYardstick("by name", saved);
                    AddYardstick("Portolan's order", RestoreOrders.NamesReversed(saved));
                    AddYardstick("kube-proxy's order", RestoreOrders.ByService(saved));
                }
            }
            foreach ((_, string file, List<Sample> samples) in yardsticks)
                samples.Add(Sample.Of(() => _tool.Restore(file, inNewNamespace: true)));
        }
        Print("first sync", ours, $"{plane!.Statistics.Lines} lines");
        foreach ((string order, string file, List<Sample> samples) in yardsticks)
        {
            Print($"the tool alone, {order}", samples, "first sync / this: " + Ratio(Sample.Median(ours), Sample.Median(samples))
                + ", least " + Ratio(Sample.Least(ours), Sample.Least(samples)));
            File.Delete(file);
        }
        return plane;

        void AddYardstick(string order, string text)
        {
            string file = Path.GetTempFileName();
            File.WriteAllText(file, text);
            yardsticks.Add((order, file, []));
        }

        static string Ratio(Sample a, Sample b) =>
            string.Create(CultureInfo.InvariantCulture, $"{a.Wall / b.Wall:f2} ({a.Cpu / b.Cpu:f2} of processor time)");
    }

    private static SyncReport Apply(IpTablesPlane plane, ServiceTable table, params ClusterEvent[] events)
    {
        foreach (ClusterEvent one in events)
            table.Apply(one);
        return plane.Apply(table.Drain());
    }

    private void Measure(IpTablesPlane plane, string what, int times, Func<int, SyncReport> sync)
    {
        long lines = 0;
        List<Sample> samples = [];
        for (int k = 0; k < times; k++)
        {
            long before = plane.Statistics.Lines;
            samples.Add(Sample.Of(() => Check(sync(k))));
            lines = Math.Max(lines, plane.Statistics.Lines - before);
        }
        Print(what, samples, $"at most {lines} lines");
    }

    private void Measure(string what, int times, Action run) =>
        Print(what, [.. Enumerable.Range(0, times).Select(_ => Sample.Of(run))], "");

    /// <summary>
    /// What kube-proxy v1.36 feeds for one endpoint of one service: that service's chains, and KUBE-SERVICES and KUBE-NODEPORTS of the nat
    /// table whole (proxier.go, syncProxyRules with tryPartialSync).
    /// </summary>
    private static string KubeProxyChange(string rules)
    {
        string[] lines = File.ReadAllLines(rules);
        string nat = lines[Array.IndexOf(lines, "*nat")];
        string service = lines.First(static line => line.StartsWith("-A KUBE-SVC-", StringComparison.Ordinal)).Split(' ')[1];
        HashSet<string> chains = ["KUBE-SERVICES", "KUBE-NODEPORTS", service];
        foreach (string line in lines.Where(line => line.StartsWith($"-A {service} ", StringComparison.Ordinal)
            && line.Contains("-j KUBE-SEP-", StringComparison.Ordinal)))
            chains.Add(line[(line.LastIndexOf(' ') + 1)..]);
        // Both tables have a KUBE-SERVICES.
        IEnumerable<string> rulesOfNat = lines.SkipWhile(line => line != nat).TakeWhile(static line => line != "COMMIT");
        return string.Join('\n',
        [
            nat, .. chains.Select(static chain => $":{chain} - [0:0]"),
            .. rulesOfNat.Where(line => line.StartsWith("-A ", StringComparison.Ordinal) && chains.Contains(line.Split(' ', 3)[1])),
                "COMMIT", "",
        ]);
    }

    public static ServiceTable Cluster(int services, int endpoints, Func<int, ServiceMix, ServiceObject> service)
    {
        var table = new ServiceTable(Policy);
        for (int i = 0; i < services; i++)
        {
            table.Apply(new ClusterEvent.ServiceSet(service(i, ClusterGenerator.Mixed(i))));
            table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, endpoints)));
        }
        table.UseLocalAddresses(Addresses);
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    public static void Check(SyncReport report)
    {
        if (!report.IsInForce || !report.Refusals.IsEmpty)
            throw new InvalidOperationException(string.Join('\n', report.Refusals));
    }

    private void Print(string what, List<Sample> samples, string more)
    {
        (Sample median, Sample least) = (Sample.Median(samples), Sample.Least(samples));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{_services,6}  {what,-36} {median.Wall.TotalMilliseconds,8:f0} ms (least {least.Wall.TotalMilliseconds:f0})  cpu own " +
            $"{median.Own.TotalMilliseconds,6:f0}, tools {median.Tools.TotalMilliseconds,6:f0}, others " +
            $"{median.Others.TotalMilliseconds,6:f0} ms  {more}"));
    }
}
