using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Netfilter;
using static Portolan.Netlink.Uapi.NfnetlinkConntrackHeader;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;

namespace Portolan.Netlink.Conntrack;

/// <summary>Receives connections as they are read. A struct is called without allocation.</summary>
public interface IConntrackVisitor
{
    /// <summary>Called before the first connection, and again when reading starts over.</summary>
    void Start();

    /// <summary>One connection that matches the filter.</summary>
    void Visit(in ConntrackEntry entry);
}

/// <summary>The kernel's table of tracked connections. Not thread-safe.</summary>
/// <param name="socket">A socket of <see cref="NetlinkProtocol.Netfilter"/> that joined no group.</param>
public sealed class ConntrackTable(NetlinkSocket socket)
{
    private readonly NetlinkDump _dump = new(socket);

    /// <summary>Visits the connections that match a filter.</summary>
    /// <remarks>
    /// The table changes while it is read: a connection that is added or removed meanwhile may or may not be visited. Since Linux 5.8 the
    /// kernel itself filters if the filter has a family, so that a few among a million cost little.
    /// </remarks>
    /// <exception cref="NetlinkException">The kernel refused, or has no connection tracking (EOPNOTSUPP, EINVAL).</exception>
    public void Visit<TVisitor>(ConntrackFilter filter, ref TVisitor visitor)
        where TVisitor : IConntrackVisitor
    {
        var messages = new EntryVisitor<TVisitor> { Entries = visitor, Filter = filter };
        try
        {
            _dump.Run("list connections", Message(IPCTNL_MSG_CT_GET), dump: true, static (writer, filter) =>
            {
                writer.PutNetfilterHeader(ConntrackCodec.AddressFamily(filter.Family));
                ConntrackCodec.WriteFilter(writer, filter);
            }, filter, ref messages);
        }
        finally
        {
            visitor = messages.Entries;
        }
    }

    /// <summary>The connections that match a filter.</summary>
    /// <exception cref="NetlinkException">As for <see cref="Visit"/>.</exception>
    public List<ConntrackEntry> Read(ConntrackFilter filter)
    {
        var visitor = new ListVisitor([]);
        Visit(filter, ref visitor);
        return visitor.Entries;
    }

    /// <summary>Deletes a connection: its next packet starts a new one, which traverses the rules of that time.</summary>
    /// <param name="entry">A connection that was read; a later one with the same tuples is not deleted.</param>
    /// <returns>False if it no longer exists.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool Delete(in ConntrackEntry entry)
    {
        // A request without a tuple would flush the whole table.
        if (entry.Original.Source.Family == IpFamily.None)
            throw new ArgumentException("The connection has no addresses.", nameof(entry));
        var nothing = new NoVisitor();
        try
        {
            _dump.Run("delete a connection", Message(IPCTNL_MSG_CT_DELETE), dump: false, static (writer, entry) =>
            {
                writer.PutNetfilterHeader(ConntrackCodec.AddressFamily(entry.Original.Source.Family));
                ConntrackCodec.WriteTuple(writer, CTA_TUPLE_ORIG, entry.Original);
                if (entry.Zone != 0)
                    writer.PutUInt16BigEndian(CTA_ZONE, entry.Zone);
                if (entry.Id != 0)
                    writer.PutUInt32BigEndian(CTA_ID, entry.Id);
            }, entry, ref nothing);
            return true;
        }
        catch (NetlinkException exception) when (exception.Errno == Errno.ENOENT)
        {
            return false;
        }
    }

    /// <summary>Number of tracked connections.</summary>
    /// <exception cref="NetlinkException">The kernel refused, or has no connection tracking.</exception>
    public uint ReadCount()
    {
        var visitor = new CountVisitor();
        _dump.Run("count connections", Message(IPCTNL_MSG_CT_GET_STATS), dump: false,
            static (writer, _) => writer.PutNetfilterHeader(0), 0, ref visitor);
        return visitor.Count;
    }

    private static ushort Message(byte message) => (ushort)((NFNL_SUBSYS_CTNETLINK << 8) | message);

    private struct EntryVisitor<TVisitor> : INetlinkVisitor
        where TVisitor : IConntrackVisitor
    {
        internal TVisitor Entries;
        internal ConntrackFilter Filter;

        public void Start() => Entries.Start();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            // Protocols whose tuples have other parts (GRE keys, for example) can be read as well: their parts are skipped.
            if (!ConntrackCodec.TryRead(payload, out ConntrackEntry entry))
                return false;
            if (Filter.Matches(entry))
                Entries.Visit(entry);
            return true;
        }
    }

    private readonly struct ListVisitor(List<ConntrackEntry> entries) : IConntrackVisitor
    {
        internal List<ConntrackEntry> Entries { get; } = entries;

        public void Start() => Entries.Clear();

        public void Visit(in ConntrackEntry entry) => Entries.Add(entry);
    }

    private struct CountVisitor : INetlinkVisitor
    {
        internal uint Count { get; private set; }

        public void Start() => Count = 0;

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (payload.Length < NFGENMSG_LEN)
                return false;
            var attributes = new AttributeReader(payload[NFGENMSG_LEN..]);
            while (attributes.MoveNext())
            {
                if (attributes.Type == CTA_STATS_GLOBAL_ENTRIES)
                    Count = attributes.UInt32BigEndian();
            }
            return !attributes.IsMalformed;
        }
    }

    private readonly struct NoVisitor : INetlinkVisitor
    {
        public void Start()
        {
        }

        public bool Visit(ReadOnlySpan<byte> payload) => true;
    }
}
