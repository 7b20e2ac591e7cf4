using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A rule of the routing policy, as "ip rule" shows it.</summary>
/// <param name="Family">The family of the list it stands in.</param>
/// <param name="Table">The routing table it leads to; null for a rule that does something else.</param>
public sealed record RoutingRule(IpFamily Family, string? Table);
