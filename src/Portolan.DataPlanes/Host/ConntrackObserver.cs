using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Netlink.Core;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Cleans up connection tracking after each change that is in force, and retries with each reconcile what failed.
/// </summary>
public sealed partial class ConntrackObserver(ConntrackCleaner cleaner, ILogger<ConntrackObserver> logger)
{
    private readonly ILogger _logger = logger;

    /// <summary>Called after each sync. The rules are committed by then: a removed flow is translated again by the new ones.</summary>
    /// <exception cref="NetlinkException">The table cannot be read or changed; what was to be removed stays recorded.</exception>
    public void Follow(SyncRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        cleaner.Note(record.Delta);
        int removed = cleaner.Clean(record.Node.Addresses);
        if (removed > 0)
            LogRemoved(removed);
    }

    [LoggerMessage(1013, LogLevel.Debug, "conntrack: removed {Count} UDP flows to endpoints that no longer exist")]
    private partial void LogRemoved(int count);
}
