using Microsoft.Extensions.Logging;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Listens for changes of our tables by other processes: a firewall reload, "nft flush ruleset", a curious colleague. Reports each commit
/// once, with the process that made it.
/// </summary>
/// <remarks>
/// While somebody listens, the kernel creates a notification for every element that changes, including our own. For large transactions the
/// monitor is closed; the generation number shows afterwards whether another process committed in the meantime.
/// </remarks>
internal sealed partial class TableMonitor(
    uint ownPort, string? networkNamespace, Action<string> externallyModified, TimeSpan reconcilePeriod, ILogger logger) : IDisposable
{
    private CancellationTokenSource? _listening;

    // Written by the listening task, read by the owner when it opens the next one.
    private volatile bool _isLost;

    /// <summary>True while it listens.</summary>
    internal bool IsOpen => _listening is not null;

    /// <summary>Starts listening; nothing that happens after this call is missed.</summary>
    internal void Open()
    {
        if (_listening is not null)
            return;
        NfMonitor monitor = NfMonitor.Open(
            NfMonitorTopics.Changes, new NetlinkSocketOptions { NetworkNamespace = networkNamespace }, ownPort);
        _listening = new CancellationTokenSource();
        if (_isLost)
            LogBack();
        _isLost = false;
        _ = ListenAsync(monitor, _listening.Token);
    }

    /// <summary>Stops listening.</summary>
    internal void Close()
    {
        _listening?.Cancel();
        _listening?.Dispose();
        _listening = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private async Task ListenAsync(NfMonitor monitor, CancellationToken cancel)
    {
        using (monitor)
        {
            try
            {
                await foreach (string commit in monitor.ReadCommitsAsync(Describe, cancel).ConfigureAwait(false))
                    externallyModified(commit);
            }
            catch (OperationCanceledException)
            {
                // Closed by its owner.
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                // Nobody awaits this task: whatever ended it, the next reconcile opens a new monitor.
                _isLost = true;
                LogLost(failure.Message, reconcilePeriod.TotalSeconds);
            }
        }
    }

    private static string? Describe(NfEvent happened) => happened switch
    {
        NfTableEvent { Deleted: false, Table: var table } when IsOurs(table.Id) && table.Flags.HasFlag(NfTableFlags.Dormant) =>
            $"table {table.Id} was switched off (flag dormant)",
        NfTableEvent { Table: var table } change when IsOurs(table.Id) =>
            $"table {table.Id} was {(change.Deleted ? "deleted" : "changed")}",
        NfChainEvent { Chain: var chain } when IsOurs(chain.Table) => $"chain {chain.Name} of table {chain.Table} was changed",
        NfRuleEvent { Rule: var rule } when IsOurs(rule.Table) => $"a rule of chain {rule.Chain} of table {rule.Table} was changed",
        NfSetEvent { Set: var set } when IsOurs(set.Table) => $"set {set.Name} of table {set.Table} was changed",
        // Port 0: a rule added a client, or one expired.
        NfElementsEvent { PortId: not 0 } elements when IsOurs(elements.Table) =>
            $"elements of set {elements.Set} of table {elements.Table} were changed",
        _ => null,
    };

    private static bool IsOurs(NfTableId table) =>
        table.Name == PortolanTables.TableName && table.Family is NfFamily.IPv4 or NfFamily.IPv6;

    [LoggerMessage(20, LogLevel.Error, "nftables: change monitor lost ({Reason}); reconciling every {Seconds:0.###} s until it is back")]
    private partial void LogLost(string reason, double seconds);

    [LoggerMessage(21, LogLevel.Information, "nftables: the change monitor is back")]
    private partial void LogBack();
}
