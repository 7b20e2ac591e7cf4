using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Sync;

namespace Portolan.Proxy.Health;

/// <summary>
/// Answers /healthz, /livez and /debug/portolan/status. Healthy as kube-proxy's healthcheck.ProxyHealthServer means it: a change that has
/// waited longer than the time-out makes the proxy unhealthy, by the monotonic clock; until the first picture of the cluster came it is
/// healthy. /healthz also depends on whether the Node is being removed.
/// </summary>
internal sealed class ProxyHealth(SyncLoop loop, TimeSpan timeout, ProxyMetrics metrics, BackgroundWork background, TimeProvider time)
{
    public bool IsHealthy => !loop.Status.IsOverdue(timeout, time);

    public Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/healthz" => AnswerHealthAsync(context, withNode: true),
        "/livez" => AnswerHealthAsync(context, withNode: false),
        "/debug/portolan/status" => AnswerStatusAsync(context),
        _ => Answers.NotFoundAsync(context),
    };

    private Task AnswerHealthAsync(HttpContext context, bool withNode)
    {
        SyncStatus status = loop.Status;
        bool isUpToDate = !status.IsOverdue(timeout, time);
        bool isHealthy = isUpToDate && (!withNode || status.IsNodeEligible);
        int code = isHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        (withNode ? metrics.HealthzAnswers : metrics.LivezAnswers).WithLabels(code.ToString(CultureInfo.InvariantCulture)).Inc();
        DateTimeOffset now = time.GetUtcNow();
        // kube-proxy keeps "lastUpdated" recent while it is healthy, though nothing changed; monitoring relies on it.
        string updated = GoTime(isHealthy ? now : status.LastApplied?.WallClock);
        string node = withNode ? $", \"nodeEligible\": {(status.IsNodeEligible ? "true" : "false")}" : "";
        return Answers.JsonAsync(context, code, $"{{\"lastUpdated\": \"{updated}\",\"currentTime\": \"{GoTime(now)}\"{node}}}");
    }

    private async Task AnswerStatusAsync(HttpContext context)
    {
        SyncStatus status = loop.Status;
        context.Response.ContentType = Answers.JsonType;
        using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
        writer.WriteStartObject();
        writer.WriteBoolean("synced", status.IsSynced);
        writer.WriteBoolean("pending", loop.IsPending);
        writer.WriteNumber("appliedSequence", status.AppliedSequence);
        writer.WriteNumber("services", status.Services);
        writer.WriteNumber("syncs", status.Syncs);
        writer.WriteNumber("failures", status.Failures);
        writer.WriteString("lastError", status.LastError);
        writer.WriteStartArray("refusals");
        foreach (Refusal refusal in status.Refusals)
        {
            writer.WriteStartObject();
            writer.WriteString("subject", refusal.Subject);
            writer.WriteString("change", refusal.Change);
            writer.WriteString("reason", refusal.Reason);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartObject("backgroundFailures");
        foreach ((string name, string message) in status.ObserverFailures.Concat(background.Failures))
            writer.WriteString(name, message);
        writer.WriteEndObject();
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    // The form of Go's time.Time.String, which kube-proxy's answer has.
    private static string GoTime(DateTimeOffset? moment) => moment is { } known
        ? known.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fffffff", CultureInfo.InvariantCulture) + " +0000 UTC"
        : "0001-01-01 00:00:00 +0000 UTC";
}
