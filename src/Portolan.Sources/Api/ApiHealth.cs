using Microsoft.Extensions.Logging;

namespace Portolan.Sources.Api;

/// <summary>
/// Says when the API server goes and when it is back: one line each, however many kinds are followed and however often they try. The same
/// cause is logged once per outage.
/// </summary>
internal sealed partial class ApiHealth(ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly HashSet<ApiResource> _failing = [];
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);

    /// <summary>True while every kind's last request worked.</summary>
    public bool IsReachable
    {
        get
        {
            lock (_lock)
                return _failing.Count == 0;
        }
    }

    /// <summary>Records a failed request; logged unless this cause has already been logged in this outage.</summary>
    public void Failed(ApiResource resource, string cause, string message)
    {
        lock (_lock)
        {
            _failing.Add(resource);
            if (_told.Add(cause))
                LogTrouble(message);
        }
    }

    public void Worked(ApiResource resource, Uri server)
    {
        lock (_lock)
        {
            if (!_failing.Remove(resource) || _failing.Count > 0)
                return;
            _told.Clear();
            LogBack(server);
        }
    }

    [LoggerMessage(3101, LogLevel.Warning, "kubernetes: {Message}")]
    private partial void LogTrouble(string message);

    [LoggerMessage(3102, LogLevel.Information,
        "kubernetes: the API server at {Server} answers again; no change was missed")]
    private partial void LogBack(Uri server);
}
