using Portolan.Inet;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.RtnetlinkHeader;

namespace Portolan.Netlink.Route;

/// <summary>Changes of routes of table "local" and of links, sent many at a time; each takes effect or is refused by itself.</summary>
public sealed class RouteBatch : IDisposable
{
    private readonly RequestBatch _requests = new();

    /// <summary>Number of requests, which is that of netlink messages.</summary>
    public int Count => _requests.Count;

    internal ReadOnlySpan<byte> Written => _requests.Writer.Written;

    /// <summary>Adds a route. EEXIST: there is the same one already. EINVAL: this host does not have the route's source.</summary>
    public void Add(LocalRoute route) => Write(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);

    /// <summary>Deletes a route. ESRCH: there is none.</summary>
    public void Delete(LocalRoute route) => Write(RTM_DELROUTE, 0, route);

    /// <summary>Deletes an interface, if its kind allows that. ENODEV: there is none of this index.</summary>
    public void DeleteLink(int index)
    {
        _requests.Begin(RTM_DELLINK, 0);
        Span<byte> header = stackalloc byte[IFINFOMSG_LEN];
        header.Clear();
        BitConverter.TryWriteBytes(header[4..], index);
        _requests.Writer.PutRaw(header);
        _requests.End();
    }

    /// <summary>Sends the requests; then the batch is empty.</summary>
    /// <param name="socket">A socket of <see cref="NetlinkProtocol.Route"/> that joined no group.</param>
    /// <returns>The requests that the kernel refused.</returns>
    /// <exception cref="NetlinkException">The kernel cannot be reached, or its answers were lost: what took effect is unknown.</exception>
    public IReadOnlyList<RequestRefusal> Send(NetlinkSocket socket)
    {
        try
        {
            return _requests.Send(socket, "change local routes");
        }
        finally
        {
            _requests.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _requests.Dispose();

    private void Write(ushort type, ushort flags, LocalRoute route)
    {
        _requests.Begin(type, flags);
        bool isIPv4 = route.Address.Family == IpFamily.IPv4;
        _requests.Writer.PutRaw(
        [
            isIPv4 ? AF_INET : AF_INET6, (byte)(route.Address.Length * 8), 0, 0, RT_TABLE_LOCAL, route.Protocol, RT_SCOPE_HOST, RTN_LOCAL,
            0, 0, 0, 0,
        ]);
        Span<byte> bytes = stackalloc byte[16];
        _requests.Writer.PutBytes(RTA_DST, bytes[..route.Address.WriteBytes(bytes)]);
        _requests.Writer.PutUInt32HostOrder(RTA_OIF, (uint)route.InterfaceIndex);
        if (route.Source.Family != IpFamily.None)
            _requests.Writer.PutBytes(RTA_PREFSRC, bytes[..route.Source.WriteBytes(bytes)]);
        _requests.Writer.PutUInt32HostOrder(RTA_PRIORITY, route.Metric);
        _requests.End();
    }
}
