using System.Globalization;
using Portolan.Sources.Api;
using Prometheus;

namespace Portolan.Proxy.Health;

/// <summary>
/// Requests to the API server under client-go's names (component-base metrics/prometheus/restclient), and watches begun again.
/// </summary>
internal sealed class ApiFigures
{
    private readonly Counter _requests;
    private readonly Histogram _seconds;
    private readonly Counter _reconnects;
    private readonly HashSet<string> _watched = new(StringComparer.Ordinal);

    public ApiFigures(MetricFactory metrics)
    {
        _requests = metrics.CreateCounter("rest_client_requests_total",
            "Number of HTTP requests, partitioned by status code, method, and host.", "code", "host", "method");
        _seconds = metrics.CreateHistogram("rest_client_request_duration_seconds",
            "Request latency in seconds. Broken down by verb, and host.", new HistogramConfiguration
            {
                LabelNames = ["host", "verb"],
                Buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
            });
        _reconnects = metrics.CreateCounter("portolan_watch_reconnects_total", "Watches begun again after the first", "resource");
    }

    /// <summary>Takes a request that was answered, or failed.</summary>
    public void Note(ApiRequest request)
    {
        string code = request.Status is { } status ? ((int)status).ToString(CultureInfo.InvariantCulture) : "<error>";
        _requests.WithLabels(code, request.Host, "GET").Inc();
        _seconds.WithLabels(request.Host, "GET").Observe(request.Elapsed.TotalSeconds);
        if (request.WatchedResource is not { } resource)
            return;
        lock (_watched)
        {
            if (!_watched.Add(resource))
                _reconnects.WithLabels(resource).Inc();
        }
    }
}
