using System.Text.Json;
using Portolan.DataPlanes.Sync;

namespace Portolan.Proxy.Health;

/// <summary>What `portolan status` shows beyond the state of the loop: which mode serves and why, since when, on which kernel.</summary>
internal sealed class ProxyDetails
{
    private readonly ProxySettings _settings;
    private readonly SyncLoop _loop;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _start;
    private readonly string _node;
    private DateTimeOffset? _syncedSince;

    public ProxyDetails(ProxySettings settings, SyncLoop loop, string node, TimeProvider time)
    {
        (_settings, _loop, _node, _time, _start) = (settings, loop, node, time, time.GetUtcNow());
        _ = NoteFirstSyncAsync();
    }

    /// <summary>Adds its fields to an object that is open.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        SyncStatus status = _loop.Status;
        writer.WriteString("version", typeof(ProxyDetails).Assembly.GetName().Version?.ToString(3));
        writer.WriteString("mode", _settings.Provider.Mode);
        writer.WriteString("modeReason", _settings.ModeReason);
        writer.WriteString("node", _node);
        writer.WriteString("startedAt", HealthBody.Time(_start));
        WriteTime(writer, "syncedSince", _syncedSince);
        WriteTime(writer, "lastInStep", status.LastApplied?.WallClock);
        WriteTime(writer, "pendingSince", status.PendingSince?.WallClock);
        writer.WriteNumber("pendingSeconds", Math.Round(status.PendingSince?.Age(_time).TotalSeconds ?? 0, 3));
        writer.WriteBoolean("nodeEligible", status.IsNodeEligible);
        writer.WriteString("kernel", KernelRelease());
        writer.WriteStartArray("probes");
        foreach (ModeProbe probe in _settings.Probes)
        {
            writer.WriteStartObject();
            writer.WriteString("mode", probe.Mode);
            writer.WriteBoolean("canServe", probe.Missing is null);
            writer.WriteString("missing", probe.Missing);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteTime(Utf8JsonWriter writer, string name, DateTimeOffset? moment)
    {
        if (moment is { } known)
            writer.WriteString(name, HealthBody.Time(known));
        else
            writer.WriteNull(name);
    }

    private static string KernelRelease()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }

    private async Task NoteFirstSyncAsync()
    {
        await _loop.InitialSyncCompleted.ConfigureAwait(false);
        _syncedSince = _time.GetUtcNow();
    }
}
