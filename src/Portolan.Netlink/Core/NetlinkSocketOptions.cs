namespace Portolan.Netlink.Core;

/// <summary>The kernel subsystem a netlink socket talks to (linux/netlink.h).</summary>
public enum NetlinkProtocol
{
    /// <summary>Links, addresses, routes.</summary>
    Route = 0,

    /// <summary>nf_tables, connection tracking and the other parts of netfilter.</summary>
    Netfilter = 12,

    /// <summary>Families that are numbered at run time, such as IPVS (<see cref="GenericNetlink.GenericFamily"/>).</summary>
    Generic = 16,
}

/// <summary>How a <see cref="NetlinkSocket"/> is opened.</summary>
public sealed record NetlinkSocketOptions
{
    /// <summary>
    /// Network namespace to open the socket in: a name under /run/netns, or an absolute path such as /proc/123/ns/net. Null: the
    /// process's own. The socket stays in that namespace; the calling thread does not enter it.
    /// </summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Requested receive buffer in bytes; 0 keeps the system's default. Listeners need megabytes.</summary>
    public int ReceiveBufferBytes { get; init; }
}
