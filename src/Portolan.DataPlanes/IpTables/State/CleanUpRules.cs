using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>Removes what a proxy in iptables mode left behind: the chains of any version of kube-proxy, and ours.</summary>
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
            return new()
            {
                IsInForce = false,
                Refusals = [new("the iptables tables as a whole", "read what the kernel holds", problem.Message)],
            };
        }
        ChainId[] chains = [.. saved.Shared, .. saved.Owned];
        if (chains.Length == 0)
            return SyncReport.UpToDate;
        RestoreOutcome outcome = tool.Restore(script => Write(script, saved, chains, tool.Backend == IpTablesBackend.Nft));
        return outcome.Succeeded
            ? new() { Removed = chains.Length, Transactions = outcome.Commits }
            : new() { IsInForce = false, Refusals = [new("rules of mode iptables", outcome.RefusedLine, outcome.Error)] };
    }

    private static void Write(RestoreScript script, SavedTables saved, ChainId[] chains, bool splitsTransactions)
    {
        // First the jumps to the chains are deleted, then their rules, then the chains.
        foreach ((ChainId chain, ShownRule rule) in saved.Jumps())
        {
            if (!IsShared(chain.Name) && (IsShared(rule.Target) || IsOurJumpToTheFirewall(chain, rule)))
                script.Delete(chain, rule, owner: null);
        }
        foreach (bool isDeleting in (ReadOnlySpan<bool>)[false, true])
        {
            int count = 0;
            foreach (ChainId chain in chains.OrderBy(static chain => chain.Table))
            {
                if (isDeleting)
                    script.DeleteChain(chain);
                else
                    script.Empty(chain);
                if (splitsTransactions && ++count % ChainsPerTransaction == 0)
                    script.Commit();
            }
            script.Commit();
        }
    }

    private static bool IsShared(string chain) => KubeProxyIptables.RoleOf(chain).IsShared();

    // KUBE-FIREWALL is the kubelet's, but the kubelet never jumps there from FORWARD.
    private static bool IsOurJumpToTheFirewall(ChainId chain, ShownRule rule) =>
        chain == ClassicLayout.ForwardToFirewall.Chain && rule.Equals(ShownRule.Of(ClassicLayout.ForwardToFirewall.Rule));
}
