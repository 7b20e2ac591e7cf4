using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.DataPlanes.Sync;

namespace Portolan.Proxy.Health;

/// <summary>
/// Answers /healthz, /livez and /debug/portolan/status. A change that has waited longer than the time-out makes the proxy unhealthy, by the
/// monotonic clock (kube-proxy: healthcheck.ProxyHealthServer). /healthz also asks whether the Node is to stay, and, unlike kube-proxy's,
/// whether the first whole picture of the cluster is in force: a node that has just started has no rules, and a load balancer must not send
/// traffic there. /livez does not: to start again brings no API server nearer.
/// </summary>
internal sealed class ProxyHealth(
    SyncLoop loop, TimeSpan timeout, ProxyMetrics metrics, BackgroundWork background, ConntrackObserver cleaner, TimeProvider time)
{
    public bool IsHealthy => !loop.Status.IsOverdue(timeout, time);

    public Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/healthz" => AnswerHealthAsync(context, withNode: true),
        "/livez" => AnswerHealthAsync(context, withNode: false),
        // On all addresses /healthz may answer; what this says is for the node's own people alone.
        "/debug/portolan/status" when IsFromThisNode(context.Connection) => AnswerStatusAsync(context),
        _ => Answers.NotFoundAsync(context),
    };

    /// <summary>What the proxy says of itself beyond the loop; set before the first request.</summary>
    public Action<Utf8JsonWriter>? Details { get; init; }

    private static bool IsFromThisNode(ConnectionInfo connection) => connection.RemoteIpAddress is { } peer
        && (IPAddress.IsLoopback(peer) || peer.Equals(connection.LocalIpAddress)
            || (peer.IsIPv4MappedToIPv6 && IPAddress.IsLoopback(peer.MapToIPv4())));

    private Task AnswerHealthAsync(HttpContext context, bool withNode)
    {
        SyncStatus status = loop.Status;
        bool isUpToDate = !status.IsOverdue(timeout, time);
        bool isHealthy = isUpToDate && (!withNode || (status.IsSynced && status.IsNodeEligible));
        int code = isHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        (withNode ? metrics.HealthzAnswers : metrics.LivezAnswers).WithLabels(code.ToString(CultureInfo.InvariantCulture)).Inc();
        DateTimeOffset now = time.GetUtcNow();
        // kube-proxy keeps "lastUpdated" recent while it is healthy, though nothing changed; monitoring relies on it.
        return Answers.JsonAsync(context, code, HealthBody.Of(status, isUpToDate, isHealthy, withNode, now));
    }

    private async Task AnswerStatusAsync(HttpContext context)
    {
        SyncStatus status = loop.Status;
        context.Response.ContentType = Answers.JsonType;
        using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
        writer.WriteStartObject();
        writer.WriteBoolean("synced", status.IsSynced);
        // In this order: what the loop has finished is with the cleaner by then.
        writer.WriteBoolean("pending", loop.IsPending || cleaner.IsPending);
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
        Details?.Invoke(writer);
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
