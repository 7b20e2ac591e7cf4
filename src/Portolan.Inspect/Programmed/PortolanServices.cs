using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>Reads services off the sets and maps of Portolan's own table (table portolan), one family.</summary>
internal sealed class PortolanServices
{
    private const string NoName = "?";

    private readonly RuleTable _table;
    private readonly PortolanLayout _layout;
    private readonly IpFamily _family;
    private readonly HashSet<InetAddress> _clusterIPs;
    private readonly ImmutableArray<InetAddress> _nodePortAddresses;
    private readonly Dictionary<ulong, ProgrammedEndpoint> _affinityEndpoints = [];
    private readonly Dictionary<FrontendKey, FrontendFacts> _frontends = [];
    private readonly List<FrontendKey> _order = [];

    private PortolanServices(RuleTable table)
    {
        _table = table;
        _layout = ServiceTables.LayoutOf(table);
        _family = table.Family == TableFamily.Ip6 ? IpFamily.IPv6 : IpFamily.IPv4;
        _clusterIPs = [.. Addresses(PortolanSet.ClusterIPs)];
        _nodePortAddresses = [.. Addresses(PortolanSet.NodePortAddresses)];
    }

    internal static IEnumerable<ProgrammedService> Read(RuleTable table) => new PortolanServices(table).Read();

    private IEnumerable<ProgrammedService> Read()
    {
        foreach (SetElement element in Elements(PortolanSet.AffinityEndpoints))
        {
            // From layout 2 on the protocol is a part of the key, and the id's last bit distinguishes two views of one endpoint.
            NumberValue? id = element.Key as NumberValue ?? (element.Key as ConcatExpression)?.Parts[0] as NumberValue;
            if (id is not null && Endpoint(element.Data) is { } endpoint)
                _affinityEndpoints[_layout.Has(PortolanSet.Frontends) ? id.Value & ~1UL : id.Value] = endpoint;
        }
        ReadFrontends(PortolanSet.Frontends);
        ReadFrontends(PortolanSet.NodePortFrontends);
        ReadEndpoints(PortolanSet.Endpoints, isInside: false);
        ReadEndpoints(PortolanSet.NodePortEndpoints, isInside: false);
        ReadEndpoints(PortolanSet.AffinityIds, isInside: false);
        ReadEndpoints(PortolanSet.InsideEndpoints, isInside: true);
        ReadEndpoints(PortolanSet.InsideAffinityIds, isInside: true);
        ReadState(PortolanSet.NoEndpoints, ProgrammedState.Rejected);
        ReadState(PortolanSet.NoLocalEndpoints, ProgrammedState.Dropped);
        foreach (NamedSet set in _table.Sets)
            ReadAffinityAndRanges(set);
        foreach (SetElement element in Elements(PortolanSet.ExternalLocal))
        {
            if (Key(element.Key) is { } key && _frontends.TryGetValue(key, out FrontendFacts? facts))
                facts.IsExternalLocal = true;
        }
        return Services();
    }

    private ImmutableArray<SetElement> Elements(PortolanSet set) =>
        _layout.Has(set) ? _table.FindSet(_layout.NameOf(set))?.Elements ?? [] : [];

    private IEnumerable<InetAddress> Addresses(PortolanSet set) =>
        Elements(set).Select(element => element.Key).OfType<AddressValue>().Select(value => value.Address);

    private void ReadFrontends(PortolanSet map)
    {
        foreach (SetElement element in Elements(map))
        {
            if (Key(element.Key) is not { } key || element.Data is not NumberValue number)
                continue;
            FrontendFacts facts = Facts(key, element.Comment);
            PortolanFrontend frontend = PortolanFrontend.Of((uint)number.Value);
            facts.IsExternalLocal = frontend.Flags.HasFlag(PortolanFrontendFlags.ExternalLocal);
            if (frontend.Flags.HasFlag(PortolanFrontendFlags.Affinity))
                facts.Affinity = TimeSpan.FromSeconds(PortolanTables.DefaultAffinitySeconds);
            if (frontend.Count == 0)
                facts.State = frontend.Flags.HasFlag(PortolanFrontendFlags.Drop) ? ProgrammedState.Dropped : ProgrammedState.Rejected;
        }
    }

    private void ReadEndpoints(PortolanSet map, bool isInside)
    {
        foreach (SetElement element in Elements(map))
        {
            if (Key(element.Key) is not { } key)
                continue;
            FrontendFacts facts = Facts(key, element.Comment);
            ProgrammedEndpoint? endpoint = element.Data is NumberValue id
                ? _affinityEndpoints.GetValueOrDefault(id.Value) : Endpoint(element.Data);
            if (endpoint is not null)
                (isInside ? facts.Inside : facts.Outside).Add((IndexOf(element.Key), endpoint));
        }
    }

    private void ReadState(PortolanSet set, ProgrammedState state)
    {
        foreach (SetElement element in Elements(set))
        {
            if (Key(element.Key) is { } key)
                Facts(key, element.Comment).State = state;
        }
    }

    private void ReadAffinityAndRanges(NamedSet set)
    {
        if (!_layout.TryParseSet(set.Name, out PortolanSet kind, out int variant))
            return;
        if (kind == PortolanSet.AffinityFrontends)
        {
            foreach (SetElement element in set.Elements)
            {
                if (Key(element.Key) is { } key && _frontends.TryGetValue(key, out FrontendFacts? facts))
                    facts.Affinity = TimeSpan.FromSeconds(variant);
            }
        }
        else if (kind == PortolanSet.SourceRanges && variant <= 128)
        {
            foreach (SetElement element in set.Elements)
            {
                if (element.Key is ConcatExpression { Parts: [_, _, _, AddressValue source] } && Key(element.Key) is { } key
                    && _frontends.TryGetValue(key, out FrontendFacts? facts))
                    facts.Ranges.Add(new InetPrefix(source.Address, (byte)variant));
            }
        }
    }

    private IEnumerable<ProgrammedService> Services()
    {
        var services = new Dictionary<(string, IpProtocol), ProgrammedServiceBuilder>();
        var order = new List<ProgrammedServiceBuilder>();
        int before = _table.FindChain(_layout.NameOf(PortolanChainKind.Services)) is { } chain
            ? chain.Rules.TakeWhile(rule => !Picks(rule)).Count() + 1
            : 0;
        foreach (FrontendKey key in _order)
        {
            FrontendFacts facts = _frontends[key];
            string name = facts.Name == NoName ? key.ToString() : facts.Name;
            if (!services.TryGetValue((name, key.Protocol), out ProgrammedServiceBuilder? builder))
            {
                services[(name, key.Protocol)] = builder = new ProgrammedServiceBuilder(name, key.Protocol, _family, RuleWriter.Portolan)
                {
                    Name = facts.Name == NoName ? null : name,
                };
                order.Add(builder);
            }
            Add(builder, key, facts, before);
        }
        return order.Select(builder => builder.Build());
    }

    private bool Picks(Rule rule) => rule.Target is VerdictMapStatement { Map: SetReference map }
        ? _layout.TryParseSet(map.Name, out PortolanSet set, out _) && set == PortolanSet.Kinds
        : ServiceChains.TargetOf(rule) is { } target
            && _layout.TryParseChain(target, out PortolanChain chain) && chain is { Kind: PortolanChainKind.Pick, View: PortolanView.All };

    private void Add(ProgrammedServiceBuilder builder, FrontendKey key, FrontendFacts facts, int before)
    {
        bool isClusterIP = _clusterIPs.Contains(key.Address);
        ImmutableArray<ProgrammedEndpoint> outside = Shares(facts.Outside);
        if (isClusterIP)
        {
            builder.ClusterEndpoints = outside;
            if (facts.State == ProgrammedState.Dropped)
                builder.IsInternalLocal = true;
        }
        else
        {
            builder.IsExternalLocal = facts.IsExternalLocal || facts.State == ProgrammedState.Dropped;
        }
        builder.Affinity ??= facts.Affinity;
        if (facts.Ranges.Count > 0)
            builder.SourceRanges = [.. facts.Ranges];
        if (builder.ClusterEndpoints.IsEmpty && facts.Inside.Count > 0)
            builder.ClusterEndpoints = Shares(facts.Inside);
        var frontend = new ProgrammedFrontend
        {
            Kind = isClusterIP ? ProgrammedKind.ClusterIP : ProgrammedKind.External,
            Address = key.Address,
            Port = key.Port,
            State = facts.State,
            Endpoints = outside,
            RulesBefore = before,
        };
        if (!key.IsNodePort)
        {
            builder.Add(frontend);
            return;
        }
        foreach (InetAddress address in _nodePortAddresses)
        {
            // A frontend with this very address is looked up first.
            if (!_frontends.ContainsKey(key with { Address = address }))
                builder.Add(frontend with { Kind = ProgrammedKind.NodePort, Address = address });
        }
    }

    /// <summary>A random number below the number of endpoints picks one; a number without an element leads nowhere.</summary>
    private static ImmutableArray<ProgrammedEndpoint> Shares(List<(ulong Index, ProgrammedEndpoint Endpoint)> endpoints)
    {
        double numbers = endpoints.Count == 0 ? 1 : endpoints.Max(item => item.Index) + 1;
        return [.. endpoints.Select(item => item.Endpoint with { Share = 1 / numbers })];
    }

    private static ulong IndexOf(Expression key) => key is ConcatExpression { Parts: [_, _, _, NumberValue index] } ? index.Value : 0;

    private FrontendFacts Facts(FrontendKey key, string? comment)
    {
        if (!_frontends.TryGetValue(key, out FrontendFacts? facts))
        {
            _frontends[key] = facts = new FrontendFacts();
            _order.Add(key);
        }
        if (facts.Name == NoName && ServiceText.NameIn(comment) is { } name)
            facts.Name = name;
        return facts;
    }

    private static ProgrammedEndpoint? Endpoint(Expression? data) =>
        data is ConcatExpression { Parts: [AddressValue address, NumberValue { Value: <= ushort.MaxValue } port] }
            ? new ProgrammedEndpoint(address.Address, (ushort)port.Value, 0, string.Empty, string.Empty)
            : null;

    private static FrontendKey? Key(Expression key) =>
        key is ConcatExpression
        {
            Parts: [AddressValue address, NumberValue { Value: <= byte.MaxValue } protocol, NumberValue { Value: <= ushort.MaxValue } port,
                ..]
        }
            ? new FrontendKey(address.Address, (IpProtocol)protocol.Value, (ushort)port.Value)
            : null;

    private readonly record struct FrontendKey(InetAddress Address, IpProtocol Protocol, ushort Port)
    {
        // NodePorts have the unspecified address in their keys.
        public bool IsNodePort => Address.IsUnspecified;

        public override string ToString() => $"{new InetEndpoint(Address, Port)}/{Protocol.ToRuleText()}";
    }

    private sealed class FrontendFacts
    {
        internal string Name { get; set; } = NoName;

        internal ProgrammedState State { get; set; }

        internal bool IsExternalLocal { get; set; }

        internal TimeSpan? Affinity { get; set; }

        internal List<InetPrefix> Ranges { get; } = [];

        internal List<(ulong Index, ProgrammedEndpoint Endpoint)> Outside { get; } = [];

        internal List<(ulong Index, ProgrammedEndpoint Endpoint)> Inside { get; } = [];
    }
}
