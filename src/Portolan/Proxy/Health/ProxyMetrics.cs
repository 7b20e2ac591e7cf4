using Microsoft.AspNetCore.Http;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Sync;
using Portolan.Services.Plans;
using Prometheus;

namespace Portolan.Proxy.Health;

/// <summary>
/// Figures for Prometheus: kube-proxy's under kube-proxy's names (pkg/proxy/metrics/metrics.go), where Portolan has the same thing to
/// count, and its own, which begin with "portolan_".
/// </summary>
internal sealed class ProxyMetrics
{
    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly Histogram _syncSeconds;
    private readonly Histogram _reconcileSeconds;
    private readonly Gauge _lastSync;
    private readonly Gauge _lastQueued;
    private readonly Counter _serviceChanges;
    private readonly Counter _endpointChanges;
    private readonly Counter _written;
    private readonly Counter _removed;
    private readonly Counter _transactions;
    private readonly Gauge _noLocalEndpoints;
    private readonly LocalEndpointGaps _gaps = new();

    public ProxyMetrics()
    {
        MetricFactory metrics = Metrics.WithCustomRegistry(_registry);
        DotNetStats.Register(_registry);
        // 0.1 ms to 3.3 s: kube-proxy's buckets start at 1 ms, which says nothing about a sync of ten microseconds.
        var buckets = new HistogramConfiguration
        {
            Buckets =
            [.. Histogram.ExponentialBuckets(0.0001, 2, 4), .. Histogram.ExponentialBuckets(0.001, 2, 15)]
        };
        _syncSeconds = metrics.CreateHistogram("kubeproxy_sync_proxy_rules_duration_seconds", "Time a change of the rules took", buckets);
        _reconcileSeconds = metrics.CreateHistogram(
            "kubeproxy_sync_full_proxy_rules_duration_seconds", "Time a full reconcile of all rules took", buckets);
        _lastSync = metrics.CreateGauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds",
            "When rules were last updated or found up to date");
        _lastQueued = metrics.CreateGauge(
            "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
                "When the oldest change that is not in force arrived; 0 for none");
        _serviceChanges = metrics.CreateCounter("kubeproxy_sync_proxy_rules_service_changes_total", "Services whose rules changed");
        _endpointChanges = metrics.CreateCounter(
            "kubeproxy_sync_proxy_rules_endpoint_changes_total", "Service ports whose endpoints may have changed");
        _noLocalEndpoints = metrics.CreateGauge("kubeproxy_sync_proxy_rules_no_local_endpoints_total",
            "Services with a Local traffic policy and no endpoint on this node", "traffic_policy");
        HealthzAnswers = metrics.CreateCounter("kubeproxy_proxy_healthz_total", "Answers of /healthz", "code");
        LivezAnswers = metrics.CreateCounter("kubeproxy_proxy_livez_total", "Answers of /livez", "code");
        _written = metrics.CreateCounter("portolan_objects_written_total", "Kernel objects added or changed");
        _removed = metrics.CreateCounter("portolan_objects_removed_total", "Kernel objects removed");
        _transactions = metrics.CreateCounter("portolan_transactions_total", "Transactions the kernel accepted");
    }

    /// <summary>Answers of /healthz by status code.</summary>
    public Counter HealthzAnswers { get; }

    /// <summary>Answers of /livez by status code.</summary>
    public Counter LivezAnswers { get; }

    /// <summary>Adds values that can only be read at the time of a scrape.</summary>
    public void Watch(SyncLoop loop)
    {
        MetricFactory metrics = Metrics.WithCustomRegistry(_registry);
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
            _lastSync.Set(SecondsOf(status.LastApplied));
            _lastQueued.Set(SecondsOf(status.PendingSince));
        });
        loop.Observe("metrics", Count);
    }

    /// <summary>Adds the plane's own metrics, read at each scrape.</summary>
    public void Watch(IDataPlane plane)
    {
        MetricFactory metrics = Metrics.WithCustomRegistry(_registry);
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

    public Task HandleAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return _registry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
    }

    private void Count(SyncRecord record)
    {
        (record.Kind == SyncKind.Reconcile ? _reconcileSeconds : _syncSeconds).Observe(record.Elapsed.TotalSeconds);
        _written.Inc(record.Report.Written);
        _removed.Inc(record.Report.Removed);
        _transactions.Inc(record.Report.Transactions);
        _serviceChanges.Inc(record.Delta.Services.Length);
        foreach (ServiceChange change in record.Delta.Services)
        {
            _endpointChanges.Inc(change.Plan?.Ports.Length ?? 0);
            _gaps.Note(change);
        }
        _noLocalEndpoints.WithLabels("internal").Set(_gaps.Internal);
        _noLocalEndpoints.WithLabels("external").Set(_gaps.External);
    }

    private static double SecondsOf(Moment? moment) => moment is { } known ? known.WallClock.ToUnixTimeMilliseconds() / 1000.0 : 0;
}
