using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy.Health;

/// <summary>
/// The pages of metricsBindAddress: kube-proxy's own, and those that all of Kubernetes' programs have (component-base: configz, zpages,
/// metrics/slis).
/// </summary>
internal sealed class DebugPages(KubeProxyConfig config, ProxyMetrics metrics, string mode, TimeProvider time)
{
    private const string Notice = "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility " +
        "guarantees and is for debugging purposes only.";

    private static readonly string[] s_pages =
        ["/configz", "/flagz", "/healthz", "/healthz/ping", "/metrics", "/metrics/slis", "/proxyMode", "/statusz"];

    private readonly DateTimeOffset _start = time.GetUtcNow();
    private readonly long _started = time.GetTimestamp();
    private long _pings;

    public Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/metrics" => SendMetricsAsync(context),
        "/metrics/slis" => SendSlisAsync(context),
        "/proxyMode" => Answers.TextAsync(context, mode),
        "/healthz" => AnswerPingAsync(context, context.Request.Query.ContainsKey("verbose") ? "[+]ping ok\nhealthz check passed\n" : "ok"),
        "/healthz/ping" => AnswerPingAsync(context, "ok"),
        "/configz" => Answers.JsonAsync(context, StatusCodes.Status200OK, Configz(config)),
        "/flagz" => Answers.TextAsync(context, Flagz(config)),
        "/statusz" => Answers.TextAsync(context, Statusz()),
        _ => Answers.NotFoundAsync(context),
    };

    private Task AnswerPingAsync(HttpContext context, string body)
    {
        Interlocked.Increment(ref _pings);
        return Answers.TextAsync(context, body);
    }

    private Task SendSlisAsync(HttpContext context) => SendAsync(context, body => body.WriteAsync(Encoding.UTF8.GetBytes(
        "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.\n" +
        "# TYPE kubernetes_healthcheck gauge\n" +
        "kubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1\n" +
        "# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all healthcheck.\n" +
        "# TYPE kubernetes_healthchecks_total counter\n" +
        $"kubernetes_healthchecks_total{{name=\"ping\",status=\"success\",type=\"healthz\"}} {Interlocked.Read(ref _pings)}\n"),
        context.RequestAborted).AsTask());

    private Task SendMetricsAsync(HttpContext context) => SendAsync(context, body => metrics.WriteAsync(body, context.RequestAborted));

    private static async Task SendAsync(HttpContext context, Func<Stream, Task> write)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        bool isZipped = context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        if (!isZipped)
        {
            await write(response.Body).ConfigureAwait(false);
            return;
        }
        response.Headers.ContentEncoding = "gzip";
        var zipped = new GZipStream(response.Body, CompressionLevel.Fastest);
        await using (zipped.ConfigureAwait(false))
            await write(zipped).ConfigureAwait(false);
    }

    /// <summary>The configuration with all its fields, under the name of its API group.</summary>
    internal static string Configz(KubeProxyConfig config)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("kubeproxy.config.k8s.io");
            string[] open = [];
            foreach ((string field, string value) in KubeProxyConfigWriter.Values(config)
                .OrderBy(static pair => pair.Key, StringComparer.Ordinal))
            {
                string[] path = field.Split('.');
                int shared = 0;
                while (shared < Math.Min(open.Length, path.Length - 1) && open[shared] == path[shared])
                    shared++;
                for (int depth = open.Length; depth > shared; depth--)
                    writer.WriteEndObject();
                foreach (string section in path[shared..^1])
                    writer.WriteStartObject(section);
                writer.WritePropertyName(path[^1]);
                if (IsJson(value))
                    writer.WriteRawValue(value);
                else
                    writer.WriteStringValue(value);
                open = path[..^1];
            }
            foreach (string _ in open)
                writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static bool IsJson(string value)
    {
        try
        {
            using var _ = JsonDocument.Parse(value);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Flagz(KubeProxyConfig config)
    {
        Dictionary<string, string> values = KubeProxyConfigWriter.Values(config).ToDictionary();
        IEnumerable<string> lines = ProxyFlags.All.Where(static flag => flag.Fields.Length > 0)
            .OrderBy(static flag => flag.Name, StringComparer.Ordinal)
            .Select(flag => $"{flag.Name.TrimStart('-')}={values[flag.Fields.Split('|')[^1]].Trim('"')}");
        return $"\nportolan flagz\n{Notice}\n\n{string.Join('\n', lines)}\n";
    }

    private string Statusz()
    {
        TimeSpan up = time.GetElapsedTime(_started);
        return string.Create(CultureInfo.InvariantCulture, $"""

            portolan statusz
            {Notice}

            Started: {_start.UtcDateTime:ddd MMM dd HH:mm:ss 'UTC' yyyy}
            Up: {(long)up.TotalHours} hr {up.Minutes:00} min {up.Seconds:00} sec
            Binary version: {typeof(DebugPages).Assembly.GetName().Version?.ToString(3)}
            Emulation version: {ProxyCommand.KubernetesVersion[1..^2]}
            Paths: {string.Join(' ', s_pages)}

            """);
    }
}
