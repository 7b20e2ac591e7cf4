using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.Bench;
using Portolan.DataPlanes;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Services;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;

int n = int.Parse(args[0]);
bool mixed = args.Length > 1;
var policy = new ProxyPolicy { NodeName = "node-a", DetectorIPv4 = new LocalDetector(LocalDetection.Cidrs, [InetPrefix.Parse("10.0.0.0/8")], "") };
var table = new ServiceTable(policy);
var facts = new NodeFacts([InetAddress.Parse("192.168.0.1")], [InetAddress.Parse("192.168.0.1")]);
for (int i = 0; i < n; i++)
{
    table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(i, mixed ? ClusterGenerator.Mixed(i) : default)));
    table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, 5)));
}
table.Apply(new ClusterEvent.Synced());
using var plane = new NfTablesPlane(new NfTablesOptions { WithIPv6 = false }, (string?)null, NullLogger.Instance);
var watch = Stopwatch.StartNew();
TableDelta delta = table.Drain();
double drained = watch.Elapsed.TotalMilliseconds;
SyncReport report = plane.Apply(delta, facts);
Console.WriteLine($"first sync {watch.Elapsed.TotalMilliseconds:f1} ms (drain {drained:f1} ms) {report}");
foreach (Refusal r in report.Refusals.Take(3)) Console.WriteLine(r);
foreach (string kind in new[] { "add service", "replace endpoint", "remove service" })
{
    List<double> times = [];
    for (int k = 0; k < 2000; k++)
    {
        int i = kind == "replace endpoint" ? k * 7 % n : n + k;
        watch.Restart();
        if (kind == "add service") { table.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(i))); table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, 5))); }
        else if (kind == "replace endpoint") table.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, 5, k + 1)));
        else { table.Apply(new ClusterEvent.ServiceGone(ClusterGenerator.Name(i))); table.Apply(new ClusterEvent.SliceGone(ClusterGenerator.Name(i))); }
        report = plane.Apply(table.Drain(), facts);
        times.Add(watch.Elapsed.TotalMicroseconds);
        if (!report.Refusals.IsEmpty || !report.IsInForce) { Console.WriteLine(report); break; }
    }
    times.Sort();
    Console.WriteLine($"{kind}: p50 {times[times.Count / 2]:f1} us p99 {times[(int)(times.Count * 0.99)]:f1} us max {times[^1]:f0} us");
}
watch.Restart();
report = plane.Reconcile();
Console.WriteLine($"reconcile {watch.Elapsed.TotalMilliseconds:f1} ms {report}");
var all = new ServiceTable(policy);
for (int i = 0; i < n; i++)
{
    all.Apply(new ClusterEvent.ServiceSet(ClusterGenerator.Service(i, mixed ? ClusterGenerator.Mixed(i) : default)));
    all.Apply(new ClusterEvent.SliceSet(ClusterGenerator.Slice(i, 5)));
}
all.Apply(new ClusterEvent.Synced());
using (var second = new NfTablesPlane(new NfTablesOptions { WithIPv6 = false }, (string?)null, NullLogger.Instance))
{
    delta = all.Drain();
    watch.Restart();
    report = second.Apply(delta, facts);
    Console.WriteLine($"restart {watch.Elapsed.TotalMilliseconds:f1} ms {report}");
}
Console.WriteLine($"peak {Process.GetCurrentProcess().PeakWorkingSet64 / 1048576} MiB");
