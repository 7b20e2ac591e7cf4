using System.Runtime.InteropServices;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.DataPlanes.Sync;
using Portolan.Services.Plans;
using Prometheus;

namespace Portolan.Proxy.Health;

/// <summary>
/// Figures for Prometheus: kube-proxy's under kube-proxy's names, types, labels and buckets (pkg/proxy/metrics/metrics.go of v1.36), and
/// its own, which begin with "portolan_".
/// </summary>
/// <remarks>
/// One transaction has both families, so what kube-proxy counts for each family apart is the same in both here.
/// </remarks>
internal sealed class ProxyMetrics
{
    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly string[] _families;
    private readonly PendingChanges _pending;
    private readonly Histogram _syncSeconds;
    private readonly Histogram _fullSeconds;
    private readonly Histogram _partialSeconds;
    private readonly Histogram _programmingSeconds;
    private readonly Histogram _transactionSeconds;
    private readonly Gauge _lastSync;
    private readonly Gauge _lastQueued;
    private readonly Counter _serviceChanges;
    private readonly Counter _endpointChanges;
    private readonly Counter _written;
    private readonly Counter _removed;
    private readonly Counter _transactions;
    private readonly Counter _repairs;
    private readonly Gauge _noLocalEndpoints;
    private readonly Counter _conntrackDeleted;
    private readonly Histogram _conntrackSeconds;
    private readonly LocalEndpointGaps _gaps = new();
    private bool _hasSynced;

    /// <param name="withIPv6">The node serves IPv6 as well as IPv4.</param>
    /// <param name="pending">The changes on their way.</param>
    public ProxyMetrics(bool withIPv6, PendingChanges pending)
    {
        (_families, _pending) = (withIPv6 ? ["IPv4", "IPv6"] : ["IPv4"], pending);
        MetricFactory metrics = Metrics.WithCustomRegistry(_registry);
        DotNetStats.Register(_registry);
        ProcessFigures.Register(_registry, metrics);
        Api = new ApiFigures(metrics);
        HistogramConfiguration bySync = ByFamily(Histogram.ExponentialBuckets(0.001, 2, 15));
        _syncSeconds = metrics.CreateHistogram("kubeproxy_sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds", bySync);
        _fullSeconds = metrics.CreateHistogram(
            "kubeproxy_sync_full_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for full resyncs", bySync);
        _partialSeconds = metrics.CreateHistogram(
            "kubeproxy_sync_partial_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for partial resyncs", bySync);
        // kube-proxy's list begins with a bucket of 0, which its merge of ranges leaves there.
        _programmingSeconds = metrics.CreateHistogram(
            "kubeproxy_network_programming_duration_seconds", "In Cluster Network Programming Latency in seconds", ByFamily(
            [
                0, .. Histogram.LinearBuckets(0.25, 0.25, 2), .. Histogram.LinearBuckets(1, 1, 59), .. Histogram.LinearBuckets(60, 5, 12),
                .. Histogram.LinearBuckets(120, 30, 7),
            ]));
        _conntrackSeconds = metrics.CreateHistogram(
            "kubeproxy_conntrack_reconciler_sync_duration_seconds", "ReconcileConntrackFlowsLatency latency in seconds", bySync);
        _conntrackDeleted = metrics.CreateCounter("kubeproxy_conntrack_reconciler_deleted_entries_total",
            "Cumulative conntrack flows deleted by conntrack reconciler", "ip_family");
        _lastSync = metrics.CreateGauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds",
            "The last time proxy rules were successfully synced", "ip_family");
        _lastQueued = metrics.CreateGauge("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
            "The last time a sync of proxy rules was queued", "ip_family");
        _serviceChanges = metrics.CreateCounter("kubeproxy_sync_proxy_rules_service_changes_total",
            "Cumulative proxy rules Service changes");
        _endpointChanges = metrics.CreateCounter("kubeproxy_sync_proxy_rules_endpoint_changes_total",
            "Cumulative proxy rules Endpoint changes");
        _noLocalEndpoints = metrics.CreateGauge("kubeproxy_sync_proxy_rules_no_local_endpoints_total",
            "Number of services with a Local traffic policy and no endpoints", "ip_family", "traffic_policy");
        HealthzAnswers = metrics.CreateCounter("kubeproxy_proxy_healthz_total", "Cumulative proxy healthz HTTP status", "code");
        LivezAnswers = metrics.CreateCounter("kubeproxy_proxy_livez_total", "Cumulative proxy livez HTTP status", "code");
        AddBuildInfo(metrics);
        _written = metrics.CreateCounter("portolan_objects_written_total", "Kernel objects added or changed");
        _removed = metrics.CreateCounter("portolan_objects_removed_total", "Kernel objects removed");
        _transactions = metrics.CreateCounter("portolan_transactions_total", "Transactions the kernel accepted");
        _repairs = metrics.CreateCounter("portolan_repairs_total",
            "Times that rules were not as they should be and were mended, by what told of it", "cause");
        // 0.1 ms to 3.3 s: kube-proxy's buckets start at 1 ms, which says nothing about a change of a hundred microseconds.
        _transactionSeconds = metrics.CreateHistogram("portolan_transaction_duration_seconds",
            "Time that a change took in the plane and the kernel",
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.0001, 2, 16) });
        MakeVisible();
    }

    /// <summary>Answers of /healthz by status code.</summary>
    public Counter HealthzAnswers { get; }

    /// <summary>Answers of /livez by status code.</summary>
    public Counter LivezAnswers { get; }

    /// <summary>Requests to the API server.</summary>
    public ApiFigures Api { get; }

    /// <summary>Adds values that can only be read at the time of a scrape.</summary>
    public void Watch(SyncLoop loop)
    {
        MetricFactory metrics = Metrics.WithCustomRegistry(_registry);
        Gauge servicesPending = metrics.CreateGauge("kubeproxy_sync_proxy_rules_service_changes_pending",
            "Pending proxy rules Service changes");
        Gauge endpointsPending = metrics.CreateGauge("kubeproxy_sync_proxy_rules_endpoint_changes_pending",
            "Pending proxy rules Endpoint changes");
        Gauge services = metrics.CreateGauge("portolan_services", "Services this node serves");
        Gauge refusals = metrics.CreateGauge("portolan_refused_objects", "Objects that are quarantined because the kernel refused them");
        Counter failures = metrics.CreateCounter("portolan_sync_failures_total",
            "Syncs that failed, or in which the kernel refused something");
        Gauge pending = metrics.CreateGauge("portolan_changes_pending", "1 while a change is pending or being applied");
        _registry.AddBeforeCollectCallback(() =>
        {
            SyncStatus status = loop.Status;
            services.Set(status.Services);
            refusals.Set(status.Refusals.Length);
            failures.IncTo(status.Failures);
            pending.Set(loop.IsPending ? 1 : 0);
            (int pendingServices, int pendingEndpoints) = _pending.CountBeyond(status.AppliedSequence);
            servicesPending.Set(pendingServices);
            endpointsPending.Set(pendingEndpoints);
            ForEachFamily(family =>
            {
                _lastSync.WithLabels(family).Set(SecondsOf(status.LastApplied?.WallClock));
                _lastQueued.WithLabels(family).Set(SecondsOf(_pending.LastQueued));
            });
        });
        loop.Observe("metrics", Count);
    }

    /// <summary>Adds the figures a plane keeps of its own, read at each scrape, and says which mode serves and why.</summary>
    public void Watch(IDataPlane plane, string modeReason)
    {
        MetricFactory metrics = Metrics.WithCustomRegistry(_registry);
        metrics.CreateGauge("portolan_mode_info", "1: the mode that serves, and why", "mode", "reason").WithLabels(plane.Mode, modeReason)
            .Set(1);
        var counters = plane.Metrics.Where(static metric => metric.IsCounter)
            .ToDictionary(static metric => metric, metric => metrics.CreateCounter(metric.Name, metric.Help, [.. metric.Labels]));
        var gauges = plane.Metrics.Where(static metric => !metric.IsCounter)
            .ToDictionary(static metric => metric, metric => metrics.CreateGauge(metric.Name, metric.Help, [.. metric.Labels]));
        _registry.AddBeforeCollectCallback(() =>
        {
            // Values labelled with something that no longer exists (a service port) must not stay in the answer.
            foreach (Gauge gauge in gauges.Where(static gauge => !gauge.Key.Labels.IsEmpty).Select(static gauge => gauge.Value))
            {
                foreach (string[] known in gauge.GetAllLabelValues())
                    gauge.RemoveLabelled(known);
            }
            foreach (PlaneSample sample in plane.ReadMetrics())
            {
                if (sample.Metric.IsCounter)
                    counters[sample.Metric].WithLabels([.. sample.Labels]).IncTo(sample.Value);
                else
                    gauges[sample.Metric].WithLabels([.. sample.Labels]).Set(sample.Value);
            }
        });
    }

    /// <summary>Takes a pass over connection tracking.</summary>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="removed">How many flows it removed, of each family.</param>
    public void NoteConntrack(TimeSpan elapsed, CleanedConnections removed)
    {
        ForEachFamily(family =>
        {
            _conntrackSeconds.WithLabels(family).Observe(elapsed.TotalSeconds);
            _conntrackDeleted.WithLabels(family).Inc(family == "IPv4" ? removed.Total - removed.IPv6 : removed.IPv6);
        });
    }

    /// <summary>Writes all figures in the text format of Prometheus.</summary>
    public Task WriteAsync(Stream body, CancellationToken cancel) => _registry.CollectAndExportAsTextAsync(body, cancel);

    private static HistogramConfiguration ByFamily(double[] buckets) => new() { LabelNames = ["ip_family"], Buckets = buckets };

    private static double SecondsOf(DateTimeOffset? moment) => moment is { } known ? known.ToUnixTimeMilliseconds() / 1000.0 : 0;

    // Alerts about version skew compare major and minor with the API server's.
    private static void AddBuildInfo(MetricFactory metrics)
    {
        string[] release = ProxyCommand.KubernetesVersion.TrimStart('v').Split('.');
        string version = $"{ProxyCommand.KubernetesVersion}+portolan-{typeof(ProxyMetrics).Assembly.GetName().Version?.ToString(3)}";
        string architecture = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "amd64"
            : RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "other";
        metrics.CreateGauge("kubernetes_build_info",
            "A metric with a constant '1' value labeled by what is served in place of, and the program that does.",
            "build_date", "compiler", "git_commit", "git_tree_state", "git_version", "go_version", "major", "minor", "platform")
            .WithLabels("", "dotnet", "", "", version, "", release[0], release[1], $"linux/{architecture}").Set(1);
    }

    // A series that appears with its first value makes rates and alerts miss that value.
    private void MakeVisible()
    {
        ForEachFamily(family =>
        {
            foreach (Histogram histogram in (ReadOnlySpan<Histogram>)[_syncSeconds, _fullSeconds, _partialSeconds, _programmingSeconds,
                _conntrackSeconds])
                histogram.WithLabels(family).Publish();
            _conntrackDeleted.WithLabels(family).Publish();
            _noLocalEndpoints.WithLabels(family, "internal").Publish();
            _noLocalEndpoints.WithLabels(family, "external").Publish();
        });
        foreach (string code in (ReadOnlySpan<string>)["200", "503"])
        {
            HealthzAnswers.WithLabels(code).Publish();
            LivezAnswers.WithLabels(code).Publish();
        }
        _repairs.WithLabels("notice").Publish();
        _repairs.WithLabels("comparison").Publish();
    }

    private void ForEachFamily(Action<string> action) => Array.ForEach(_families, action);

    private void Count(SyncRecord record)
    {
        bool isFull = record.Kind == SyncKind.Reconcile || !_hasSynced;
        _hasSynced = true;
        IReadOnlyList<TimeSpan> latencies = _pending.Complete(record.Sequence);
        if (record.Kind == SyncKind.Change)
            _transactionSeconds.Observe(record.Elapsed.TotalSeconds);
        else if (record.IsRepair || record.Report.Written + record.Report.Removed > 0)
            _repairs.WithLabels(record.IsRepair ? "notice" : "comparison").Inc();
        _written.Inc(record.Report.Written);
        _removed.Inc(record.Report.Removed);
        _transactions.Inc(record.Report.Transactions);
        _serviceChanges.Inc(record.Delta.Services.Length);
        foreach (ServiceChange change in record.Delta.Services)
        {
            _endpointChanges.Inc(change.Plan?.Ports.Length ?? 0);
            _gaps.Note(change);
        }
        ForEachFamily(family =>
        {
            _syncSeconds.WithLabels(family).Observe(record.Elapsed.TotalSeconds);
            (isFull ? _fullSeconds : _partialSeconds).WithLabels(family).Observe(record.Elapsed.TotalSeconds);
            foreach (TimeSpan latency in latencies)
                _programmingSeconds.WithLabels(family).Observe(latency.TotalSeconds);
            _noLocalEndpoints.WithLabels(family, "internal").Set(_gaps.Internal);
            _noLocalEndpoints.WithLabels(family, "external").Set(_gaps.External);
        });
    }
}
