using Portolan.Netlink.Core;
using Portolan.Netlink.Netfilter;
using static Portolan.Netlink.Uapi.IpsetHeader;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;

namespace Portolan.Netlink.Ipsets;

/// <summary>The ipsets of a network namespace: looks into those of others, and removes what they left.</summary>
/// <param name="socket">A socket of netfilter; the caller closes it.</param>
public sealed class IpsetTable(NetlinkSocket socket)
{
    /// <summary>Which of some ports a set of type bitmap:port holds.</summary>
    /// <param name="set">Its name; one that does not exist holds none.</param>
    /// <param name="ports">The ports.</param>
    /// <exception cref="NetlinkException">The kernel cannot be reached over netlink.</exception>
    public IReadOnlySet<ushort> Holds(string set, IReadOnlyCollection<ushort> ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        using var batch = new RequestBatch();
        ushort[] asked = [.. ports];
        foreach (ushort port in asked)
        {
            Begin(batch, IPSET_CMD_TEST, set);
            int data = batch.Writer.BeginNest(IPSET_ATTR_DATA);
            batch.Writer.PutUInt16BigEndian(IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, port);
            batch.Writer.EndNest(data);
            batch.End();
        }
        // What is not in the set is refused, as is everything if there is no such set.
        HashSet<ushort> held = [.. asked];
        foreach (RequestRefusal refusal in batch.Send(socket, "look into an ipset"))
            held.Remove(asked[refusal.Index]);
        return held;
    }

    /// <summary>Destroys sets. One that a rule still uses stays.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="NetlinkException">The kernel cannot be reached over netlink.</exception>
    public int Destroy(IReadOnlyCollection<string> sets)
    {
        ArgumentNullException.ThrowIfNull(sets);
        using var batch = new RequestBatch();
        foreach (string set in sets)
        {
            Begin(batch, IPSET_CMD_DESTROY, set);
            batch.End();
        }
        return sets.Count - batch.Send(socket, "destroy ipsets").Count;
    }

    private static void Begin(RequestBatch batch, byte command, string set)
    {
        // Without this flag a set that does not exist counts as destroyed.
        batch.Begin((ushort)((NFNL_SUBSYS_IPSET << 8) | command), NLM_F_EXCL);
        batch.Writer.PutNetfilterHeader(0);
        batch.Writer.PutUInt8(IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
        batch.Writer.PutString(IPSET_ATTR_SETNAME, set);
    }
}
