using Portolan.Inet;
using Portolan.Netlink.Ipvs;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What the kernel should hold for one service.</summary>
internal sealed class ServiceObjects
{
    /// <summary>Virtual servers by what clients dial.</summary>
    internal Dictionary<VirtualServerKey, WantedServer> Servers { get; } = [];

    /// <summary>Elements of the table that belong to this service alone.</summary>
    internal HashSet<SideElement> Elements { get; } = [];

    /// <summary>Addresses for which this machine needs a route; other services may have the same.</summary>
    internal HashSet<InetAddress> Addresses { get; } = [];

    /// <summary>Endpoints on this machine, which may talk to themselves; other services may have the same.</summary>
    internal HashSet<InetAddress> Hairpins { get; } = [];

    internal void Clear()
    {
        Servers.Clear();
        Elements.Clear();
        Addresses.Clear();
        Hairpins.Clear();
    }
}
