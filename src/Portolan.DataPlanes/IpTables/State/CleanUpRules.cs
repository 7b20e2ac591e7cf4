using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables.State;

/// <summary>Removes what a proxy left behind in iptables: the chains of any version and mode of kube-proxy, and ours.</summary>
internal static class CleanUpRules
{
    private const int ChainsPerTransaction = 500;

    private static readonly ChainId s_firewall = ChainId.Filter(KubeProxyIptables.Firewall);

    /// <param name="tool">The tools.</param>
    /// <param name="ofIpvsAlone">True if mode iptables is in force: what only a kube-proxy in mode ipvs has.</param>
    public static SyncReport Remove(IpTablesTool tool, bool ofIpvsAlone = false)
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
        ChainId[] chains = ofIpvsAlone ? [.. saved.OfIpvs]
            : [.. saved.Shared, .. saved.Owned, .. saved.OfIpvs, .. IsFirewallFree(saved) ? [s_firewall] : Array.Empty<ChainId>()];
        if (chains.Length == 0)
            return SyncReport.UpToDate;
        RestoreOutcome outcome =
            tool.Restore(script => Write(script, saved, chains, ofIpvsAlone, tool.Backend == IpTablesBackend.Nft));
        return outcome.Succeeded
            ? new() { Removed = chains.Length, Transactions = outcome.Commits }
            : new() { IsInForce = false, Refusals = [new("rules of mode iptables", outcome.RefusedLine, outcome.Error)] };
    }

    // A kubelet fills the chain, or leaves its canary: without either the chain is a proxy's alone.
    private static bool IsFirewallFree(SavedTables saved) => saved.Has(s_firewall) && saved.RulesOf(s_firewall).Count == 0
        && !((ReadOnlySpan<ChainId>)[
            ChainId.Filter(KubeProxyIptables.KubeletCanary), ChainId.Nat(KubeProxyIptables.KubeletCanary),
            ChainId.Mangle(KubeProxyIptables.KubeletCanary)]).ToArray().Any(saved.Has);

    private static void Write(
        RestoreScript script, SavedTables saved, ChainId[] chains, bool ofIpvsAlone, bool splitsTransactions)
    {
        HashSet<ChainId> removed = [.. chains];
        // First the jumps to the chains are deleted, then their rules, then the chains.
        foreach ((ChainId chain, ShownRule rule) in saved.Jumps())
        {
            if (!removed.Contains(chain) && (removed.Contains(new ChainId(chain.Table, rule.Target))
                || (!ofIpvsAlone && IsOurJumpToTheFirewall(chain, rule))))
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

    // KUBE-FIREWALL is the kubelet's, but the kubelet never jumps there from FORWARD.
    private static bool IsOurJumpToTheFirewall(ChainId chain, ShownRule rule) =>
        chain == ClassicLayout.ForwardToFirewall.Chain && rule.Equals(ShownRule.Of(ClassicLayout.ForwardToFirewall.Rule));
}
