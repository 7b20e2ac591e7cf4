using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Which interface a node's packets leave by: the main routing table, where nothing else decides. With policy routing (an `ip rule` beside
/// the kernel's own three) nothing is known, nor of a route with several next hops.
/// </summary>
public sealed class Routes
{
    private readonly ImmutableArray<NodeRoute> _routes;

    private Routes(ImmutableArray<NodeRoute> routes) => _routes = routes;

    /// <summary>Nothing is known.</summary>
    public static Routes Unknown { get; } = new([]);

    /// <summary>
    /// What a ruleset's routes decide. Nothing for a family whose routing policy the input does not show: a rule for some packets may lead
    /// to another table.
    /// </summary>
    public static Routes Of(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        // An unreachable route of IPv6 names an interface, lo, and leads nowhere.
        IEnumerable<NodeRoute> decisive = rules.Routes.Where(route => route.Table == "main" && IsPlain(rules, route.To.Family))
            .Select(route => route.Type == "unicast" ? route : route with { Device = null });
        return new Routes([.. decisive.GroupBy(route => (route.To, route.Metric))
            // Of several equal routes the kernel chooses by a hash.
            .Select(same => same.All(route => route.Device == same.First().Device) ? same.First() : same.First() with { Device = null })
            .OrderByDescending(route => route.To.Length).ThenBy(route => route.Metric)]);
    }

    private static bool IsPlain(Ruleset rules, IpFamily family)
    {
        RoutingRule[] policy = [.. rules.RoutingRules.Where(rule => rule.Family == family)];
        return policy.Length > 0 && Array.TrueForAll(policy, static rule => rule.Table is "local" or "main" or "default");
    }

    /// <summary>The interface a packet for an address leaves by; null when that is not known.</summary>
    public string? DeviceTo(InetAddress address) => Find(address)?.Device;

    /// <summary>True for an address that only the default route leads to, or no route that is known.</summary>
    internal bool IsElsewhere(InetAddress address) => Find(address) is not { To.Length: > 0 };

    /// <summary>The ranges that an interface of the node leads to without another router, inside a range: its own pods, for one.</summary>
    internal IEnumerable<InetPrefix> OnLink(InetPrefix range) => _routes.Where(route => route is { HasGateway: false, Device: not null }
        && route.To.Length >= range.Length && range.Contains(route.To.Address)).Select(route => route.To);

    private NodeRoute? Find(InetAddress address)
    {
        foreach (NodeRoute route in _routes)
        {
            if (route.To.Family == address.Family && route.To.Contains(address))
                return route;
        }
        return null;
    }
}
