using Portolan.Inet;
using Portolan.Netlink.Ipvs;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>A virtual server with endpoints that are no longer in use and still have connections: their weight is 0.</summary>
/// <param name="server">The virtual server as the kernel holds it.</param>
internal sealed class DrainingServer(VirtualServer server)
{
    /// <summary>The virtual server.</summary>
    internal VirtualServer Server { get; set; } = server;

    /// <summary>True if no service has it any more: it goes with its last connection, and its address until then has a route.</summary>
    internal bool IsOrphan { get; set; }

    /// <summary>The endpoints, with the monotonic moment at which they are deleted whatever connections they have.</summary>
    internal Dictionary<InetEndpoint, TimeSpan> Endpoints { get; } = [];
}
