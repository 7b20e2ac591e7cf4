using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>The tables beside the virtual servers, in the kernel.</summary>
/// <param name="socket">A socket of netfilter; the caller closes it.</param>
internal sealed class SideTables(NetlinkSocket socket) : IDisposable
{
    private const int KeptBytes = 1 << 16;

    private readonly NfReader _reader = new(socket);
    private readonly NfTransaction _transaction = new();

    /// <summary>The table of a family with its elements.</summary>
    internal SideTable Read(IpFamily family)
    {
        NfTableId id = SideProgram.TableOf(family);
        if (_reader.ReadTables(id.Family).Find(table => table.Id == id) is not { } table)
            return new SideTable();
        List<NfSet> sets = _reader.ReadSets(id);
        var held = new SideTable
        {
            Table = table with { Handle = 0 },
            Sets = [.. sets],
            Chains = [.. _reader.ReadChains(id).Select(static chain => chain with { Handle = 0, Use = 0, Counter = null })],
            Rules = SideProgram.Ordered(_reader.ReadRules(id).Select(static rule => rule with { Handle = 0, PreviousHandle = 0 })),
        };
        held.Elements.UnionWith(ReadElements(family,
            Enum.GetValues<PortolanIpvsSet>().Where(set => sets.Exists(one => one.Name == PortolanIpvs.NameOf(set)))));
        return held;
    }

    /// <summary>The elements of some sets of a family's table; none of a set that does not exist.</summary>
    internal HashSet<SideElement> ReadElements(IpFamily family, IEnumerable<PortolanIpvsSet> sets)
    {
        HashSet<SideElement> elements = [];
        foreach (PortolanIpvsSet set in sets)
        {
            var collector = new Collector(elements, family, set);
            _reader.ReadElements(SideProgram.TableOf(family), PortolanIpvs.NameOf(set), ref collector);
        }
        return elements;
    }

    /// <summary>Changes the table of a family, as a whole or not at all.</summary>
    internal CommitResult Commit(IpFamily family, SideChange change)
    {
        _transaction.Reset();
        change.WriteTo(_transaction, SideProgram.TableOf(family));
        CommitResult result = _transaction.Commit(socket);
        _transaction.Trim(KeptBytes);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _transaction.Dispose();

    private readonly struct Collector(HashSet<SideElement> into, IpFamily family, PortolanIpvsSet set) : INfElementVisitor
    {
        // Elements of one set are read at a time: what an interrupted reading left is that set's alone.
        public void Start()
        {
            PortolanIpvsSet own = set;
            into.RemoveWhere(element => element.Set == own);
        }

        public void Visit(in NfElement element)
        {
            if (SideElementCodec.TryRead(family, set, element, out SideElement read))
                into.Add(read);
        }
    }
}
