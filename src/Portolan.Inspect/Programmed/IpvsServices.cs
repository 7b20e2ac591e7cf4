using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>
/// The services that IPVS serves: virtual servers, and what their proxy keeps beside them (kube-proxy's ipsets, our table of mode ipvs),
/// which say of what kind an address is and what is refused. None of them has a service's name.
/// </summary>
internal sealed class IpvsServices
{
    private readonly Ruleset _ruleset;
    private readonly Dictionary<FrontendKey, VirtualServer> _servers = [];
    private readonly Dictionary<FrontendKey, IpvsFrontend> _facts = [];
    private readonly Dictionary<(IpProtocol Protocol, ushort Port), bool> _nodePorts = [];
    private readonly HashSet<FrontendKey> _shortcuts = [];

    private IpvsServices(Ruleset ruleset)
    {
        _ruleset = ruleset;
        foreach (VirtualServer server in ruleset.VirtualServers ?? [])
        {
            if (server.Mark is null)
                _servers.TryAdd(new FrontendKey(server.Address, server.Protocol, server.Port), server);
        }
        foreach (IpSet set in ruleset.IpSets.Values)
            ReadSet(set);
        foreach (RuleTable table in ruleset.Tables.Where(ServiceTables.IsBesideIpvs))
        {
            foreach ((FrontendKey key, IpvsFrontend facts) in IpvsSideTable.Read(table))
            {
                _facts[key] = facts;
                if (facts.Shortcut is { } shortcut)
                    _shortcuts.Add(shortcut);
            }
        }
    }

    internal static IEnumerable<ProgrammedService> Read(Ruleset ruleset) => new IpvsServices(ruleset).Read();

    private IEnumerable<ProgrammedService> Read()
    {
        var order = new List<((IpFamily, FrontendKey) Group, FrontendKey Key, IpvsFrontend Facts)>();
        foreach ((FrontendKey key, IpvsFrontend facts) in _facts)
            order.Add((GroupOf(key, facts), key, facts));
        foreach (FrontendKey key in _servers.Keys.Where(key => !_facts.ContainsKey(key)))
        {
            // Behind a shortcut nobody dials: it is the same service's.
            if (_shortcuts.Contains(key))
                continue;
            IpvsFrontend facts = _nodePorts.TryGetValue((key.Protocol, key.Port), out bool isLocal)
                ? new IpvsFrontend(RuleWriter.KubeProxyIpvs, ProgrammedKind.NodePort) { IsLocal = isLocal ? true : null }
                : new IpvsFrontend(RuleWriter.Ipvs, ProgrammedKind.VirtualServer);
            order.Add((GroupOf(key, facts), key, facts));
        }
        var served = order.Where(static item => item.Facts.Kind == ProgrammedKind.NodePort)
            .Select(static item => (item.Key.Protocol, item.Key.Port)).ToHashSet();
        foreach (((IpProtocol protocol, ushort port), bool isLocal) in _nodePorts)
        {
            if (served.Contains((protocol, port)))
                continue;
            var facts = new IpvsFrontend(RuleWriter.KubeProxyIpvs, ProgrammedKind.NodePort) { IsLocal = isLocal ? true : null };
            var key = new FrontendKey(default, protocol, port);
            order.Add(((IpFamily.None, key), key, facts));
        }
        return order.GroupBy(static item => item.Group).Select(group => Build([.. group.Select(static item => (item.Key, item.Facts))]));
    }

    /// <summary>A NodePort is the same service's at all addresses of the node.</summary>
    private static (IpFamily, FrontendKey) GroupOf(FrontendKey key, IpvsFrontend facts) =>
        (key.Address.Family, facts.Kind == ProgrammedKind.NodePort ? key with { Address = default } : key);

    private ProgrammedService Build((FrontendKey Key, IpvsFrontend Facts)[] frontends)
    {
        (FrontendKey first, IpvsFrontend facts) = frontends[0];
        var shown = new ProgrammedFrontend { Kind = facts.Kind, Address = first.Address, Port = first.Port };
        string id = frontends.Length > 1 ? (shown with { Address = default }).Text : shown.Text;
        IpFamily family = first.Address.Family != IpFamily.None ? first.Address.Family : IpFamily.IPv4;
        var builder = new ProgrammedServiceBuilder(id, first.Protocol, family, facts.Writer)
        {
            IsExternalLocal = facts.Kind is ProgrammedKind.ClusterIP ? null : facts.IsLocal,
            IsInternalLocal = facts.Kind is ProgrammedKind.ClusterIP && facts.Refusal == ProgrammedState.Dropped ? true : null,
            SourceRanges = facts.SourceRanges,
        };
        if (facts.Shortcut is { } shortcut && _servers.TryGetValue(shortcut, out VirtualServer? all))
            builder.ClusterEndpoints = EndpointsOf(all);
        foreach ((FrontendKey key, IpvsFrontend own) in frontends)
        {
            VirtualServer? server = _servers.GetValueOrDefault(key);
            ImmutableArray<ProgrammedEndpoint> endpoints = server is null ? [] : EndpointsOf(server);
            builder.Affinity ??= server?.Persistence;
            builder.Add(new ProgrammedFrontend
            {
                Kind = own.Kind,
                Address = key.Address,
                Port = key.Port,
                Endpoints = own.Refusal is null ? endpoints : [],
                State = own.Refusal ?? StateOf(server),
            });
        }
        return builder.Build();
    }

    private ProgrammedState StateOf(VirtualServer? server) => server switch
    {
        null => _ruleset.VirtualServers is null ? ProgrammedState.Unknown : ProgrammedState.Untouched,
        { IsIncomplete: true } => ProgrammedState.Unknown,
        _ => server.Servers.Any(static real => real.Weight > 0) ? ProgrammedState.Served : ProgrammedState.Rejected,
    };

    /// <summary>The real servers, with their shares where the scheduler gives each its own; what has no weight gets nothing new.</summary>
    private static ImmutableArray<ProgrammedEndpoint> EndpointsOf(VirtualServer server)
    {
        IReadOnlyDictionary<RealServer, double>? shares = IpvsShares.Of(server);
        return [.. server.Servers.Select(real => new ProgrammedEndpoint(real.Address, real.Port == 0 ? server.Port : real.Port,
            real.Weight == 0 ? 0 : shares is null ? double.NaN : shares[real], string.Empty, $"weight {real.Weight}"))];
    }

    private void ReadSet(IpSet set)
    {
        (ProgrammedKind Kind, bool IsLocal)? known = KubeProxyIpvs.RoleOf(set.Name) switch
        {
            KubeIpvsSetRole.ClusterIPs => (ProgrammedKind.ClusterIP, false),
            KubeIpvsSetRole.LoadBalancers => (ProgrammedKind.LoadBalancer, false),
            KubeIpvsSetRole.LoadBalancersLocal => (ProgrammedKind.LoadBalancer, true),
            KubeIpvsSetRole.ExternalIPs => (ProgrammedKind.ExternalIP, false),
            KubeIpvsSetRole.ExternalIPsLocal => (ProgrammedKind.ExternalIP, true),
            KubeIpvsSetRole.NodePorts => (ProgrammedKind.NodePort, false),
            KubeIpvsSetRole.NodePortsLocal => (ProgrammedKind.NodePort, true),
            _ => null,
        };
        if (known is not var (kind, isLocal))
            return;
        foreach (IpSetEntry entry in set.Entries)
        {
            // A range may begin with 0, which is no port that a service can have.
            if (kind == ProgrammedKind.NodePort && entry.Parts is [.., IpSetPort { Last: > 0 } nodePort])
                // bitmap:port stores no protocol; the set's name says it.
                Mark((nodePort.Protocol != IpProtocol.None ? nodePort.Protocol : KubeProxyIpvs.ProtocolOf(set.Name),
                    Math.Max(nodePort.First, (ushort)1)), isLocal);
            else if (kind != ProgrammedKind.NodePort && entry.Parts is [IpSetAddress address, IpSetPort port, ..])
                Mark(new FrontendKey(address.First, port.Protocol, port.First), kind, isLocal);
        }
    }

    // An entry of a set for policy Local is in the other one as well.
    private void Mark((IpProtocol, ushort) nodePort, bool isLocal) =>
        _nodePorts[nodePort] = isLocal || _nodePorts.GetValueOrDefault(nodePort);

    private void Mark(FrontendKey key, ProgrammedKind kind, bool isLocal)
    {
        bool? known = _facts.TryGetValue(key, out IpvsFrontend? facts) ? facts.IsLocal : null;
        _facts[key] = new IpvsFrontend(RuleWriter.KubeProxyIpvs, kind) { IsLocal = isLocal ? true : known };
    }

    /// <summary>What clients dial.</summary>
    internal readonly record struct FrontendKey(InetAddress Address, IpProtocol Protocol, ushort Port);

    /// <summary>What the proxy keeps about a frontend beside its virtual server.</summary>
    /// <param name="Writer">Which proxy.</param>
    /// <param name="Kind">Of what kind the address is.</param>
    internal sealed record IpvsFrontend(RuleWriter Writer, ProgrammedKind Kind)
    {
        /// <summary>True for policy Local; null when it is not shown.</summary>
        internal bool? IsLocal { get; init; }

        /// <summary>What clients from outside get in place of an endpoint; null when the virtual server decides.</summary>
        internal ProgrammedState? Refusal { get; init; }

        /// <summary>The sources that may use it; empty for all.</summary>
        internal ImmutableArray<InetPrefix> SourceRanges { get; init; } = [];

        /// <summary>The virtual server of pods and the node, where it is another.</summary>
        internal FrontendKey? Shortcut { get; init; }
    }
}
