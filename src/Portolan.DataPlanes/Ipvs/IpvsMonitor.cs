using System.Globalization;
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

    /// <summary>Raised, on any thread, when somebody else changed what is ours; the text says what.</summary>
    internal event Action<string>? Changed;

    /// <summary>Starts listening; nothing that happens after this call is missed.</summary>
    internal void Open()
    {
        if (_listening is not null)
            return;
        var options = new NetlinkSocketOptions { NetworkNamespace = networkNamespace };
        NfMonitor tables = NfMonitor.Open(NfMonitorTopics.Changes, options, tablePort);
        RouteMonitor routes = RouteMonitor.OpenLocalRoutes(options);
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
                string? touched = null;
                await foreach (NfEvent happened in monitor.ReadAllAsync(cancel).ConfigureAwait(false))
                {
                    switch (happened)
                    {
                        case NfEventsLost:
                            touched = null;
                            Changed?.Invoke("notifications of nf_tables were lost");
                            break;
                        case NfGenerationEvent generation when touched is not null:
                            Changed?.Invoke(string.Create(CultureInfo.InvariantCulture,
                                $"{touched} was changed by process {generation.Generation.ThreadId} ({generation.Generation.ThreadName})"));
                            touched = null;
                            break;
                        default:
                            touched = Table(happened) is { Name: PortolanIpvs.TableName } table ? $"table {table}" : touched;
                            break;
                    }
                }
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

    // Nobody awaits these tasks. What listening would have told is found by the next comparison.
    private void NoteEnd(Exception ended)
    {
        if (ended is not OperationCanceledException)
            LogLost(ended.Message);
    }

    private static NfTableId? Table(NfEvent happened) => happened switch
    {
        NfTableEvent { Table: var table } => table.Id,
        NfChainEvent { Chain: var chain } => chain.Table,
        NfRuleEvent { Rule: var rule } => rule.Table,
        NfSetEvent { Set: var set } => set.Table,
        NfElementsEvent { Table: var table } => table,
        _ => null,
    };

    [LoggerMessage(22, LogLevel.Error, "ipvs: the change monitor is lost ({Reason}); changes by others are found every syncPeriod")]
    private partial void LogLost(string reason);
}
