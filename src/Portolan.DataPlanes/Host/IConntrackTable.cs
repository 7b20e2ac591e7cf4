using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;

namespace Portolan.DataPlanes.Host;

/// <summary>The kernel's table of tracked connections, with the operations that clean-up needs.</summary>
public interface IConntrackTable
{
    /// <summary>
    /// The connections that match a filter, by the kernel's own means as far as they go, and pass a test. Of a million only those are kept.
    /// </summary>
    /// <exception cref="NetlinkException">The kernel did not answer.</exception>
    IReadOnlyList<ConntrackEntry> Find(ConntrackFilter filter, ConntrackTest isWanted);

    /// <summary>Removes a connection; it is not an error if it no longer exists.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    void Delete(in ConntrackEntry entry);
}

/// <summary>The table of this network namespace.</summary>
public sealed class KernelConntrackTable : IConntrackTable, IDisposable
{
    private readonly NetlinkSocket _socket;
    private readonly ConntrackTable _table;

    private KernelConntrackTable(NetlinkSocket socket)
    {
        _socket = socket;
        _table = new ConntrackTable(socket);
    }

    /// <summary>Opens a socket to the table.</summary>
    /// <exception cref="NetlinkException">It cannot be opened.</exception>
    public static KernelConntrackTable Open() => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter));

    /// <inheritdoc/>
    public IReadOnlyList<ConntrackEntry> Find(ConntrackFilter filter, ConntrackTest isWanted)
    {
        var visitor = new Finder([], isWanted);
        _table.Visit(filter, ref visitor);
        return visitor.Found;
    }

    /// <inheritdoc/>
    public void Delete(in ConntrackEntry entry) => _table.Delete(entry);

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private readonly struct Finder(List<ConntrackEntry> found, ConntrackTest isWanted) : IConntrackVisitor
    {
        public List<ConntrackEntry> Found => found;

        public void Start() => found.Clear();

        public void Visit(in ConntrackEntry entry)
        {
            if (isWanted(entry))
                found.Add(entry);
        }
    }
}
