using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Finds source addresses of a pod, the node and a client outside for the given rules.</summary>
internal sealed class Clients
{
    // Documentation ranges (RFC 5737, RFC 3849): no cluster uses them, though an example's source range may.
    private static readonly string[] s_outsidersV4 = ["203.0.113.9", "198.51.100.9", "192.0.2.9", "8.8.8.8"];
    private static readonly string[] s_outsidersV6 = ["2001:db8:ffff::9", "2001:db8:eeee::9"];
    private static readonly InetAddress s_standInV4 = InetAddress.Parse("192.0.2.1");
    private static readonly InetAddress s_standInV6 = InetAddress.Parse("2001:db8::1");

    private readonly NodeAddresses _node;
    private readonly Routes _routes;
    private readonly HashSet<InetAddress> _endpoints;
    private readonly HashSet<InetAddress> _nodePortAddresses = [];
    private readonly List<InetPrefix> _podRanges = [];

    internal Clients(Ruleset rules, ServiceCatalogue catalogue, NodeAddresses node, IEnumerable<InetPrefix>? podRanges = null,
        Routes? routes = null)
    {
        _podRanges.AddRange(podRanges ?? []);
        (_node, _routes) = (node, routes ?? Routes.Unknown);
        _endpoints = [.. catalogue.Services.SelectMany(service => service.Endpoints).Select(endpoint => endpoint.Address)];
        _nodePortAddresses.UnionWith(catalogue.Services.Where(static service => service.Writer.IsIpvs())
            .SelectMany(static service => service.Frontends)
            .Where(static frontend => frontend is { Kind: ProgrammedKind.NodePort, Address.Family: not IpFamily.None })
            .Select(static frontend => frontend.Address));
        foreach (RuleTable table in rules.Tables)
        {
            foreach (string set in (ReadOnlySpan<string>)[KubeProxyNftables.NodePortIPs,
                PortolanTables.Current.NameOf(PortolanSet.NodePortAddresses)])
                _nodePortAddresses.UnionWith((table.FindSet(set)?.Elements ?? []).Select(element => element.Key).OfType<AddressValue>()
                    .Select(value => value.Address));
            foreach (Chain chain in table.Chains)
                FindPodRanges(chain);
        }
    }

    /// <summary>The source ranges by which the rules distinguish pods from other clients.</summary>
    internal IReadOnlyList<InetPrefix> PodRanges => _podRanges;

    internal InetAddress NodeAddress(IpFamily family)
    {
        InetAddress known = _node.Known.Concat(_nodePortAddresses)
            .Where(address => address.Family == family && !address.IsLoopback && !address.IsLinkLocal).Order().FirstOrDefault();
        return known.Family != IpFamily.None ? known : family == IpFamily.IPv4 ? s_standInV4 : s_standInV6;
    }

    /// <summary>The clients of a kind; two from outside where a load balancer restricts its sources.</summary>
    internal IEnumerable<(InetAddress Source, string Who)> At(ClientPlace place, ProgrammedService service, ProgrammedFrontend frontend)
    {
        IpFamily family = service.Family;
        if (place == ClientPlace.Node)
        {
            yield return (NodeAddress(family), "from this node");
            yield break;
        }
        if (place == ClientPlace.Pod)
        {
            if (PodAddress(family) is { Family: not IpFamily.None } pod)
                yield return (pod, $"from a pod ({pod})");
            yield break;
        }
        InetAddress outsider = (family == IpFamily.IPv4 ? s_outsidersV4 : s_outsidersV6).Select(text => InetAddress.Parse(text))
            .FirstOrDefault(address => !service.SourceRanges.Any(range => range.Contains(address))
            && !_podRanges.Exists(range => range.Contains(address)));
        bool isRestricted = !service.SourceRanges.IsEmpty && frontend.Kind is ProgrammedKind.LoadBalancer or ProgrammedKind.External;
        if (isRestricted)
        {
            InetPrefix range = service.SourceRanges.FirstOrDefault(range => range.Family == family);
            if (range.Family != IpFamily.None)
                yield return (Inside(range), $"from an allowed source ({range})");
        }
        if (outsider.Family != IpFamily.None)
            yield return (outsider, isRestricted ? "from a source that is not allowed" : "from outside the cluster");
    }

    private InetAddress PodAddress(IpFamily family)
    {
        // Pods of this node before those of others: it is known by which interface they come.
        foreach (InetPrefix range in _podRanges.SelectMany(_routes.OnLink).Concat(_podRanges))
        {
            if (range.Family != family)
                continue;
            // The last addresses of the range are the least likely to be an endpoint's; hairpin traffic is a separate case.
            UInt128 number = range.Last.ToNumber();
            for (int back = range.Length == range.Address.Length * 8 ? 0 : 1; back < 64; back++)
            {
                InetAddress candidate = family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)(number - (UInt128)back))
                    : InetAddress.FromIPv6(number - (UInt128)back);
                if (range.Contains(candidate) && !_endpoints.Contains(candidate) && _node.IsLocal(candidate) != true)
                    return candidate;
            }
        }
        return default;
    }

    private static InetAddress Inside(InetPrefix range)
    {
        if (range.Length >= range.Address.Length * 8 - 1)
            return range.Address;
        UInt128 number = range.Address.ToNumber() + 9;
        InetAddress candidate = range.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number);
        return range.Contains(candidate) ? candidate : range.Address;
    }

    private static bool DistinguishesPods(string chain) =>
        KubeProxyIptables.RoleOf(chain) is KubeChainRole.Services or KubeChainRole.ClusterEndpoints or KubeChainRole.LocalEndpoints
        or KubeChainRole.Endpoint
            or KubeChainRole.External or KubeChainRole.ExternalLocal
        || KubeProxyNftables.RoleOf(chain) is KubeNftablesChainRole.Services or KubeNftablesChainRole.External
            or KubeNftablesChainRole.ClusterEndpoints or KubeNftablesChainRole.LocalEndpoints
        || (PortolanTables.TryParseChain(chain, out PortolanChain own)
            && own.Kind is PortolanChainKind.OffCluster or PortolanChainKind.OffClusterPickOf or PortolanChainKind.Policies
                or PortolanChainKind.ExternalLocal);

    /// <summary>Service rules recognise pods by source range: "not from it: masquerade", or "from it: to all endpoints".</summary>
    private void FindPodRanges(Chain chain)
    {
        if (!DistinguishesPods(chain.Name))
            return;
        foreach (Rule rule in chain.Rules)
        {
            foreach (Statement statement in rule.Statements)
            {
                InetPrefix range = statement switch
                {
                    AddressMatch { Side: PacketSide.Source } address when address.Prefix.Length < address.Prefix.Address.Length * 8 =>
                        address.Prefix,
                    RelationalMatch
                    {
                        Left: SelectorExpression { Field: PacketField.IpSource or PacketField.Ip6Source },
                        Right: PrefixValue prefix
                    } => prefix.Prefix,
                    _ => default,
                };
                if (range.Family != IpFamily.None && !_podRanges.Contains(range))
                    _podRanges.Add(range);
            }
        }
    }
}
