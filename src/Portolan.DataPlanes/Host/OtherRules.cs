using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.NfTables;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Rules of service proxies that this process does not keep: of Portolan's other modes, and of a kube-proxy that ran here before. They are
/// removed once the new rules are in force, because two proxies' rules translate the same packets.
/// </summary>
public static class OtherRules
{
    private const string KubeProxyTable = "kube-proxy";
    private static readonly string[] _tablesOfIpTables = ["nat", "filter", "mangle"];

    /// <summary>
    /// Removes the rules of every plane but one, and those of a kube-proxy. Of mode iptables those of the other back-end go as well: the
    /// kernel runs both, and only one is kept in step.
    /// </summary>
    /// <param name="plane">The plane whose rules stay.</param>
    /// <returns>One line for each thing removed.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">The iptables tools are missing, or refused.</exception>
    public static IReadOnlyList<string> RemoveAllBut(IDataPlane plane)
    {
        ArgumentNullException.ThrowIfNull(plane);
        List<string> removed = RemoveModes(plane is NfTablesPlane, plane is PeriodicChecks kept ? kept.Plane.Backend : IpTablesBackend.Auto);
        if (RemoveKubeProxyTables())
            removed.Add("the nf_tables tables of a kube-proxy in nftables mode");
        return removed;
    }

    /// <summary>Removes everything any mode of Portolan writes. iptables mode shares its chains with kube-proxy's, so those go too.</summary>
    /// <returns>One line for each thing removed.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">The iptables tools are missing, or refused.</exception>
    public static IReadOnlyList<string> RemoveAll() => RemoveModes(keepsNfTables: false, keptBackend: IpTablesBackend.Auto);

    /// <param name="keepsNfTables">True to keep mode nftables.</param>
    /// <param name="keptBackend">The back-end whose chains stay; Auto for none.</param>
    private static List<string> RemoveModes(bool keepsNfTables, IpTablesBackend keptBackend)
    {
        List<string> removed = [];
        if (!keepsNfTables && NfTablesPlane.RemoveAll())
            removed.Add("the nf_tables tables of mode nftables");
        // Asking the tools would load kernel modules, and make tables, where nobody uses them.
        if (keptBackend != IpTablesBackend.Nft && HasKubeChains() && RemoveChains(IpTablesBackend.Nft))
            removed.Add("the chains of mode iptables");
        if (keptBackend != IpTablesBackend.Legacy && HasLegacyTables() && RemoveChains(IpTablesBackend.Legacy))
            removed.Add("the chains of mode iptables (legacy)");
        return removed;
    }

    private static bool RemoveChains(IpTablesBackend backend)
    {
        SyncReport report = IpTablesPlane.CleanUp(backend);
        return report.Refusals.IsEmpty
            ? report.Removed > 0
            : throw new InvalidOperationException(string.Join("; ", report.Refusals.Select(static refusal => refusal.Reason)));
    }

    // The kubelet's chains are no reason: they stay.
    private static bool HasKubeChains()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        var reader = new NfReader(socket);
        return reader.ReadTables()
            .Where(static table => table.Id.Family is NfFamily.IPv4 or NfFamily.IPv6 && _tablesOfIpTables.Contains(table.Id.Name))
            .Any(table => reader.ReadChains(table.Id).Any(static chain => IsOfProxy(KubeProxyIptables.RoleOf(chain.Name))));

        static bool IsOfProxy(KubeChainRole role) => role.IsShared() || role.IsOwned();
    }

    private static bool HasLegacyTables() =>
        HasContent("/proc/thread-self/net/ip_tables_names") || HasContent("/proc/thread-self/net/ip6_tables_names");

    private static bool HasContent(string path)
    {
        try
        {
            return File.ReadAllText(path).Length > 0;
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool RemoveKubeProxyTables()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        using var transaction = new NfTransaction();
        foreach (NfTable table in new NfReader(socket).ReadTables().Where(static table => table.Id.Name == KubeProxyTable))
            transaction.DeleteTable(table.Id);
        return !transaction.IsEmpty && transaction.Commit(socket).IsCommitted;
    }
}
