using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>
/// Reads services off the chains that kube-proxy writes in iptables mode, any version since 1.12 (KUBE-SERVICES, KUBE-NODEPORTS, KUBE-SVC,
/// KUBE-SVL, KUBE-EXT, KUBE-FW, KUBE-XLB, KUBE-SEP), one family and back-end.
/// </summary>
internal sealed class IptablesServices
{
    // A branch for every two bits of an IPv6 address; a dump may nest deeper.
    private const int DeepestTree = 64;

    private readonly RuleTable _nat;
    private readonly RuleTable? _filter;
    private readonly IpFamily _family;
    private readonly ServiceChains _chains;
    private readonly Dictionary<(string Key, IpProtocol Protocol), ProgrammedServiceBuilder> _services = [];
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly List<ProgrammedServiceBuilder> _order = [];

    private IptablesServices(RuleTable nat, RuleTable? filter)
    {
        (_nat, _filter) = (nat, filter);
        _family = nat.Family == TableFamily.Ip ? IpFamily.IPv4 : IpFamily.IPv6;
        _chains = new ServiceChains(nat);
    }

    internal static IEnumerable<ProgrammedService> Read(RuleTable nat, RuleTable? filter) => new IptablesServices(nat, filter).Read();

    private IEnumerable<ProgrammedService> Read()
    {
        int before = RulesBeforeServices();
        if (_nat.FindChain(KubeProxyIptables.Services) is { } services)
        {
            ReadFrontends(services, before, 0);
            before += services.Rules.Length;
        }
        if (_nat.FindChain(KubeProxyIptables.NodePorts) is { } nodePorts)
        {
            for (int index = 0; index < nodePorts.Rules.Length; index++)
                ReadNodePort(new RuleRef(_nat, nodePorts, index), before + index);
        }
        foreach (string name in (string[])[KubeProxyIptables.Services, KubeProxyIptables.ExternalServices])
        {
            if (_filter?.FindChain(name) is { } refusals)
                ReadRefusals(refusals);
        }
        // nft hides conditions of rules, ports among them.
        if (_nat.IsExcerpt || _nat.Format is RuleFormat.NftText or RuleFormat.NftJson)
            ReadWithoutEntry();
        return _order.Select(builder => builder.Build());
    }

    /// <summary>Service chains of an excerpt that shows no rule leading to them: their shares are still known.</summary>
    private void ReadWithoutEntry()
    {
        var known = _order.Select(builder => builder.Id).ToHashSet(StringComparer.Ordinal);
        foreach (Chain chain in _nat.Chains)
        {
            if (!KubeProxyIptables.RoleOf(chain.Name).IsServicePort() || !known.Add(ClusterChainOf(chain.Name)))
                continue;
            string? name = chain.Rules.Select(rule => KubeProxyIptablesComment.Parse(rule.Comment).ServicePort)
                .FirstOrDefault(found => found is not null);
            ProgrammedServiceBuilder builder = Find(name, chain.Name, ProtocolOf(chain));
            ServiceChains.View view = _chains.OutsideOf(ClusterChainOf(chain.Name));
            builder.ClusterEndpoints = view.Endpoints.IsEmpty ? _chains.OutsideOf(chain.Name).Endpoints : view.Endpoints;
            builder.Affinity ??= view.Affinity;
            builder.EntryChain = chain.Name;
        }
    }

    /// <summary>The protocol that the chain's endpoint rules match; TCP where none is shown.</summary>
    private IpProtocol ProtocolOf(Chain chain) => _chains.OutsideOf(chain.Name).Endpoints
        .Select(endpoint => _nat.FindChain(endpoint.Chain)).OfType<Chain>().SelectMany(found => found.Rules)
        .SelectMany(rule => rule.Statements.ToImmutableArray()).OfType<ProtocolMatch>()
        .Select(match => match.Protocol).FirstOrDefault(IpProtocol.Tcp);

    /// <summary>Number of PREROUTING rules before KUBE-SERVICES, the jump included.</summary>
    private int RulesBeforeServices()
    {
        Chain? prerouting = _nat.Chains.FirstOrDefault(chain => chain.Base?.Hook == Hook.Prerouting);
        if (prerouting is null)
            return 0;
        for (int index = 0; index < prerouting.Rules.Length; index++)
        {
            if (ServiceChains.RoleOfTarget(prerouting.Rules[index]) == KubeChainRole.Services)
                return index + 1;
        }
        return 0;
    }

    /// <summary>The frontends of KUBE-SERVICES, and of the chains per range of addresses that Portolan may put below it.</summary>
    private void ReadFrontends(Chain chain, int before, int depth)
    {
        for (int index = 0; index < chain.Rules.Length; index++)
        {
            if (ServiceChains.TargetOf(chain.Rules[index]) is { } target && KubeProxyIptables.RoleOf(target) == KubeChainRole.Branch)
            {
                if (depth < DeepestTree && _nat.FindChain(target) is { } branch)
                    ReadFrontends(branch, before + index + 1, depth + 1);
            }
            else
            {
                ReadFrontend(new RuleRef(_nat, chain, index), before + index);
            }
        }
    }

    private void ReadFrontend(RuleRef place, int rulesBefore)
    {
        Rule rule = place.Rule;
        if (ServiceChains.TargetOf(rule) is not { } target || !ServiceChains.IsServiceChain(target)
            || RuleKey.Of(rule) is not { Destination: { } destination, Port: { } port } key)
            return;
        ProgrammedServiceBuilder builder = Find(ServiceText.NameIn(rule.Comment), target, key.Protocol);
        ProgrammedKind kind = KubeProxyIptablesComment.Parse(rule.Comment).Role switch
        {
            KubeCommentRole.ClusterIP => ProgrammedKind.ClusterIP,
            KubeCommentRole.ExternalIP => ProgrammedKind.ExternalIP,
            KubeCommentRole.LoadBalancerIP => ProgrammedKind.LoadBalancer,
            _ => KubeProxyIptables.RoleOf(target) switch
            {
                KubeChainRole.LoadBalancer => ProgrammedKind.LoadBalancer,
                KubeChainRole.ClusterEndpoints or KubeChainRole.LocalEndpoints => ProgrammedKind.ClusterIP,
                _ => ProgrammedKind.External,
            },
        };
        builder.Add(Frontend(builder, kind, destination, port, target, place, rulesBefore));
    }

    private void ReadNodePort(RuleRef place, int rulesBefore)
    {
        Rule rule = place.Rule;
        RuleKey key = RuleKey.Of(rule);
        // A rule of its own for 127.0.0.0/8 only counts the use of loopback NodePorts.
        if (key.Port is not { } port || key.DestinationIsLoopback || ServiceChains.TargetOf(rule) is not { } target
            || !ServiceChains.IsServiceChain(target))
            return;
        ProgrammedServiceBuilder builder = Find(ServiceText.NameIn(rule.Comment), target, key.Protocol);
        builder.Add(Frontend(builder, ProgrammedKind.NodePort, key.Destination ?? default, port, target, place, rulesBefore));
    }

    private ProgrammedFrontend Frontend(
        ProgrammedServiceBuilder builder, ProgrammedKind kind, InetAddress address, ushort port, string target, RuleRef place,
            int rulesBefore)
    {
        ServiceChains.View outside = _chains.OutsideOf(target);
        if (kind == ProgrammedKind.ClusterIP)
            builder.IsInternalLocal = KubeProxyIptables.RoleOf(target) == KubeChainRole.LocalEndpoints;
        else
            builder.IsExternalLocal ??= _chains.IsExternalLocal(target);
        if (_chains.SourceRangesOf(target) is { IsEmpty: false } ranges)
            builder.SourceRanges = ranges;
        builder.Affinity ??= outside.Affinity;
        if (builder.ClusterEndpoints.IsEmpty)
        {
            ServiceChains.View cluster = _chains.OutsideOf(ClusterChainOf(target));
            builder.ClusterEndpoints = cluster.Endpoints;
            builder.Affinity ??= cluster.Affinity;
        }
        return new ProgrammedFrontend
        {
            Kind = kind,
            Address = address,
            Port = port,
            Endpoints = outside.Endpoints,
            State = !outside.Endpoints.IsEmpty ? ProgrammedState.Served : outside.IsDropped ? ProgrammedState.Dropped
                // Without a chain, or with one that has no endpoints, the packet reaches table filter, which rejects or drops it.
                : _filter is null || _nat.FindChain(target) is null ? ProgrammedState.Unknown : ProgrammedState.Untouched,
            RulesBefore = rulesBefore,
            Place = place,
        };
    }

    private void ReadRefusals(Chain chain)
    {
        for (int index = 0; index < chain.Rules.Length; index++)
        {
            Rule rule = chain.Rules[index];
            ProgrammedState? state = rule.Target switch
            {
                RejectStatement => ProgrammedState.Rejected,
                VerdictStatement { Verdict.Kind: VerdictKind.Drop } => ProgrammedState.Dropped,
                _ => null,
            };
            RuleKey key = RuleKey.Of(rule);
            if (state is not { } refused || key.Port is not { } port || KubeProxyIptablesComment.Parse(rule.Comment)
                is not { Role: KubeCommentRole.NoEndpoints or KubeCommentRole.NoLocalEndpoints, ServicePort: { } name })
                continue;
            ProgrammedKind kind = key.Destination is null ? ProgrammedKind.NodePort
                : KubeProxyIptables.RoleOf(chain.Name) == KubeChainRole.Services ? ProgrammedKind.ClusterIP
                : ProgrammedKind.External;
            ProgrammedServiceBuilder builder = Find(name, null, key.Protocol);
            if (refused == ProgrammedState.Dropped)
            {
                if (kind == ProgrammedKind.ClusterIP)
                    builder.IsInternalLocal = true;
                else
                    builder.IsExternalLocal = true;
            }
            builder.Add(new ProgrammedFrontend
            {
                Kind = kind,
                Address = key.Destination ?? default,
                Port = port,
                State = refused,
                Place = new RuleRef(_filter!, chain, index),
            });
        }
    }

    /// <summary>The chain for all endpoints of the service port to which another chain belongs.</summary>
    private static string ClusterChainOf(string chain) => KubeProxyIptables.ClusterEndpointsPrefix + KubeProxyIptables.HashOf(chain);

    private ProgrammedServiceBuilder Find(string? name, string? chain, IpProtocol protocol)
    {
        string id = chain is null ? name! : ClusterChainOf(chain);
        if (name is not null)
            _names.TryAdd(id, name);
        else
            name = _names.GetValueOrDefault(id);
        if (_services.TryGetValue((name ?? id, protocol), out ProgrammedServiceBuilder? builder))
            return builder;
        _services[(name ?? id, protocol)] = builder = new ProgrammedServiceBuilder(id, protocol, _family,
            RuleWriter.KubeProxyIptables)
        { Name = name };
        _order.Add(builder);
        return builder;
    }
}

/// <summary>What a rule requires of the destination.</summary>
internal readonly record struct RuleKey(IpProtocol Protocol, InetAddress? Destination, ushort? Port, bool DestinationIsLoopback)
{
    internal static RuleKey Of(Rule rule)
    {
        var key = new RuleKey(IpProtocol.None, null, null, false);
        foreach (Statement statement in rule.Statements)
        {
            switch (statement)
            {
                case ProtocolMatch { Negated: false } protocol:
                    key = key with { Protocol = protocol.Protocol };
                    break;
                case AddressMatch { Negated: false, Side: PacketSide.Destination } address:
                    if (address.Prefix.Length == address.Prefix.Address.Length * 8)
                        key = key with { Destination = address.Prefix.Address };
                    else if (address.Prefix.Address.IsLoopback || address.Prefix.Address == InetAddress.FromIPv4(0x7f000000))
                        key = key with { DestinationIsLoopback = true };
                    break;
                case PortMatch { Negated: false, Side: PacketSide.Destination, Ports: [var ports] } when ports.First == ports.Last:
                    key = key with { Port = ports.First };
                    break;
            }
        }
        return key;
    }
}
