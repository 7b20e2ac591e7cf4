using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Proxy.Health;

namespace Portolan.Proxy;

/// <summary>
/// What happened lately, for the console: the log's messages, and the changes that came into force, which the log leaves out. Kept in
/// memory, the newest only.
/// </summary>
internal sealed class Timeline(TimeProvider time) : ILoggerProvider
{
    private const int Most = 500;
    private const int LongestText = 1000;
    private const int Minutes = 60;

    private readonly Lock _gate = new();
    private readonly Queue<Entry> _entries = new();
    private readonly (long Minute, int Syncs, int Changes, double Milliseconds)[] _cost = new (long, int, int, double)[Minutes];
    private readonly DateTimeOffset _start = time.GetUtcNow();

    /// <summary>Called after each entry, on the thread that made it.</summary>
    internal Action? Added { get; set; }

    /// <summary>Takes a step of the loop.</summary>
    public void Follow(SyncRecord record)
    {
        int written = record.Report.Written + record.Report.Removed;
        NoteCost(record);
        if (record.Kind != SyncKind.Change || written == 0)
            return;
        int services = record.Delta.Services.Length;
        string text = services == 1
            ? string.Create(CultureInfo.InvariantCulture, $"a change of {record.Delta.Services[0].Service} came into force")
            : string.Create(CultureInfo.InvariantCulture, $"changes of {services} services came into force");
        Add(new Entry(time.GetUtcNow(), "sync", text)
        {
            Services = services,
            Milliseconds = record.Elapsed.TotalMilliseconds,
            Subject = services == 1 ? record.Delta.Services[0].Service.ToString() : null,
        });
    }

    /// <summary>All of it as JSON, the newest first.</summary>
    internal ReadOnlyMemory<byte> ToJson(ProxySettings settings)
    {
        using Lock.Scope held = _gate.EnterScope();
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("startedAt", HealthBody.Time(_start));
            writer.WriteString("mode", settings.Provider.Mode);
            writer.WriteString("modeReason", settings.ModeReason);
            WriteCost(writer);
            writer.WriteStartArray("entries");
            foreach (Entry entry in _entries.Reverse())
            {
                writer.WriteStartObject();
                writer.WriteString("time", HealthBody.Time(entry.Time));
                writer.WriteString("kind", entry.Kind);
                writer.WriteString("text", entry.Text);
                WriteNumber(writer, "services", entry.Services);
                WriteNumber(writer, "milliseconds", entry.Milliseconds);
                writer.WriteString("subject", entry.Subject);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return bytes.WrittenMemory;
    }

    ILogger ILoggerProvider.CreateLogger(string categoryName) => new Ear(this, categoryName);

    void IDisposable.Dispose()
    {
    }

    private void Add(Entry entry)
    {
        using (_gate.EnterScope())
        {
            if (_entries.Count >= Most)
                _entries.Dequeue();
            _entries.Enqueue(entry);
        }
        Added?.Invoke();
    }

    private long Minute => (long)time.GetElapsedTime(0).TotalMinutes;

    private void NoteCost(SyncRecord record)
    {
        using Lock.Scope held = _gate.EnterScope();
        long minute = Minute;
        ref (long Minute, int Syncs, int Changes, double Milliseconds) cost = ref _cost[minute % Minutes];
        if (cost.Minute != minute)
            cost = (minute, 0, 0, 0);
        cost = (minute, cost.Syncs + 1, cost.Changes + record.Delta.Services.Length, cost.Milliseconds + record.Elapsed.TotalMilliseconds);
    }

    private static void WriteNumber(Utf8JsonWriter writer, string name, double? number)
    {
        if (number is { } known)
            writer.WriteNumber(name, Math.Round(known, 3));
        else
            writer.WriteNull(name);
    }

    private void WriteCost(Utf8JsonWriter writer)
    {
        long oldest = Minute - Minutes;
        var recent = _cost.Where(cost => cost.Minute > oldest).ToArray();
        DateTimeOffset hourAgo = time.GetUtcNow() - TimeSpan.FromMinutes(Minutes);
        writer.WriteStartObject("cost");
        writer.WriteNumber("syncs", recent.Sum(static cost => cost.Syncs));
        writer.WriteNumber("changes", recent.Sum(static cost => cost.Changes));
        writer.WriteNumber("milliseconds", Math.Round(recent.Sum(static cost => cost.Milliseconds), 1));
        writer.WriteString("since", HealthBody.Time(_start > hourAgo ? _start : hourAgo));
        writer.WriteEndObject();
    }

    /// <param name="Time">When.</param>
    /// <param name="Kind">"sync", "repair", "refused", "accepted", "mode", "api", "failure", "problem" or "start".</param>
    /// <param name="Text">A sentence without its end.</param>
    private sealed record Entry(DateTimeOffset Time, string Kind, string Text)
    {
        internal int? Services { get; init; }

        internal double? Milliseconds { get; init; }

        internal string? Subject { get; init; }
    }

    private sealed class Ear(Timeline timeline, string category) : ILogger
    {
        IDisposable? ILogger.BeginScope<TState>(TState state) => null;

        bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (logLevel < LogLevel.Information)
                return;
            string text = formatter(state, exception);
            timeline.Add(new Entry(timeline.Now, KindOf(logLevel, eventId), text.Length > LongestText ? text[..LongestText] : text));
        }

        // By the numbers of the messages, which are stable: those of the loop (SyncReporter.Log.cs) and of the proxy (ProxyLog.cs).
        private string KindOf(LogLevel level, EventId id) => id.Id switch
        {
            1001 => "start",
            1003 or 1004 => "repair",
            1007 => "refused",
            1008 or 1011 => "accepted",
            1010 or 1012 => "problem",
            11 when category == typeof(ProxyLog).FullName => "mode",
            _ when level < LogLevel.Warning => "start",
            _ => category.StartsWith("Portolan.Sources", StringComparison.Ordinal) ? "api" : "failure",
        };
    }

    private DateTimeOffset Now => time.GetUtcNow();
}
