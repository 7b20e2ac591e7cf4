using Portolan.Inet;

namespace Portolan.Netlink.Route;

/// <summary>
/// A route of table "local" to a single address: packets to it are for this host. As "ip route show table local" prints it: "local
/// 10.96.0.1 dev lo proto 112 src 192.168.0.2 metric 1024".
/// </summary>
/// <param name="Address">The address.</param>
/// <param name="InterfaceIndex">The interface, loopback for addresses that no interface has.</param>
/// <param name="Source">The source that this host's own connections to the address have; default for the address itself.</param>
/// <param name="Protocol">Who added the route (rtm_protocol): 2 the kernel, 3 and 4 an administrator, above that routing daemons.</param>
/// <param name="Metric">Its metric: of several routes to an address the lowest is used, and those of addresses on interfaces have
/// 0.</param>
public sealed record LocalRoute(InetAddress Address, int InterfaceIndex, InetAddress Source, byte Protocol, uint Metric);
