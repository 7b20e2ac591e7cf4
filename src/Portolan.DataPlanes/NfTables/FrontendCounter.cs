using System.Text;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>What the kernel counted for one frontend since its element was created (it survives a restart of the proxy).</summary>
/// <param name="Service">Service and port from the element's comment: "shop/web:http".</param>
/// <param name="Address">The frontend's address; for a NodePort the unspecified one, which means all that take NodePort
/// traffic.</param>
/// <param name="Protocol">Its protocol.</param>
/// <param name="Port">Its port.</param>
/// <param name="Connections">First packets of connections to it, including rejected and dropped ones.</param>
/// <param name="Rejected">Those that were rejected for lack of endpoints.</param>
/// <param name="Dropped">Those that were dropped for lack of endpoints on this node.</param>
/// <param name="Denied">Those that were dropped because loadBalancerSourceRanges do not contain their source.</param>
public sealed record FrontendCounter(
    string Service, InetAddress Address, IpProtocol Protocol, ushort Port, ulong Connections, ulong Rejected, ulong Dropped, ulong Denied)
{
    /// <summary>Reads the counters of this network namespace, ordered by service and frontend; empty when none are kept.</summary>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or the process may not read it.</exception>
    public static IReadOnlyList<FrontendCounter> ReadAll(string? networkNamespace = null)
    {
        using NetlinkSocket socket = NetlinkSocket.Open(
            NetlinkProtocol.Netfilter, new NetlinkSocketOptions { NetworkNamespace = networkNamespace });
        var reader = new NfReader(socket);
        List<FrontendCounter> counters = [];
        foreach (IpFamily family in (ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
        {
            NfTableId table = TableSchema.Table(family);
            if (!reader.ReadTables(table.Family).Exists(one => one.Id == table))
                continue;
            HashSet<string> sets = [.. reader.ReadSets(table).Select(set => set.Name)];
            if (!sets.Contains(TableSchema.Name(PortolanSet.Counters)))
                continue;
            Dictionary<FrontendKey, Counted> rejected = Read(reader, table, PortolanSet.NoEndpoints);
            Dictionary<FrontendKey, Counted> dropped = Read(reader, table, PortolanSet.NoLocalEndpoints);
            Dictionary<FrontendKey, Counted> denied = Read(reader, table, PortolanSet.SourceDropped);
            foreach ((FrontendKey key, Counted counted) in Read(reader, table, PortolanSet.Counters))
            {
                counters.Add(new FrontendCounter(
                    counted.Name, key.Address, key.Protocol, key.Port, counted.Packets,
                    rejected.GetValueOrDefault(key).Packets, dropped.GetValueOrDefault(key).Packets,
                        denied.GetValueOrDefault(key).Packets));
            }
        }
        return [.. counters.OrderBy(counter => counter.Service, StringComparer.Ordinal).ThenBy(counter => counter.Address)
            .ThenBy(counter => counter.Protocol).ThenBy(counter => counter.Port)];
    }

    private static Dictionary<FrontendKey, Counted> Read(NfReader reader, NfTableId table, PortolanSet set)
    {
        var visitor = new Visitor(set);
        reader.ReadElements(table, TableSchema.Name(set), ref visitor);
        return visitor.Counters;
    }

    private readonly record struct Counted(string Name, ulong Packets);

    private struct Visitor(PortolanSet set) : INfElementVisitor
    {
        internal readonly Dictionary<FrontendKey, Counted> Counters = [];

        public readonly void Start() => Counters.Clear();

        public readonly void Visit(in NfElement element)
        {
            if (!ElementCodec.TryReadKey(set, element.Key, out ElementFields fields))
                return;
            FrontendKey key = fields.Frontend;
            Counters[key] = new Counted(Encoding.UTF8.GetString(element.Comment), element.Counter?.Packets ?? 0);
        }
    }
}
