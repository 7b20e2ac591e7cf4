using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Portolan.Sources.Api;

/// <summary>
/// Writes events to the API server: each once in ten minutes, a few at once and then one every ten seconds, and none when the server
/// refuses. Losing one is no harm, so nothing waits for them.
/// </summary>
public sealed partial class EventRecorder
{
    private const int Waiting = 64;
    private const int AtOnce = 25;
    // The API server takes 1,024 bytes (validation of events.k8s.io/v1); what we write is nearly always ASCII.
    private const int NoteLength = 1000;
    private const string Controller = "kube-proxy";

    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_once = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(5);

    private readonly string _node;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Channel<ObjectEvent> _events =
        Channel.CreateBounded<ObjectEvent>(new BoundedChannelOptions(Waiting) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<ObjectEvent, long> _written = [];
    private double _tokens = AtOnce;
    private long _filled;

    /// <summary>Events of the proxy on one node.</summary>
    /// <param name="node">The Node's name.</param>
    /// <param name="logger">Told once when the server refuses events.</param>
    /// <param name="time">The clock.</param>
    public EventRecorder(string node, ILogger<EventRecorder> logger, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        (_node, _logger, _time, _filled) = (node, logger, time, time.GetTimestamp());
    }

    /// <summary>Takes an event; never waits. Any thread.</summary>
    public void Record(ObjectEvent what) => _events.Writer.TryWrite(what);

    /// <summary>Writes what was recorded until cancelled, or until the server says that it may not.</summary>
    internal async Task RunAsync(ApiSession session, CancellationToken cancel)
    {
        await foreach (ObjectEvent what in _events.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
        {
            if (!IsDue(what))
                continue;
            if (!await WriteAsync(session, what, cancel).ConfigureAwait(false))
                break;
        }
        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancel).ConfigureAwait(false);
    }

    private bool IsDue(ObjectEvent what)
    {
        long now = _time.GetTimestamp();
        ObjectEvent[] forgotten =
            [.. _written.Where(written => _time.GetElapsedTime(written.Value, now) > s_once).Select(static written => written.Key)];
        foreach (ObjectEvent old in forgotten)
            _written.Remove(old);
        _tokens = Math.Min(AtOnce, _tokens + (_time.GetElapsedTime(_filled, now) / s_between));
        _filled = now;
        if (_tokens < 1 || !_written.TryAdd(what, now))
            return false;
        _tokens--;
        return true;
    }

    // False when there is no point in writing more.
    private async Task<bool> WriteAsync(ApiSession session, ObjectEvent what, CancellationToken cancel)
    {
        string space = what.Namespace.Length == 0 ? "default" : what.Namespace;
        for (int tries = 0; tries < 3; tries++)
        {
            ApiClient client = session.Client;
            try
            {
                await client.PostAsync($"/apis/events.k8s.io/v1/namespaces/{space}/events", Body(what, space), cancel)
                    .ConfigureAwait(false);
                return true;
            }
            catch (ApiException refusal) when (refusal.Status == HttpStatusCode.Unauthorized)
            {
                TryRenew(session, client);
            }
            catch (ApiException refusal) when (refusal.Status is HttpStatusCode.Forbidden or HttpStatusCode.NotFound)
            {
                LogRefused(refusal.Message);
                return false;
            }
            catch (Exception failure) when (failure is ApiException || ApiFailures.IsOfTheConnection(failure))
            {
                cancel.ThrowIfCancellationRequested();
            }
            await Task.Delay(s_retry, _time, cancel).ConfigureAwait(false);
        }
        return true;
    }

    // What is wrong with the kubeconfig is the source's to tell.
    private static void TryRenew(ApiSession session, ApiClient refused)
    {
        try
        {
            session.Renew(refused);
        }
        catch (SourceException)
        {
            // The old connection stays.
        }
    }

    private byte[] Body(ObjectEvent what, string space)
    {
        DateTimeOffset now = _time.GetUtcNow();
        string time = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("apiVersion", "events.k8s.io/v1");
            writer.WriteString("kind", "Event");
            writer.WriteStartObject("metadata");
            // Unique by time, as client-go names them.
            writer.WriteString("name", $"{what.Name}.{now.UtcTicks.ToString("x", CultureInfo.InvariantCulture)}");
            writer.WriteString("namespace", space);
            writer.WriteEndObject();
            writer.WriteString("eventTime", time);
            writer.WriteString("reportingController", Controller);
            writer.WriteString("reportingInstance", $"{Controller}-{_node}");
            writer.WriteString("action", what.Action);
            writer.WriteString("reason", what.Reason);
            writer.WriteStartObject("regarding");
            writer.WriteString("kind", what.Kind);
            if (what.Namespace.Length > 0)
                writer.WriteString("namespace", what.Namespace);
            writer.WriteString("name", what.Name);
            // As kube-proxy's: `kubectl describe node` looks for the Node's name there.
            writer.WriteString("uid", what.Namespace.Length > 0 ? $"{what.Namespace}/{what.Name}" : what.Name);
            writer.WriteEndObject();
            writer.WriteString("note", Shortened(what.Note));
            writer.WriteString("type", what.IsWarning ? "Warning" : "Normal");
            writer.WriteEndObject();
        }
        return bytes.ToArray();
    }

    // Never between the two halves of a character.
    private static string Shortened(string note) =>
        note.Length <= NoteLength ? note : note[..(char.IsHighSurrogate(note[NoteLength - 1]) ? NoteLength - 1 : NoteLength)];

    [LoggerMessage(3110, LogLevel.Information,
        "kubernetes: no events are written, because the API server refuses them ({Message}); the verb create on events in API group " +
        "events.k8s.io allows them")]
    private partial void LogRefused(string message);
}
