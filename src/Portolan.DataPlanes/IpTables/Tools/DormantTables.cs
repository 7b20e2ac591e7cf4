using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>
/// Tables of iptables-nft that somebody switched off with nft (flag dormant): no packet sees them, and iptables-nft-save shows them as
/// ever.
/// </summary>
internal static class DormantTables
{
    // What serves: translation, and the rejections. Mangle holds a canary only.
    private static readonly IpTable[] s_serving = [IpTable.Nat, IpTable.Filter];

    /// <summary>True for a table that serves and is switched off.</summary>
    public static bool IsOff(NfTable table) => table.Flags.HasFlag(NfTableFlags.Dormant)
        && IpTableNames.Parse(table.Id.Name) is { } name && s_serving.Contains(name);

    /// <summary>The tables of a family that are switched off, in the network namespace of the calling thread.</summary>
    /// <exception cref="IOException">The kernel does not say.</exception>
    public static IReadOnlyList<NfTable> Find(IpFamily family)
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            return new NfReader(socket).ReadTables(family.ToNfFamily()).FindAll(IsOff);
        }
        catch (NetlinkException failure)
        {
            throw new IOException($"the tables of nf_tables cannot be listed: {failure.Message}", failure);
        }
    }

    /// <summary>Switches them on again; returns how many there were.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public static int Wake(IpFamily family)
    {
        IReadOnlyList<NfTable> off = Find(family);
        if (off.Count == 0)
            return 0;
        using var transaction = new NfTransaction();
        foreach (NfTable table in off)
            transaction.AddTable(table with { Flags = table.Flags & ~NfTableFlags.Dormant });
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            CommitResult result = transaction.Commit(socket);
            return result.IsCommitted ? off.Count
                : throw new IOException($"a table that is switched off cannot be switched on: {string.Join("; ", result.Refusals)}");
        }
        catch (NetlinkException failure)
        {
            throw new IOException($"a table that is switched off cannot be switched on: {failure.Message}", failure);
        }
    }
}
