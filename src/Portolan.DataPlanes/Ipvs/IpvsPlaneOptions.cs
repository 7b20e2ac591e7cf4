using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>Settings of the ipvs plane.</summary>
internal sealed record IpvsPlaneOptions
{
    /// <summary>The scheduler of services that name none.</summary>
    public Scheduler Scheduler { get; init; } = Scheduler.Default;

    /// <summary>Servers in these ranges that no service wants are left alone.</summary>
    public ImmutableArray<InetPrefix> ExcludeCidrs { get; init; } = [];

    /// <summary>The bit of the packet mark that makes postrouting masquerade: 0 to 31.</summary>
    public int MasqueradeBit { get; init; } = 14;

    /// <summary>Program IPv6 as well.</summary>
    public bool WithIPv6 { get; init; } = true;

    /// <summary>Time between two comparisons of everything with the kernel: IPVS sends no notifications.</summary>
    public TimeSpan SyncPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time between two looks whether endpoints that went have connections left.</summary>
    public TimeSpan DrainPeriod { get; init; } = TimeSpan.FromSeconds(2);
}
