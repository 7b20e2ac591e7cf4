using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.GenericNetlink;
using static Portolan.Netlink.Uapi.GenericNetlinkHeader;
using static Portolan.Netlink.Uapi.IpvsHeader;

namespace Portolan.Netlink.Ipvs;

/// <summary>
/// The kernel's IPVS in a network namespace: its virtual servers, their real servers, and its time-outs. Not thread-safe.
/// </summary>
public sealed class IpvsTable
{
    private readonly NetlinkSocket _socket;
    private readonly NetlinkDump _dump;

    private IpvsTable(NetlinkSocket socket, GenericFamily family) => (_socket, _dump, Family) = (socket, new NetlinkDump(socket), family);

    /// <summary>The generic netlink family.</summary>
    public GenericFamily Family { get; }

    /// <summary>
    /// The kernel's IPVS; null when this kernel has none, or has not loaded it and cannot do so by itself (module ip_vs).
    /// </summary>
    /// <param name="socket">A socket of <see cref="NetlinkProtocol.Generic"/> for requests only; the caller closes it.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static IpvsTable? Open(NetlinkSocket socket) =>
        GenericFamily.Find(socket, IPVS_GENL_NAME) is { } family ? new IpvsTable(socket, family) : null;

    /// <summary>The version and the size of the table of connections.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IpvsInfo ReadInfo()
    {
        var visitor = new InfoVisitor();
        _dump.Run("read the version of IPVS", Family.Type, dump: false,
            static (writer, _) => writer.PutGenericHeader(IPVS_CMD_GET_INFO, IPVS_GENL_VERSION), 0, ref visitor);
        return visitor.Info ?? throw new NetlinkException("The kernel did not tell the version of IPVS.");
    }

    /// <summary>All virtual servers.</summary>
    /// <param name="withMarks">Also those that take packets by their mark, which no proxy of services has.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public List<VirtualServer> ReadServers(bool withMarks = false)
    {
        var visitor = new ServerVisitor([], withMarks);
        _dump.Run("list virtual servers", Family.Type, dump: true,
            static (writer, _) => writer.PutGenericHeader(IPVS_CMD_GET_SERVICE, IPVS_GENL_VERSION), 0, ref visitor);
        return visitor.Servers;
    }

    /// <summary>The real servers of a virtual server; empty also if that does not exist.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public List<RealServer> ReadRealServers(VirtualServerKey server)
    {
        var visitor = new RealServerVisitor([], server.Address.Family);
        try
        {
            _dump.Run("list real servers", Family.Type, dump: true, static (writer, server) =>
            {
                writer.PutGenericHeader(IPVS_CMD_GET_DEST, IPVS_GENL_VERSION);
                IpvsCodec.WriteKey(writer, server);
            }, server, ref visitor);
        }
        catch (NetlinkException failure) when (failure.Errno == Errno.ENOENT || failure.Errno == Errno.ESRCH)
        {
            return [];
        }
        return visitor.Servers;
    }

    /// <summary>The time-outs in force.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IpvsTimeouts ReadTimeouts()
    {
        var visitor = new TimeoutVisitor();
        _dump.Run("read the time-outs of IPVS", Family.Type, dump: false,
            static (writer, _) => writer.PutGenericHeader(IPVS_CMD_GET_CONFIG, IPVS_GENL_VERSION), 0, ref visitor);
        return visitor.Timeouts;
    }

    /// <summary>Sets the time-outs that are not zero.</summary>
    /// <exception cref="NetlinkException">The kernel refused (EINVAL: a time is too long).</exception>
    public void SetTimeouts(IpvsTimeouts timeouts)
    {
        var nothing = new NoVisitor();
        _dump.Run("set the time-outs of IPVS", Family.Type, dump: false, static (writer, timeouts) =>
        {
            writer.PutGenericHeader(IPVS_CMD_SET_CONFIG, IPVS_GENL_VERSION);
            PutSeconds(writer, IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.Tcp);
            PutSeconds(writer, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.TcpFin);
            PutSeconds(writer, IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.Udp);
        }, timeouts, ref nothing);
    }

    /// <summary>Sends the requests of a batch, each of which takes effect or is refused by itself; then the batch is empty.</summary>
    /// <returns>The requests that the kernel refused.</returns>
    /// <exception cref="NetlinkException">The kernel cannot be reached, or its answers were lost: what took effect is unknown.</exception>
    public IReadOnlyList<RequestRefusal> Send(IpvsBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return batch.Send(_socket);
    }

    private static void PutSeconds(MessageWriter writer, ushort type, TimeSpan time)
    {
        if (time > TimeSpan.Zero)
            writer.PutUInt32HostOrder(type, (uint)Math.Min(Math.Ceiling(time.TotalSeconds), int.MaxValue));
    }

    private readonly struct ServerVisitor(List<VirtualServer> servers, bool withMarks) : INetlinkVisitor
    {
        internal List<VirtualServer> Servers { get; } = servers;

        public void Start() => Servers.Clear();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (!IpvsCodec.TryReadServer(payload, out VirtualServer? server))
                return false;
            if (server is not null && (withMarks || server.Key.Mark == 0))
                Servers.Add(server);
            return true;
        }
    }

    private readonly struct RealServerVisitor(List<RealServer> servers, IpFamily family) : INetlinkVisitor
    {
        internal List<RealServer> Servers { get; } = servers;

        public void Start() => Servers.Clear();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (!IpvsCodec.TryReadRealServer(payload, family, out RealServer server))
                return false;
            Servers.Add(server);
            return true;
        }
    }

    private struct TimeoutVisitor : INetlinkVisitor
    {
        internal IpvsTimeouts Timeouts { get; private set; }

        public void Start() => Timeouts = default;

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (payload.Length < GENL_HDRLEN)
                return false;
            TimeSpan tcp = default, fin = default, udp = default;
            var a = new AttributeReader(payload[GENL_HDRLEN..]);
            while (a.MoveNext())
            {
                switch (a.Type)
                {
                    case IPVS_CMD_ATTR_TIMEOUT_TCP: tcp = TimeSpan.FromSeconds(a.UInt32HostOrder()); break;
                    case IPVS_CMD_ATTR_TIMEOUT_TCP_FIN: fin = TimeSpan.FromSeconds(a.UInt32HostOrder()); break;
                    case IPVS_CMD_ATTR_TIMEOUT_UDP: udp = TimeSpan.FromSeconds(a.UInt32HostOrder()); break;
                }
            }
            Timeouts = new IpvsTimeouts(tcp, fin, udp);
            return !a.IsMalformed;
        }
    }

    private struct InfoVisitor : INetlinkVisitor
    {
        internal IpvsInfo? Info { get; private set; }

        public void Start() => Info = null;

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (payload.Length < GENL_HDRLEN)
                return false;
            uint version = 0, size = 0;
            var a = new AttributeReader(payload[GENL_HDRLEN..]);
            while (a.MoveNext())
            {
                if (a.Type == IPVS_INFO_ATTR_VERSION)
                    version = a.UInt32HostOrder();
                else if (a.Type == IPVS_INFO_ATTR_CONN_TAB_SIZE)
                    size = a.UInt32HostOrder();
            }
            // A byte for each part: 0x010201 is 1.2.1.
            Info = new IpvsInfo(new Version((int)(version >> 16) & 0xff, (int)(version >> 8) & 0xff, (int)version & 0xff), size);
            return !a.IsMalformed;
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
