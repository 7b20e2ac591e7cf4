using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Addresses of services and pods, which are not the node's own, where no input lists the node's.</summary>
public static class RemoteAddresses
{
    // RFC 1918, 6598, 3927, 5737 and 1112; in IPv6 everything but global unicast (RFC 4291), and its documentation range.
    private static readonly InetPrefix[] s_notOfInternet =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "2001:db8::/32",
        }.Select(text => InetPrefix.Parse(text)),
    ];

    private static readonly InetPrefix s_globalUnicast = InetPrefix.Parse("2000::/3");

    /// <summary>True for an address of the Internet: not private, shared, documentation, link-local or multicast.</summary>
    public static bool IsOfInternet(InetAddress address) => !s_notOfInternet.Any(range => range.Contains(address))
        && (address.Family == IpFamily.IPv4 || s_globalUnicast.Contains(address));


    /// <summary>
    /// The node's addresses, with what follows from the rules: cluster IPs are bound to no device, and an endpoint in the pod range is a
    /// pod's, in its own network namespace.
    /// </summary>
    /// <param name="node">What is known.</param>
    /// <param name="rules">The rules.</param>
    /// <param name="services">The services they serve.</param>
    public static NodeAddresses Apply(NodeAddresses node, Ruleset rules, ServiceCatalogue services)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(services);
        IReadOnlyList<InetPrefix> ranges = new Clients(rules, services, node).PodRanges;
        IEnumerable<InetAddress> pods = services.Services
            .SelectMany(service => service.Endpoints.Concat(service.Frontends.SelectMany(frontend => frontend.Endpoints)))
            .Select(endpoint => endpoint.Address).Distinct().Where(address => ranges.Any(range => range.Contains(address)));
        return node.WithRemote(services.AddressesElsewhere(rules).Concat(pods));
    }
}
