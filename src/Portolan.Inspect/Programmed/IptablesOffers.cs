using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>
/// Reads services off the chains that kube-proxy writes in iptables mode, any version since 1.12 (KUBE-SERVICES, KUBE-NODEPORTS, KUBE-SVC,
/// KUBE-SVL, KUBE-EXT, KUBE-FW, KUBE-XLB, KUBE-SEP), one family and back-end.
/// </summary>
internal sealed class IptablesOffers
{
    private const string ServicesChain = "KUBE-SERVICES";

    // A branch for every two bits of an IPv6 address; a dump may nest as it likes.
    private const int DeepestTree = 64;

    private readonly RuleTable _nat;
    private readonly RuleTable? _filter;
    private readonly IpFamily _family;
    private readonly ServiceChains _chains;
    private readonly Dictionary<(string Key, IpProtocol Protocol), OfferBuilder> _services = [];
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly List<OfferBuilder> _order = [];

    private IptablesOffers(RuleTable nat, RuleTable? filter)
    {
        (_nat, _filter) = (nat, filter);
        _family = nat.Family == TableFamily.Ip ? IpFamily.IPv4 : IpFamily.IPv6;
        _chains = new ServiceChains(nat);
    }

    internal static IEnumerable<OfferedService> Read(RuleTable nat, RuleTable? filter) => new IptablesOffers(nat, filter).Read();

    private IEnumerable<OfferedService> Read()
    {
        int before = RulesBeforeServices();
        if (_nat.FindChain(ServicesChain) is { } services)
        {
            ReadFrontends(services, before, 0);
            before += services.Rules.Length;
        }
        if (_nat.FindChain("KUBE-NODEPORTS") is { } nodePorts)
        {
            for (int index = 0; index < nodePorts.Rules.Length; index++)
                ReadNodePort(new RulePlace(_nat, nodePorts, index), before + index);
        }
        foreach (string name in (string[])[ServicesChain, "KUBE-EXTERNAL-SERVICES"])
        {
            if (_filter?.FindChain(name) is { } refusals)
                ReadRefusals(refusals);
        }
        return _order.Select(builder => builder.Build());
    }

    /// <summary>Rules of PREROUTING that a packet meets on its way to KUBE-SERVICES, the jump included.</summary>
    private int RulesBeforeServices()
    {
        Chain? prerouting = _nat.Chains.FirstOrDefault(chain => chain.Base?.Hook == Hook.Prerouting);
        if (prerouting is null)
            return 0;
        for (int index = 0; index < prerouting.Rules.Length; index++)
        {
            if (ServiceChains.TargetOf(prerouting.Rules[index]) == ServicesChain)
                return index + 1;
        }
        return 0;
    }

    /// <summary>The frontends of KUBE-SERVICES, and of the chains per range of addresses that Portolan may put below it.</summary>
    private void ReadFrontends(Chain chain, int before, int depth)
    {
        for (int index = 0; index < chain.Rules.Length; index++)
        {
            if (ServiceChains.TargetOf(chain.Rules[index]) is { } target && target.StartsWith(ServiceChains.TreePrefix, StringComparison.Ordinal))
            {
                if (depth < DeepestTree && _nat.FindChain(target) is { } branch)
                    ReadFrontends(branch, before + index + 1, depth + 1);
            }
            else
            {
                ReadFrontend(new RulePlace(_nat, chain, index), before + index);
            }
        }
    }

    private void ReadFrontend(RulePlace place, int rulesBefore)
    {
        Rule rule = place.Rule;
        if (ServiceChains.TargetOf(rule) is not { } target || !ServiceChains.IsServiceChain(target)
            || RuleKey.Of(rule) is not { Destination: { } destination, Port: { } port } key)
            return;
        string? name = ServiceText.NameIn(rule.Comment, out string what);
        OfferBuilder builder = Find(name, target, key.Protocol);
        OfferKind kind = what switch
        {
            "cluster IP" => OfferKind.ClusterIP,
            "external IP" => OfferKind.ExternalIP,
            "loadbalancer IP" => OfferKind.LoadBalancer,
            _ when target.StartsWith("KUBE-FW-", StringComparison.Ordinal) => OfferKind.LoadBalancer,
            _ when target.StartsWith("KUBE-SV", StringComparison.Ordinal) => OfferKind.ClusterIP,
            _ => OfferKind.External,
        };
        builder.Add(Frontend(builder, kind, destination, port, target, place, rulesBefore));
    }

    private void ReadNodePort(RulePlace place, int rulesBefore)
    {
        Rule rule = place.Rule;
        RuleKey key = RuleKey.Of(rule);
        // A rule of its own for 127.0.0.0/8 only counts the use of loopback NodePorts.
        if (key.Port is not { } port || key.DestinationIsLoopback || ServiceChains.TargetOf(rule) is not { } target
            || !ServiceChains.IsServiceChain(target))
            return;
        OfferBuilder builder = Find(ServiceText.NameIn(rule.Comment, out _), target, key.Protocol);
        builder.Add(Frontend(builder, OfferKind.NodePort, key.Destination ?? default, port, target, place, rulesBefore));
    }

    private OfferedFrontend Frontend(
        OfferBuilder builder, OfferKind kind, InetAddress address, ushort port, string target, RulePlace place, int rulesBefore)
    {
        ServiceChains.View outside = _chains.OutsideOf(target);
        if (kind == OfferKind.ClusterIP)
            builder.IsInternalLocal = target.StartsWith("KUBE-SVL-", StringComparison.Ordinal);
        else
            builder.IsExternalLocal ??= _chains.IsExternalLocal(target);
        if (_chains.SourceRangesOf(target) is { IsEmpty: false } ranges)
            builder.SourceRanges = ranges;
        builder.Affinity ??= outside.Affinity;
        string hash = target[(target.LastIndexOf('-') + 1)..];
        if (builder.ClusterEndpoints.IsEmpty)
        {
            ServiceChains.View cluster = _chains.OutsideOf("KUBE-SVC-" + hash);
            builder.ClusterEndpoints = cluster.Endpoints;
            builder.Affinity ??= cluster.Affinity;
        }
        return new OfferedFrontend
        {
            Kind = kind,
            Address = address,
            Port = port,
            Endpoints = outside.Endpoints,
            State = !outside.Endpoints.IsEmpty ? OfferState.Served : outside.IsDropped ? OfferState.Dropped : OfferState.Untouched,
            RulesBefore = rulesBefore,
            Place = place,
        };
    }

    private void ReadRefusals(Chain chain)
    {
        for (int index = 0; index < chain.Rules.Length; index++)
        {
            Rule rule = chain.Rules[index];
            OfferState? state = rule.Target switch
            {
                RejectStatement => OfferState.Rejected,
                VerdictStatement { Verdict.Kind: VerdictKind.Drop } => OfferState.Dropped,
                _ => null,
            };
            RuleKey key = RuleKey.Of(rule);
            if (state is not { } refused || key.Port is not { } port || ServiceText.NameIn(rule.Comment, out string what) is not { } name
                || !what.StartsWith("has no", StringComparison.Ordinal))
                continue;
            OfferKind kind = key.Destination is null ? OfferKind.NodePort
                : chain.Name == ServicesChain ? OfferKind.ClusterIP
                : OfferKind.External;
            OfferBuilder builder = Find(name, null, key.Protocol);
            if (refused == OfferState.Dropped)
            {
                if (kind == OfferKind.ClusterIP)
                    builder.IsInternalLocal = true;
                else
                    builder.IsExternalLocal = true;
            }
            builder.Add(new OfferedFrontend
            {
                Kind = kind,
                Address = key.Destination ?? default,
                Port = port,
                State = refused,
                Place = new RulePlace(_filter!, chain, index),
            });
        }
    }

    private OfferBuilder Find(string? name, string? chain, IpProtocol protocol)
    {
        string id = chain is null ? name! : "KUBE-SVC-" + chain[(chain.LastIndexOf('-') + 1)..];
        if (name is not null)
            _names.TryAdd(id, name);
        else
            name = _names.GetValueOrDefault(id);
        if (_services.TryGetValue((name ?? id, protocol), out OfferBuilder? builder))
            return builder;
        _services[(name ?? id, protocol)] = builder = new OfferBuilder(id, protocol, _family, RuleWriter.KubeProxyIptables) { Name = name };
        _order.Add(builder);
        return builder;
    }
}

/// <summary>What a rule asks of the destination.</summary>
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
