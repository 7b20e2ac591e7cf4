using Portolan.Netlink.Core;
using Portolan.Netlink.GenericNetlink;
using static Portolan.Netlink.Uapi.IpvsHeader;

namespace Portolan.Netlink.Ipvs;

/// <summary>
/// Changes of virtual and real servers, sent many at a time. The kernel has no transactions for them: each takes effect or is refused by
/// itself, in their order.
/// </summary>
/// <param name="family">The family IPVS.</param>
public sealed class IpvsBatch(GenericFamily family) : IDisposable
{
    private readonly RequestBatch _requests = new();

    /// <summary>Number of requests, which is that of netlink messages.</summary>
    public int Count => _requests.Count;

    internal ReadOnlySpan<byte> Written => _requests.Writer.Written;

    /// <summary>Adds a virtual server. EEXIST: there is one with this key. ENOENT: the kernel has no such scheduler.</summary>
    public void Add(VirtualServer server) => Server(IPVS_CMD_NEW_SERVICE, server);

    /// <summary>Changes scheduler, flags and persistence of a virtual server; its connections stay. ESRCH: there is none.</summary>
    public void Set(VirtualServer server) => Server(IPVS_CMD_SET_SERVICE, server);

    /// <summary>Deletes a virtual server and its real servers. ESRCH: there is none.</summary>
    public void Delete(VirtualServerKey server)
    {
        Begin(IPVS_CMD_DEL_SERVICE);
        IpvsCodec.WriteKey(_requests.Writer, server);
        _requests.End();
    }

    /// <summary>Adds a real server. EEXIST: the virtual server has it already. ESRCH: there is no such virtual server.</summary>
    public void Add(VirtualServerKey server, RealServer real) => Real(IPVS_CMD_NEW_DEST, server, real, isWhole: true);

    /// <summary>Changes the weight and the forwarding of a real server; its connections stay. ENOENT: there is none.</summary>
    public void Set(VirtualServerKey server, RealServer real) => Real(IPVS_CMD_SET_DEST, server, real, isWhole: true);

    /// <summary>
    /// Deletes a real server: its connections end with their next packet (net.ipv4.vs.expire_nodest_conn) or idle. ENOENT: there is none.
    /// </summary>
    public void Delete(VirtualServerKey server, RealServer real) => Real(IPVS_CMD_DEL_DEST, server, real, isWhole: false);

    /// <inheritdoc/>
    public void Dispose() => _requests.Dispose();

    internal List<RequestRefusal> Send(NetlinkSocket socket)
    {
        try
        {
            return _requests.Send(socket, "change virtual servers");
        }
        finally
        {
            _requests.Clear();
        }
    }

    private void Server(byte command, VirtualServer server)
    {
        Begin(command);
        IpvsCodec.WriteServer(_requests.Writer, server);
        _requests.End();
    }

    private void Real(byte command, VirtualServerKey server, RealServer real, bool isWhole)
    {
        Begin(command);
        IpvsCodec.WriteKey(_requests.Writer, server);
        IpvsCodec.WriteRealServer(_requests.Writer, real, isWhole);
        _requests.End();
    }

    private void Begin(byte command)
    {
        _requests.Begin(family.Type, 0);
        _requests.Writer.PutGenericHeader(command, IPVS_GENL_VERSION);
    }
}
