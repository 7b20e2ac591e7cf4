using System.ComponentModel;
using Portolan.DataPlanes.IpTables.Layout;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Removes what a proxy in iptables mode left: kube-proxy's chains of any version, and ours.</summary>
internal static class CleanUpRules
{
    private const int ChainsPerTransaction = 500;

    // KUBE-FIREWALL, KUBE-MARK-DROP and the kubelet's hints stay: they are the kubelet's too and do nothing by themselves.
    private static readonly HashSet<string> s_shared =
    [
        ChainName.Services, ChainName.ExternalServices, ChainName.NodePorts, ChainName.PostRouting, ChainName.MarkMasquerade,
        ChainName.Forward, ChainName.ProxyFirewall, ChainName.Canary, ChainName.MarkOffCluster,
    ];

    public static SyncReport Remove(IpTablesTool tool)
    {
        SavedTables saved;
        try
        {
            saved = SavedTables.Read(tool);
        }
        catch (Exception problem) when (problem is IOException or Win32Exception)
        {
            return problem is Win32Exception
                ? SyncReport.UpToDate
                : new() { IsInForce = false, Refusals = [new("the iptables tables as a whole", "read what the kernel holds", problem.Message)] };
        }
        (string Table, string Chain)[] chains =
        [
            .. saved.Chains.Where(static chain => s_shared.Contains(chain.Chain)),
            .. saved.Owned.Keys.Select(static chain => ("nat", chain)),
        ];
        if (chains.Length == 0)
            return SyncReport.UpToDate;
        RestoreOutcome outcome = tool.Restore(script => Write(script, saved, chains, tool.Backend == IpTablesBackend.Nft));
        return outcome.Succeeded
            ? new() { Removed = chains.Length, Transactions = outcome.Commits }
            : new() { IsInForce = false, Refusals = [new("rules of mode iptables", outcome.RefusedLine, outcome.Error)] };
    }

    private static void Write(RestoreScript script, SavedTables saved, (string Table, string Chain)[] chains, bool splitsTransactions)
    {
        // First nothing leads to the chains any more, then they lead nowhere, then they go.
        foreach ((string table, string chain, string rule) in saved.Jumps())
        {
            if (!s_shared.Contains(chain) && s_shared.Contains(TargetOf(rule)))
            {
                script.Use(table);
                script.Delete(chain, rule);
            }
        }
        foreach (bool isDeleting in (ReadOnlySpan<bool>)[false, true])
        {
            int count = 0;
            foreach ((string table, string chain) in chains.OrderBy(static chain => chain.Table, StringComparer.Ordinal))
            {
                script.Use(table);
                if (isDeleting)
                    script.DeleteChain(chain);
                else
                    script.Chain(chain);
                if (splitsTransactions && ++count % ChainsPerTransaction == 0)
                    script.Commit();
            }
            script.Commit();
        }
    }

    private static string TargetOf(string rule)
    {
        int jump = rule.LastIndexOf("-j ", StringComparison.Ordinal);
        return jump < 0 ? "" : rule[(jump + 3)..];
    }
}
