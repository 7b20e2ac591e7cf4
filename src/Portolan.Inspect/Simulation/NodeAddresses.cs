using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Which addresses are this node's own, as far as that is known. Loopback addresses always are.</summary>
public sealed class NodeAddresses
{
    /// <summary>The type of routes that lead to this machine.</summary>
    internal const string LocalRoute = "local";

    private readonly HashSet<InetAddress> _local = [];
    private readonly HashSet<InetAddress> _remote = [];
    private readonly HashSet<InetAddress> _broadcast = [];
    // Addresses of services: the machine takes packets to them, but does not send from them.
    private readonly HashSet<InetAddress> _services = [];
    private readonly List<InetPrefix> _localRanges = [];
    private readonly Dictionary<string, List<InterfaceAddress>> _byInterface = new(StringComparer.Ordinal);

    /// <summary>The addresses of interfaces, and others given by hand.</summary>
    /// <param name="interfaces">The node's interfaces, all of them; null when they are not known.</param>
    /// <param name="given">Addresses known to be local. When any is given, the list counts as complete for its family.</param>
    public NodeAddresses(IReadOnlyCollection<NetInterface>? interfaces, IReadOnlyCollection<InetAddress>? given = null)
    {
        foreach (NetInterface device in interfaces ?? [])
        {
            List<InterfaceAddress> ofDevice = _byInterface[device.Name] = [];
            foreach (InterfaceAddress address in device.Addresses)
            {
                ofDevice.Add(address);
                (device.Name == KubeProxyIpvs.Device ? _services : _local).Add(address.Address);
                if (address.Broadcast.Family != IpFamily.None)
                    _broadcast.Add(address.Broadcast);
            }
        }
        _local.UnionWith(given ?? []);
        KnowsIPv4 = interfaces is not null || _local.Any(address => address.Family == IpFamily.IPv4);
        KnowsIPv6 = interfaces is not null || _local.Any(address => address.Family == IpFamily.IPv6);
    }

    private NodeAddresses(NodeAddresses other)
    {
        _local = [.. other._local];
        _remote = [.. other._remote];
        _broadcast = [.. other._broadcast];
        _services = [.. other._services];
        _localRanges = [.. other._localRanges];
        foreach ((string name, List<InterfaceAddress> addresses) in other._byInterface)
            _byInterface[name] = [.. addresses];
        (KnowsIPv4, KnowsIPv6) = (other.KnowsIPv4, other.KnowsIPv6);
    }

    /// <summary>Nothing is known.</summary>
    public static NodeAddresses Unknown { get; } = new(interfaces: null);

    /// <summary>The known local addresses, in no order; without those that only services have.</summary>
    public IReadOnlyCollection<InetAddress> Known => _local;

    private bool KnowsIPv4 { get; }

    private bool KnowsIPv6 { get; }

    /// <summary>True when all local addresses of the family are known.</summary>
    public bool Knows(IpFamily family) => family == IpFamily.IPv4 ? KnowsIPv4 : KnowsIPv6;

    /// <summary>Whether the address is local; null when that is not known.</summary>
    public bool? IsLocal(InetAddress address)
    {
        if (address.IsLoopback || _local.Contains(address) || _services.Contains(address)
            || _localRanges.Exists(range => range.Contains(address)))
            return true;
        return Knows(address.Family) || address.IsMulticast || _remote.Contains(address) ? false : null;
    }

    /// <summary>The same, with addresses that are not this node's unless known otherwise.</summary>
    public NodeAddresses WithRemote(IEnumerable<InetAddress> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var copy = new NodeAddresses(this);
        copy._remote.UnionWith(addresses.Where(address => !_local.Contains(address)));
        return copy;
    }

    /// <summary>The same, with addresses that packets are taken at because they are a service's.</summary>
    internal NodeAddresses WithServices(IEnumerable<InetAddress> addresses)
    {
        var copy = new NodeAddresses(this);
        copy._services.UnionWith(addresses);
        return copy;
    }

    /// <summary>The same, with what routes of type local lead to this machine beside the addresses of its interfaces.</summary>
    public NodeAddresses WithLocalRoutes(IEnumerable<NodeRoute> routes)
    {
        ArgumentNullException.ThrowIfNull(routes);
        NodeRoute[] local = [.. routes.Where(static route => route.Type == LocalRoute)];
        if (local.Length == 0)
            return this;
        var copy = new NodeAddresses(this);
        foreach (NodeRoute route in local)
        {
            if (route.To.Length < route.To.Address.Length * 8)
                copy._localRanges.Add(route.To);
            else if (!copy._local.Contains(route.To.Address) && copy._services.Add(route.To.Address)
                && route.Device is { } device && copy._byInterface.TryGetValue(device, out List<InterfaceAddress>? ofDevice))
                // For rules that ask of which interface an address is (fib), it is the route's.
                ofDevice.Add(new InterfaceAddress(route.To.Address, (byte)route.To.Length, default, default, "host"));
        }
        return copy;
    }

    /// <summary>The same, with more addresses of this node; unknown addresses of its family stay unknown.</summary>
    public NodeAddresses WithLocal(params IEnumerable<InetAddress> addresses)
    {
        var copy = new NodeAddresses(this);
        copy._local.UnionWith(addresses);
        copy._remote.ExceptWith(copy._local);
        return copy;
    }

    /// <summary>True for an address known to be a broadcast address.</summary>
    public bool IsBroadcast(InetAddress address) =>
        _broadcast.Contains(address) || address == InetAddress.FromIPv4(uint.MaxValue);

    /// <summary>
    /// The address that masquerading chooses for any destination: the node's only one of the family. The default value when there are
    /// several or when they are not known.
    /// </summary>
    internal InetAddress OnlySource(InetAddress destination)
    {
        if (destination.IsLoopback || !Knows(destination.Family))
            return default;
        InetAddress only = default;
        foreach (InetAddress address in _local)
        {
            if (address.Family != destination.Family || address.IsLoopback || address.IsLinkLocal)
                continue;
            if (only.Family != IpFamily.None)
                return default;
            only = address;
        }
        return only;
    }

    /// <summary>The addresses of an interface; null when the interface is not known.</summary>
    internal IReadOnlyList<InterfaceAddress>? OfInterface(string? name) => name is null ? null : _byInterface.GetValueOrDefault(name);
}
