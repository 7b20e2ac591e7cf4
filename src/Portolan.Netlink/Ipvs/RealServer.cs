using Portolan.Inet;

namespace Portolan.Netlink.Ipvs;

/// <summary>How packets reach a real server (linux/ip_vs.h, IP_VS_CONN_F_FWD_MASK).</summary>
public enum ForwardingMethod : uint
{
    /// <summary>Destination address and port are rewritten.</summary>
    Nat = 0,

    /// <summary>The real server is this machine; as the kernel reports it.</summary>
    Local = 1,

    /// <summary>Encapsulated.</summary>
    Tunnel = 2,

    /// <summary>Sent to its link address ("direct routing").</summary>
    Route = 3,
}

/// <summary>A real server of a virtual server: an IPVS "destination".</summary>
/// <param name="Endpoint">Address and port that packets are sent to.</param>
/// <param name="Weight">Its share of new connections; 0 for none, while those that exist go on.</param>
public readonly record struct RealServer(InetEndpoint Endpoint, uint Weight)
{
    /// <summary>How packets reach it.</summary>
    public ForwardingMethod Forwarding { get; init; }

    /// <summary>Established connections, as read.</summary>
    public uint ActiveConnections { get; init; }

    /// <summary>All other connections that IPVS still knows, as read.</summary>
    public uint InactiveConnections { get; init; }

    /// <summary>Templates of persistent clients, as read.</summary>
    public uint PersistentConnections { get; init; }
}
