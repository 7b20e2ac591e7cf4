using System.Globalization;
using System.Text;
using Portolan.DataPlanes.Sync;

namespace Portolan.Proxy.Health;

/// <summary>The JSON of /healthz and /livez, field by field as kube-proxy v1.36 has it (pkg/proxy/healthcheck/proxy_health.go).</summary>
internal static class HealthBody
{
    private static readonly string[] s_families = ["IPv4", "IPv6"];

    /// <summary>One line without white space, times as RFC 3339 in UTC.</summary>
    /// <param name="status">State of the loop.</param>
    /// <param name="isUpToDate">No change has waited for too long.</param>
    /// <param name="isHealthy">The answer as a whole.</param>
    /// <param name="withNode">Say whether the Node takes new traffic.</param>
    /// <param name="now">The time.</param>
    public static string Of(SyncStatus status, bool isUpToDate, bool isHealthy, bool withNode, DateTimeOffset now)
    {
        string applied = Time(status.LastApplied?.WallClock);
        // kube-proxy keeps "lastUpdated" recent while it is healthy, though nothing changed; monitoring relies on it.
        var body = new StringBuilder($"{{\"lastUpdated\":\"{(isHealthy ? Time(now) : applied)}\",\"currentTime\":\"{Time(now)}\"");
        if (withNode)
            body.Append($",\"nodeEligible\":{Text(status.IsNodeEligible)}");
        body.Append($",\"healthy\":{Text(isUpToDate)}");
        if (status.LastApplied is not null)
        {
            // One transaction brings both families in step.
            IEnumerable<string> families = s_families.Select(family =>
                $"\"{family}\":{{\"lastUpdated\":\"{applied}\",\"healthy\":{Text(isUpToDate)}}}");
            body.Append($",\"status\":{{{string.Join(',', families)}}}");
        }
        return body.Append('}').ToString();
    }

    /// <summary>As Go's time.RFC3339Nano; its zero time for null.</summary>
    internal static string Time(DateTimeOffset? moment) => moment is { } known
        ? known.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture)
        : "0001-01-01T00:00:00Z";

    private static string Text(bool value) => value ? "true" : "false";
}
