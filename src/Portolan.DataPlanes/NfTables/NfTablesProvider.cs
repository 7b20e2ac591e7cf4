using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>Mode nftables: tables of our own, over netlink.</summary>
internal sealed class NfTablesProvider : IDataPlaneProvider
{
    // The name of both tables of a kube-proxy in this mode (pkg/proxy/nftables/proxier.go).
    private const string KubeProxyTable = "kube-proxy";

    private static readonly PlaneOption s_counters =
        new("--counters", "Count new connections for each frontend (mode nftables).", "false", "true");

    /// <inheritdoc/>
    public string Mode => NfTablesPlane.ModeName;

    /// <inheritdoc/>
    public ImmutableArray<PlaneOption> Options { get; } = [s_counters];

    /// <inheritdoc/>
    public string? Probe(DataPlaneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            ImmutableArray<string> missing = KernelProbe.Missing(socket, IpFamily.IPv4);
            if (missing.IsEmpty && options.WithIPv6)
                missing = KernelProbe.Missing(socket, IpFamily.IPv6);
            return missing.IsEmpty
                ? null
                : $"this kernel ({KernelRelease}) lacks what mode nftables needs: {string.Join("; ", missing)}. Mode iptables " +
                    "may work here";
        }
        catch (NetlinkException failure)
        {
            return $"this kernel ({KernelRelease}) has no usable nf_tables ({failure.Message}): CONFIG_NF_TABLES is needed, perhaps " +
                "'modprobe nf_tables'";
        }
    }

    private static string KernelRelease => Environment.OSVersion.Version.ToString(3);

    /// <inheritdoc/>
    public IDataPlane Open(DataPlaneOptions options, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new NfTablesPlane(
            new NfTablesOptions
            {
                MasqueradeBit = options.MasqueradeBit,
                WithCounters = options.ValueOf(s_counters) == "true",
                WithIPv6 = options.WithIPv6,
                SyncPeriod = options.SyncPeriod,
            },
            loggers.CreateLogger<NfTablesPlane>());
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> CleanUp(IDataPlane? inForce)
    {
        // A kernel without nf_tables has no tables to remove.
        if (!HasNfTables())
            return [];
        List<string> removed = [];
        if (inForce is not NfTablesPlane && NfTablesPlane.RemoveAll())
            removed.Add("the nf_tables tables of mode nftables");
        // Portolan did not write them: they go when it serves the same services, and when nobody is to serve any more.
        if (RemoveKubeProxyTables())
            removed.Add("the nf_tables tables of a kube-proxy in nftables mode");
        return removed;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Find()
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            NfTable[] tables = [.. new NfReader(socket).ReadTables()];
            string[] names = [KubeProxyTable, TableSchema.Table(IpFamily.IPv4).Name];
            return [.. tables.Where(table => names.Contains(table.Id.Name))
                .Select(static table => $"nf_tables table {(table.Id.Family == NfFamily.IPv4 ? "ip" : "ip6")} {table.Id.Name}")];
        }
        catch (NetlinkException)
        {
            return [];
        }
    }

    private static bool HasNfTables()
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            new NfReader(socket).ReadTables();
            return true;
        }
        catch (NetlinkException)
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
        if (transaction.IsEmpty)
            return false;
        CommitResult result = transaction.Commit(socket);
        return result.IsCommitted
            ? true
            : throw new InvalidOperationException($"the kernel refused to delete the tables of kube-proxy: " +
                $"{string.Join("; ", result.Refusals)}");
    }
}
