using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A route of the node, as "ip route" shows it.</summary>
/// <param name="To">The destinations; the whole family for the default route.</param>
/// <param name="Type">"unicast", "local", "blackhole" or another type of route(8).</param>
/// <param name="Device">The interface packets leave by; null when there is none, or several next hops.</param>
/// <param name="HasGateway">True if another router is the next hop.</param>
/// <param name="Metric">The metric: of several routes to the same destinations the lowest counts.</param>
/// <param name="Table">The routing table, by name or number; "main" where nothing is said.</param>
public sealed record NodeRoute(InetPrefix To, string Type, string? Device, bool HasGateway, long Metric, string Table);
