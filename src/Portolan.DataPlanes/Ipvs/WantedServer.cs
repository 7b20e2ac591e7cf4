using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.Ipvs;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>A virtual server and its endpoints, all of weight 1.</summary>
/// <param name="Server">The virtual server.</param>
/// <param name="Endpoints">The endpoints, sorted, each once.</param>
/// <param name="Serving">UDP only: endpoints that keep their flows although new ones may go elsewhere; sorted, each once.</param>
internal sealed record WantedServer(VirtualServer Server, ImmutableArray<InetEndpoint> Endpoints, ImmutableArray<InetEndpoint> Serving);
