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

    /// <summary>What to do about a server that cannot be reached, where more can be said than that; null else.</summary>
    public string? Advice { get; init; }

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
                LogTrouble(cause == ApiFailures.Connection && Advice is not null ? $"{message}. {Advice}" : message);
        }
    }

    /// <summary>Says that nothing has answered yet, unless something has been said already.</summary>
    /// <param name="server">The server.</param>
    /// <param name="elapsed">How long it was waited for.</param>
    public void Silent(Uri server, TimeSpan elapsed)
    {
        lock (_lock)
        {
            if (_told.Add(ApiFailures.Connection))
                LogTrouble($"the API server at {server} has not answered for {elapsed.TotalSeconds:0.#} s. {Advice}");
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
