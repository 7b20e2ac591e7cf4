using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables;

/// <summary>
/// Listens for what other programs change in our chains of iptables-nft, and reports each commit once. What others do in their own chains
/// is not reported, and of the built-in chains only the deletion of a jump to one of ours.
/// </summary>
/// <param name="own">The tools that this plane runs.</param>
/// <param name="modified">Called on any thread.</param>
internal sealed class ChainMonitor(OwnTools own, Action<string> modified) : IDisposable
{
    private CancellationTokenSource? _listening;
    private volatile bool _isLost;

    /// <summary>True while it listens.</summary>
    public bool IsOpen => _listening is not null && !_isLost;

    /// <summary>Starts listening in the network namespace of the calling thread.</summary>
    /// <returns>False if the kernel does not allow it; <see cref="IpTablesPlane.Check"/> then finds what others change.</returns>
    public bool TryOpen()
    {
        if (IsOpen)
            return true;
        Close();
        NfMonitor monitor;
        try
        {
            monitor = NfMonitor.Open();
        }
        catch (NetlinkException)
        {
            return false;
        }
        _isLost = false;
        _listening = new CancellationTokenSource();
        _ = ListenAsync(monitor, _listening.Token);
        return true;
    }

    /// <summary>Stops listening: while somebody listens, the kernel creates a notification for each rule of a large change.</summary>
    public void Close()
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
                await foreach (string commit in monitor.ReadCommitsAsync(DescribeOthers, cancel).ConfigureAwait(false))
                    modified(commit);
            }
            catch (OperationCanceledException)
            {
                // Closed by its owner.
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                // Nobody awaits this task: whatever ended it, the owner's next check opens a new monitor.
                _isLost = true;
            }
        }
    }

    private string? DescribeOthers(NfEvent happened) => own.Owns(happened.PortId) ? null : Describe(happened);

    private static string? Describe(NfEvent happened) => happened switch
    {
        NfTableEvent { Deleted: true, Table.Id: var table } when IsOurs(table) => $"{FamilyOf(table)}: table {table.Name} was deleted",
        NfTableEvent { Deleted: false, Table: var table } when IsOurs(table.Id) && DormantTables.IsOff(table) =>
            $"{FamilyOf(table.Id)}: table {table.Id.Name} was switched off (flag dormant)",
        NfChainEvent { Chain: var chain } change when IsOurs(chain.Table) && IsOfProxy(chain.Name) =>
            $"{FamilyOf(chain.Table)}: chain {chain.Name} of table {chain.Table.Name} was {(change.Deleted ? "deleted" : "changed")}",
        NfRuleEvent { Rule: var rule } change when IsOurs(rule.Table) && (IsOfProxy(rule.Chain) || (change.Deleted && LeadsToUs(rule))) =>
            $"{FamilyOf(rule.Table)}: a rule of chain {rule.Chain} of table {rule.Table.Name} was {(change.Deleted ? "deleted" : "added")}",
        _ => null,
    };

    private static bool IsOurs(NfTableId table) =>
        table.Family is NfFamily.IPv4 or NfFamily.IPv6 && IpTableNames.Parse(table.Name) is not null;

    private static bool IsOfProxy(string chain)
    {
        KubeChainRole role = KubeProxyIptables.RoleOf(chain);
        return role.IsShared() || role.IsOwned();
    }

    private static bool LeadsToUs(NfRule rule) => rule.Expressions.Any(static expression =>
        expression is NfImmediateVerdict { Verdict.Chain: { } chain }
        && chain.StartsWith(KubeProxyIptables.Prefix, StringComparison.Ordinal));

    private static string FamilyOf(NfTableId table) => table.Family == NfFamily.IPv4 ? "IPv4" : "IPv6";
}
