using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Route;

namespace Portolan.DataPlanes.Host;

/// <summary>The addresses of this network namespace, followed over rtnetlink.</summary>
public sealed class KernelLocalAddresses : ILocalAddresses, IDisposable
{
    private readonly NetlinkSocket _socket;
    private readonly RouteReader _reader;
    private readonly RouteMonitor _monitor;

    private KernelLocalAddresses(NetlinkSocket socket, RouteMonitor monitor)
    {
        _socket = socket;
        _monitor = monitor;
        _reader = new RouteReader(socket);
        Current = Read();
    }

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public ImmutableArray<InetAddress> Current { get; private set; }

    /// <summary>Reads the addresses and subscribes to changes, which <see cref="FollowAsync"/> then processes.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static KernelLocalAddresses Open()
    {
        RouteMonitor monitor = RouteMonitor.Open();
        NetlinkSocket? socket = null;
        try
        {
            socket = NetlinkSocket.Open(NetlinkProtocol.Route);
            return new KernelLocalAddresses(socket, monitor);
        }
        catch
        {
            socket?.Dispose();
            monitor.Dispose();
            throw;
        }
    }

    /// <summary>Follows changes until cancelled. After an exception it may be called again, and catches up with what was missed.</summary>
    /// <exception cref="NetlinkException">The kernel cannot be reached over netlink.</exception>
    public async Task FollowAsync(CancellationToken cancel)
    {
        TakeIn();
        await foreach (RouteEvent change in _monitor.ReadAllAsync(cancel).ConfigureAwait(false))
        {
            if (change is not LinkEvent)
                TakeIn();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _monitor.Dispose();
        _socket.Dispose();
    }

    // A list read now is right, whatever events were lost or are late.
    private void TakeIn()
    {
        ImmutableArray<InetAddress> now = Read();
        if (now.AsSpan().SequenceEqual(Current.AsSpan()))
            return;
        Current = now;
        Changed?.Invoke();
    }

    private ImmutableArray<InetAddress> Read() =>
        [.. _reader.ReadAddresses().Where(IsInUse).Select(static address => address.Address).Distinct().Order()];

    // The node does not answer for an address under duplicate detection yet, nor can it be bound; an event follows when it can.
    private static bool IsInUse(LocalAddress address) => !address.Flags.HasFlag(AddressFlags.DuplicateDetected)
        && (!address.Flags.HasFlag(AddressFlags.Tentative) || address.Flags.HasFlag(AddressFlags.Optimistic));
}
