using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Netlink.Core;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Cleans connection tracking up after each change that is in force, and tries again with each reconcile what could not be done.
/// </summary>
public sealed partial class ConntrackObserver(ConntrackCleaner cleaner, ILogger<ConntrackObserver> logger)
{
    private readonly ILogger _logger = logger;

    /// <summary>Takes what the loop did. The rules are committed by then: a flow that is removed comes back by the new ones.</summary>
    /// <exception cref="NetlinkException">The table cannot be read or changed; what was to be removed stays noted.</exception>
    public void Follow(SyncRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        cleaner.Note(record.Delta);
        int removed = cleaner.Clean(record.Node.Addresses);
        if (removed > 0)
            LogRemoved(removed);
    }

    [LoggerMessage(1013, LogLevel.Debug, "conntrack: {Count} UDP flows to endpoints that are gone were removed")]
    private partial void LogRemoved(int count);
}
