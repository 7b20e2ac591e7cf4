using System.Runtime.CompilerServices;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.RtnetlinkHeader;

namespace Portolan.Netlink.Route;

/// <summary>A change of this host's interfaces or addresses.</summary>
public abstract record RouteEvent;

/// <summary>The receive buffer overran: some events were lost. Read the kernel to get the current state.</summary>
public sealed record RouteEventsLost : RouteEvent;

/// <summary>An interface was added, changed or deleted.</summary>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Link">The interface.</param>
public sealed record LinkEvent(bool Deleted, NetworkLink Link) : RouteEvent;

/// <summary>An address was added, changed or deleted.</summary>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Address">The address.</param>
public sealed record AddressEvent(bool Deleted, LocalAddress Address) : RouteEvent;

/// <summary>A route of table "local" to a single address was added, changed or deleted.</summary>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Route">The route.</param>
public sealed record LocalRouteEvent(bool Deleted, LocalRoute Route) : RouteEvent
{
    /// <summary>Port id of the socket whose request it was (<see cref="NetlinkSocket.PortId"/>); 0 for the kernel's own doing.</summary>
    public uint PortId { get; init; }
}

/// <summary>Follows this host's interfaces and addresses, or its local routes.</summary>
public sealed class RouteMonitor : IDisposable
{
    private const int ReceiveBufferBytes = 1 << 20;
    private const int BufferLength = 64 * 1024;

    private readonly NetlinkSocket _socket;

    // Address messages name their interface only by index.
    private readonly Dictionary<int, string> _names;

    private RouteMonitor(NetlinkSocket socket, Dictionary<int, string> names)
    {
        _socket = socket;
        _names = names;
    }

    /// <summary>Starts listening: nothing that happens after this call is missed without a <see cref="RouteEventsLost"/>.</summary>
    /// <param name="options">How to open the sockets; the default receive buffer is 1 MiB.</param>
    /// <exception cref="NetlinkException">The sockets cannot be opened.</exception>
    public static RouteMonitor Open(NetlinkSocketOptions? options = null)
    {
        options ??= new NetlinkSocketOptions();
        if (options.ReceiveBufferBytes == 0)
            options = options with { ReceiveBufferBytes = ReceiveBufferBytes };
        NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route, options);
        try
        {
            socket.Join(RTNLGRP_LINK);
            socket.Join(RTNLGRP_IPV4_IFADDR);
            socket.Join(RTNLGRP_IPV6_IFADDR);
            using NetlinkSocket requests = NetlinkSocket.Open(NetlinkProtocol.Route, options);
            return new RouteMonitor(socket, new RouteReader(requests).ReadLinks().ToDictionary(link => link.Index, link => link.Name));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Starts listening to changes of local routes alone; nothing after this call is missed without a <see cref="RouteEventsLost"/>.
    /// </summary>
    /// <param name="options">How to open the socket; the default receive buffer is 1 MiB.</param>
    /// <exception cref="NetlinkException">The socket cannot be opened.</exception>
    public static RouteMonitor OpenLocalRoutes(NetlinkSocketOptions? options = null)
    {
        options ??= new NetlinkSocketOptions();
        if (options.ReceiveBufferBytes == 0)
            options = options with { ReceiveBufferBytes = ReceiveBufferBytes };
        NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route, options);
        try
        {
            socket.Join(RTNLGRP_IPV4_ROUTE);
            socket.Join(RTNLGRP_IPV6_ROUTE);
            return new RouteMonitor(socket, []);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The events as they arrive. To be enumerated once.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket cannot be read any more.</exception>
    public async IAsyncEnumerable<RouteEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        byte[] buffer = new byte[BufferLength];
        var events = new List<RouteEvent>();
        while (true)
        {
            int received = await _socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            events.Clear();
            if (received < 0)
                events.Add(new RouteEventsLost());
            else
                Decode(buffer.AsSpan(0, received), events);
            foreach (RouteEvent happened in events)
                yield return happened;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void Decode(ReadOnlySpan<byte> datagram, List<RouteEvent> events)
    {
        var messages = new MessageReader(datagram);
        while (messages.MoveNext())
        {
            if (messages.Type is RTM_NEWLINK or RTM_DELLINK && RouteDecoder.TryReadLink(messages.Payload, out NetworkLink? link))
            {
                bool deleted = messages.Type == RTM_DELLINK;
                if (deleted)
                    _names.Remove(link.Index);
                else
                    _names[link.Index] = link.Name;
                events.Add(new LinkEvent(deleted, link));
            }
            else if (messages.Type is RTM_NEWADDR or RTM_DELADDR
                && RouteDecoder.TryReadAddress(messages.Payload, out LocalAddress? address))
            {
                string name = _names.GetValueOrDefault(address.InterfaceIndex, string.Empty);
                events.Add(new AddressEvent(messages.Type == RTM_DELADDR, address with { InterfaceName = name }));
            }
            else if (messages.Type is RTM_NEWROUTE or RTM_DELROUTE
                && RouteDecoder.TryReadLocalRoute(messages.Payload, out LocalRoute? route))
            {
                events.Add(new LocalRouteEvent(messages.Type == RTM_DELROUTE, route) { PortId = messages.PortId });
            }
        }
    }
}
