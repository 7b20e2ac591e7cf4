using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>
/// Tables of iptables-nft that contain rules only nft can write. iptables-nft-save prints nothing of such a table; single
/// chains can still be printed, and the kernel lists the chains.
/// </summary>
internal static class MixedTables
{
    /// <summary>Adds what can be found out about such a table to what iptables-save printed.</summary>
    /// <exception cref="IOException">The kernel does not list the table's chains.</exception>
    public static void Complete(SavedTables saved, IpTablesTool tool, IpTable table)
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            var reader = new NfReader(socket);
            var id = new NfTableId(tool.Family == IpFamily.IPv4 ? NfFamily.IPv4 : NfFamily.IPv6, table.Text());
            foreach (NfChain chain in reader.ReadChains(id))
            {
                var known = new ChainId(table, chain.Name);
                if (table == IpTable.Nat && KubeProxyIptables.RoleOf(chain.Name).IsOwned())
                    saved.AddUnread(chain.Name);
                else if (!IsOfInterest(chain.Name))
                    continue;
                else if (tool.RulesOf(known) is { } rules)
                    saved.Add(known, rules);
                else
                    saved.AddUnread(known, reader.ReadRules(id, chain.Name).SelectMany(TargetsOf));
            }
        }
        catch (NetlinkException failure)
        {
            throw new IOException(
                $"table {table.Text()} has rules written with nft, and its chains cannot be listed: {failure.Message}", failure);
        }
    }

    // The built-in ones have upper-case names, too; chains that people create with nft hardly ever do.
    private static bool IsOfInterest(string chain) => chain.StartsWith(KubeProxyIptables.Prefix, StringComparison.Ordinal)
        || chain is "PREROUTING" or "INPUT" or "FORWARD" or "OUTPUT" or "POSTROUTING";

    private static IEnumerable<string> TargetsOf(NfRule rule)
    {
        foreach (NfExpression expression in rule.Expressions)
        {
            if (expression is NfImmediateVerdict { Verdict: var verdict })
                yield return verdict.Chain ?? (verdict.Code == NfVerdictCode.Drop ? "DROP" : "ACCEPT");
        }
    }
}
