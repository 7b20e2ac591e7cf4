using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Services.Node;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// Probes whether this kernel takes the table beside the virtual servers: all of it goes into a transaction whose last message cannot
/// succeed, so that the kernel checks it and keeps nothing.
/// </summary>
internal static class SideProbe
{
    /// <summary>What the kernel refused, for the operator; null if it would take the table.</summary>
    /// <exception cref="NetlinkException">The kernel cannot be reached over netlink.</exception>
    internal static string? Missing(NetlinkSocket socket, IpFamily family)
    {
        const int ours = 0;
        var probed = new NfTableId(family.ToNfFamily(), "portolan-ipvs-probe");
        SideProgram program = SideProgram.Build(new SideInput(family, LocalDetector.None, MasqueradeMark: 1));
        using var transaction = new NfTransaction();
        transaction.AddTable(new NfTable(probed), ours);
        foreach (NfSet set in program.Sets)
            transaction.AddSet(set with { Table = probed }, ours);
        foreach (NfChain chain in program.Chains)
            transaction.AddChain(chain with { Table = probed }, ours);
        foreach (NfRule rule in program.Rules)
            transaction.AppendRule(rule with { Table = probed }, ours);
        transaction.DeleteTable(new NfTableId(probed.Family, probed.Name + "-none"));
        CommitResult result = transaction.Commit(socket);
        // The first is the cause of others: a rule in a chain that was refused.
        CommitRefusal? refused = result.Refusals.FirstOrDefault(static refusal => refusal.Subject == ours);
        return refused is null ? null : $"{refused.Change}: {refused}";
    }
}
