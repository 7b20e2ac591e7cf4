using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Layout;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Removes what a proxy in iptables mode left: kube-proxy's chains of any version, and ours.</summary>
internal static class CleanUpRules
{
    private const int ChainsPerTransaction = 500;

    public static SyncReport Remove(IpTablesTool tool)
    {
        SavedTables saved;
        try
        {
            saved = SavedTables.Read(tool);
        }
        catch (IOException problem)
        {
            return new() { IsInForce = false, Refusals = [new("the iptables tables as a whole", "read what the kernel holds", problem.Message)] };
        }
        (string Table, string Chain)[] chains =
        [
            .. saved.Chains.Where(static chain => ChainName.Shared.Contains(chain.Chain)),
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
            if (!ChainName.Shared.Contains(chain) && (ChainName.Shared.Contains(RuleSpec.TargetOf(rule)) || IsOurJumpToTheFirewall(table, chain, rule)))
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

    // KUBE-FIREWALL is the kubelet's, but it never leads there from FORWARD.
    private static bool IsOurJumpToTheFirewall(string table, string chain, string rule) =>
        table == "filter" && chain == "FORWARD" && rule == ClassicLayout.ForwardToFirewall.Rule;
}
