using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>Reads services off the maps and chains that kube-proxy writes in nftables mode (table kube-proxy), one family.</summary>
internal sealed class KubeNftablesServices
{
    private readonly RuleTable _table;
    private readonly IpFamily _family;
    private readonly HashSet<InetAddress> _clusterIPs;
    private readonly Dictionary<(string, IpProtocol), ProgrammedServiceBuilder> _services = [];
    private readonly List<ProgrammedServiceBuilder> _order = [];

    private KubeNftablesServices(RuleTable table)
    {
        _table = table;
        _family = table.Family == TableFamily.Ip6 ? IpFamily.IPv6 : IpFamily.IPv4;
        _clusterIPs = [.. Elements(KubeProxyNftables.ClusterIPs).Select(element => element.Key).OfType<AddressValue>()
            .Select(value => value.Address)];
    }

    internal static IEnumerable<ProgrammedService> Read(RuleTable table) => new KubeNftablesServices(table).Read();

    private IEnumerable<ProgrammedService> Read()
    {
        int before = _table.FindChain(KubeProxyNftables.Services) is { } services ? RulesBefore(services, KubeProxyNftables.ServiceIPs) : 0;
        foreach (SetElement element in Elements(KubeProxyNftables.ServiceIPs))
        {
            if (Key(element.Key) is { } key && element.Data is VerdictValue { Verdict.Chain: { } chain })
                AddServed(key.Address, key.Protocol, key.Port, chain, before);
        }
        foreach (SetElement element in Elements(KubeProxyNftables.ServiceNodePorts))
        {
            if (Key(element.Key) is { } key && element.Data is VerdictValue { Verdict.Chain: { } chain })
                AddServed(default, key.Protocol, key.Port, chain, before + 1);
        }
        foreach (string map in (string[])[KubeProxyNftables.NoEndpointServices, KubeProxyNftables.NoEndpointNodePorts])
        {
            foreach (SetElement element in Elements(map))
                AddRefused(element);
        }
        foreach (SetElement element in Elements(KubeProxyNftables.FirewallIPs))
        {
            if (element.Data is VerdictValue { Verdict.Chain: { } chain } && Key(element.Key) is { } key)
                AddRanges(chain, key.Protocol);
        }
        return _order.Select(builder => builder.Build());
    }

    private ImmutableArray<SetElement> Elements(string set) => _table.FindSet(set)?.Elements ?? [];

    private static int RulesBefore(Chain services, string map)
    {
        for (int index = 0; index < services.Rules.Length; index++)
        {
            if (services.Rules[index].Target is VerdictMapStatement { Map: SetReference reference } && reference.Name == map)
                return index + 1;
        }
        return 0;
    }

    private void AddServed(InetAddress address, IpProtocol protocol, ushort port, string chain, int before)
    {
        ProgrammedServiceBuilder builder = Find(KubeProxyNftables.ServicePortOf(chain) ?? chain, protocol);
        bool isClusterIP = _clusterIPs.Contains(address);
        ProgrammedKind kind = address.Family == IpFamily.None ? ProgrammedKind.NodePort : isClusterIP
            ? ProgrammedKind.ClusterIP : ProgrammedKind.External;
        ImmutableArray<ProgrammedEndpoint> endpoints = Endpoints(chain, builder);
        if (isClusterIP)
        {
            builder.IsInternalLocal = KubeProxyNftables.RoleOf(chain) == KubeNftablesChainRole.LocalEndpoints;
            builder.ClusterEndpoints = endpoints;
        }
        else
        {
            builder.IsExternalLocal ??= IsExternalLocal(chain);
        }
        builder.Add(new ProgrammedFrontend
        {
            Kind = kind,
            Address = address,
            Port = port,
            Endpoints = endpoints,
            State = endpoints.IsEmpty ? ProgrammedState.Untouched : ProgrammedState.Served,
            RulesBefore = before,
        });
    }

    private void AddRefused(SetElement element)
    {
        if (Key(element.Key) is not { } key || element.Data is not VerdictValue { Verdict: { } verdict })
            return;
        ProgrammedServiceBuilder builder = Find(ServiceText.NameIn(element.Comment) ?? $"{key.Address}:{key.Port}", key.Protocol);
        bool dropped = verdict.Kind == VerdictKind.Drop;
        ProgrammedKind kind = key.Address.Family == IpFamily.None ? ProgrammedKind.NodePort
            : _clusterIPs.Contains(key.Address) ? ProgrammedKind.ClusterIP
            : ProgrammedKind.External;
        if (dropped && kind == ProgrammedKind.ClusterIP)
            builder.IsInternalLocal = true;
        else if (dropped)
            builder.IsExternalLocal = true;
        builder.Add(new ProgrammedFrontend
        {
            Kind = kind,
            Address = key.Address,
            Port = key.Port,
            State = dropped ? ProgrammedState.Dropped : ProgrammedState.Rejected,
        });
    }

    private void AddRanges(string chain, IpProtocol protocol)
    {
        if (_table.FindChain(chain) is not { } firewall || KubeProxyNftables.ServicePortOf(chain) is not { } name)
            return;
        Find(name, protocol).SourceRanges = [.. firewall.Rules
            .SelectMany(rule => rule.Statements.ToImmutableArray().OfType<RelationalMatch>())
            .Where(match => match is { Operator: RelationalOperator.NotEqual,
                Left: SelectorExpression { Field: PacketField.IpSource or PacketField.Ip6Source } })
            .SelectMany(match => Prefixes(match.Right))];
    }

    private static IEnumerable<InetPrefix> Prefixes(Expression expression) => expression switch
    {
        AddressValue address => [InetPrefix.Host(address.Address)],
        PrefixValue prefix => [prefix.Prefix],
        AnonymousSet set => set.Elements.SelectMany(element => Prefixes(element.Key)),
        _ => [],
    };

    /// <summary>Policy Local shows in the goto at the end: to the chain of local endpoints, or no goto at all.</summary>
    private bool? IsExternalLocal(string chain)
    {
        KubeNftablesChainRole role = KubeProxyNftables.RoleOf(chain);
        if (role != KubeNftablesChainRole.External)
            return role == KubeNftablesChainRole.LocalEndpoints;
        return _table.FindChain(chain) is { } external
            ? !external.Rules.Any(rule => rule.Statements is [VerdictStatement { Verdict.Chain: { } target }]
                && KubeProxyNftables.RoleOf(target) == KubeNftablesChainRole.ClusterEndpoints)
            : null;
    }

    /// <summary>The endpoints of a client from outside: rules that match the source are for other clients.</summary>
    private ImmutableArray<ProgrammedEndpoint> Endpoints(string name, ProgrammedServiceBuilder builder, int depth = 0)
    {
        if (depth > 8 || _table.FindChain(name) is not { } chain)
            return [];
        foreach (Rule rule in chain.Rules)
        {
            switch (rule.Target)
            {
                case NatStatement
                {
                    Kind: NatKind.Destination,
                    Operand: MapExpression { Key: NumgenExpression numgen, Map: AnonymousSet map }
                }:
                    return Shares(map, numgen.Modulus,
                        element => element is ConcatExpression
                        {
                            Parts: [AddressValue address,
                            NumberValue { Value: <= ushort.MaxValue } port]
                        }
                        ? (address.Address, (ushort)port.Value, string.Empty)
                        : default);
                case VerdictMapStatement { Key: NumgenExpression numgen, Map: AnonymousSet map }:
                    return Shares(map, numgen.Modulus, element => element is VerdictValue { Verdict.Chain: { } endpoint }
                        ? OfEndpointChain(endpoint, builder) : default);
                case VerdictStatement { Verdict: { Kind: VerdictKind.Goto, Chain: { } target } } when rule.Statements.Length == 1:
                    return Endpoints(target, builder, depth + 1);
            }
        }
        return [];
    }

    private static ImmutableArray<ProgrammedEndpoint> Shares(
        AnonymousSet map, uint modulus, Func<Expression?, (InetAddress Address, ushort Port, string Chain)> endpointOf)
    {
        // A number missing in the map leads nowhere, nor does an element that is not an endpoint, such as a verdict without a chain.
        double share = 1.0 / Math.Max(1, modulus);
        return [.. map.Elements.Select(element => endpointOf(element.Data)).Where(item => item.Chain is not null)
            .Select(item => new ProgrammedEndpoint(item.Address, item.Port, share, item.Chain, string.Empty))];
    }

    private (InetAddress, ushort, string) OfEndpointChain(string name, ProgrammedServiceBuilder builder)
    {
        foreach (Rule rule in _table.FindChain(name)?.Rules ?? [])
        {
            if (rule.Target is SetUpdateStatement update && _table.FindSet(update.Set)?.Timeout is { } timeout)
                builder.Affinity = timeout;
            if (rule.Target is NatStatement { Range: { HasAddress: true } range })
                return (range.First, range.FirstPort, name);
        }
        return (default, 0, name);
    }

    private ProgrammedServiceBuilder Find(string name, IpProtocol protocol)
    {
        if (_services.TryGetValue((name, protocol), out ProgrammedServiceBuilder? builder))
            return builder;
        _services[(name, protocol)] = builder = new ProgrammedServiceBuilder(name, protocol, _family,
            RuleWriter.KubeProxyNftables)
        { Name = name };
        _order.Add(builder);
        return builder;
    }

    private static (InetAddress Address, IpProtocol Protocol, ushort Port)? Key(Expression key) => key switch
    {
        ConcatExpression
        {
            Parts: [AddressValue address, NumberValue { Value: <= byte.MaxValue } protocol,
            NumberValue { Value: <= ushort.MaxValue } port]
        } =>
            (address.Address, (IpProtocol)protocol.Value, (ushort)port.Value),
        ConcatExpression { Parts: [NumberValue { Value: <= byte.MaxValue } protocol, NumberValue { Value: <= ushort.MaxValue } port] } =>
            (default, (IpProtocol)protocol.Value, (ushort)port.Value),
        _ => null,
    };
}
