using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.DataPlanes.Contract;

/// <summary>The section "ipvs" of KubeProxyConfiguration.</summary>
public sealed record IpvsSettings
{
    /// <summary>The scheduler of services that name none; empty for "rr".</summary>
    public string Scheduler { get; init; } = "";

    /// <summary>Virtual servers with addresses in these ranges are left alone, unless a service has the address.</summary>
    public ImmutableArray<InetPrefix> ExcludeCidrs { get; init; } = [];

    /// <summary>
    /// Answer ARP only for addresses of the interface that was asked: nodes then do not answer for load balancers' addresses.
    /// </summary>
    public bool StrictArp { get; init; }

    /// <summary>After which idle time TCP connections are forgotten; zero leaves the kernel's value.</summary>
    public TimeSpan TcpTimeout { get; init; }

    /// <summary>The same after a FIN.</summary>
    public TimeSpan TcpFinTimeout { get; init; }

    /// <summary>The same for UDP flows.</summary>
    public TimeSpan UdpTimeout { get; init; }
}
