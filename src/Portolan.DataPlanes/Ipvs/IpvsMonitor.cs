using Microsoft.Extensions.Logging;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>Listens for changes of our tables and routes by others. IPVS itself tells nobody of its changes.</summary>
/// <param name="tablePort">Port id of the socket that changes our tables.</param>
/// <param name="routePort">Port id of the socket that changes our routes.</param>
/// <param name="networkNamespace">Network namespace by name or path; null for the process's own.</param>
/// <param name="logger">Where the end of listening is logged.</param>
internal sealed partial class IpvsMonitor(uint tablePort, uint routePort, string? networkNamespace, ILogger logger) : IDisposable
{
    private CancellationTokenSource? _listening;

    // Written by a listening task, read by the owner when it opens the next ones.
    private volatile bool _isLost;

    /// <summary>Raised, on any thread, when somebody else changed what is ours; the text says what.</summary>
    internal event Action<string>? Changed;

    /// <summary>Starts listening; nothing that happens after this call is missed.</summary>
    internal void Open()
    {
        if (_isLost)
            Close();
        if (_listening is not null)
            return;
        _isLost = false;
        var options = new NetlinkSocketOptions { NetworkNamespace = networkNamespace };
        NfMonitor tables = NfMonitor.Open(NfMonitorTopics.Changes, options, tablePort);
        RouteMonitor routes;
        try
        {
            routes = RouteMonitor.OpenLocalRoutes(options);
        }
        catch
        {
            tables.Dispose();
            throw;
        }
        _listening = new CancellationTokenSource();
        _ = ListenAsync(tables, _listening.Token);
        _ = ListenAsync(routes, _listening.Token);
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
                    Changed?.Invoke(commit);
            }
            catch (Exception ended) when (ended is not OutOfMemoryException)
            {
                NoteEnd(ended);
            }
        }
    }

    private async Task ListenAsync(RouteMonitor monitor, CancellationToken cancel)
    {
        using (monitor)
        {
            try
            {
                await foreach (RouteEvent happened in monitor.ReadAllAsync(cancel).ConfigureAwait(false))
                {
                    if (happened is RouteEventsLost)
                        Changed?.Invoke("notifications of routes were lost");
                    else if (happened is LocalRouteEvent { Deleted: true, Route.Protocol: PortolanIpvs.RouteProtocol } gone
                        && gone.PortId != routePort)
                        Changed?.Invoke($"the local route to {gone.Route.Address} was deleted");
                }
            }
            catch (Exception ended) when (ended is not OutOfMemoryException)
            {
                NoteEnd(ended);
            }
        }
    }

    // Nobody awaits these tasks. What listening would have told is found by the next comparison, which also opens the monitor again.
    private void NoteEnd(Exception ended)
    {
        if (ended is OperationCanceledException)
            return;
        _isLost = true;
        LogLost(ended.Message);
    }

    private static string? Describe(NfEvent happened)
    {
        NfTableId? touched = happened switch
        {
            NfTableEvent { Table: var table } => table.Id,
            NfChainEvent { Chain: var chain } => chain.Table,
            NfRuleEvent { Rule: var rule } => rule.Table,
            NfSetEvent { Set: var set } => set.Table,
            NfElementsEvent { Table: var table } => table,
            _ => null,
        };
        return touched is { Name: PortolanIpvs.TableName } ours ? $"table {ours} was changed" : null;
    }

    [LoggerMessage(22, LogLevel.Error, "ipvs: the change monitor is lost ({Reason}); changes by others are found every syncPeriod")]
    private partial void LogLost(string reason);
}
