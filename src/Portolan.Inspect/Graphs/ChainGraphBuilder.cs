using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>
/// The picture of the chains themselves: those of one service with every rule that concerns it, or the skeleton of all services.
/// </summary>
public sealed class ChainGraphBuilder
{
    private readonly Ruleset _rules;
    private readonly ChainGuide _guide;
    private readonly Dictionary<string, GraphNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string From, string To), List<string>> _edges = [];
    private readonly List<(string From, string To)> _order = [];

    private ChainGraphBuilder(Ruleset rules, ChainGuide guide) => (_rules, _guide) = (rules, guide);

    /// <summary>The picture of one service: every rule that concerns one of its ports, from the hooks to the endpoints.</summary>
    public static ServiceGraph OfService(string name, IReadOnlyList<ProgrammedService> ports, Ruleset rules, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(ports);
        var builder = new ChainGraphBuilder(rules, guide);
        var names = ports.Select(port => port.DisplayName).ToHashSet(StringComparer.Ordinal);
        foreach (RuleTable table in rules.Tables)
        {
            if (table.Family is TableFamily.Ip or TableFamily.Ip6 or TableFamily.Inet)
                builder.AddRulesOf(table, names);
        }
        foreach (ProgrammedService port in ports)
        {
            if (port.Writer.IsIpvs())
                builder.AddVirtualServers(port);
            else if (port.Writer != RuleWriter.KubeProxyIptables)
                builder.AddMaps(port);
        }
        return builder.Build(name);
    }

    /// <summary>The skeleton: hooks, the chains shared by all services, and how many service chains of each kind they lead to.</summary>
    public static ServiceGraph OfAll(Ruleset rules, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(rules);
        var builder = new ChainGraphBuilder(rules, guide);
        foreach (RuleTable table in rules.Tables)
        {
            foreach (Chain chain in table.Chains)
                builder.AddSkeleton(table, chain);
        }
        return builder.Build("all services");
    }

    /// <summary>Follows the rules about the service backwards to the hooks and forwards to the ends, within one table.</summary>
    private void AddRulesOf(RuleTable table, HashSet<string> services)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var forward = new Queue<Chain>();
        foreach (Chain chain in table.Chains)
        {
            bool isOwn = _guide.ServiceOf(chain.Name) is { } owner && services.Contains(owner);
            for (int index = 0; index < chain.Rules.Length; index++)
            {
                var place = new RuleRef(table, chain, index);
                if (!isOwn && !(_guide.ServiceOf(place) is { } service && services.Contains(service)))
                    continue;
                reached.Add(chain.Name);
                AddRule(place);
                if (ServiceChains.TargetOf(place.Rule) is { } target && table.FindChain(target) is { } next)
                    forward.Enqueue(next);
            }
        }
        AddCallers(table, reached);
        AddMarks(table, forward);
    }

    private void AddCallers(RuleTable table, HashSet<string> reached)
    {
        var waiting = new Queue<string>(reached);
        // One pass over the table finds all callers; a pass per chain would be quadratic in a large dump.
        ILookup<string, RuleRef> callers = table.Chains
            .Where(chain => _guide.ServiceOf(chain.Name) is null)
            .SelectMany(chain => Enumerable.Range(0, chain.Rules.Length).Select(index => new RuleRef(table, chain, index)))
            .Where(place => ServiceChains.TargetOf(place.Rule) is { } target && _guide.ServiceOf(target) is null)
            .ToLookup(place => ServiceChains.TargetOf(place.Rule)!);
        while (waiting.TryDequeue(out string? chain))
        {
            foreach (RuleRef place in callers[chain])
            {
                AddRule(place);
                if (reached.Add(place.Chain.Name))
                    waiting.Enqueue(place.Chain.Name);
            }
            if (table.FindChain(chain) is { Base: { } hook })
                AddEdge(HookNode(table, hook), ChainNode(table, chain), string.Empty);
        }
    }

    private void AddMarks(RuleTable table, Queue<Chain> forward)
    {
        foreach (Chain chain in forward.Distinct())
        {
            if (_guide.ServiceOf(chain.Name) is not null)
                continue;
            for (int index = 0; index < chain.Rules.Length; index++)
            {
                if (chain.Rules[index].Target is RejectStatement or VerdictStatement { Verdict.Kind: VerdictKind.Drop })
                    AddRule(new RuleRef(table, chain, index));
            }
        }
    }

    private void AddRule(RuleRef place)
    {
        string from = ChainNode(place.Table, place.Chain.Name);
        Rule rule = place.Rule;
        string label = EdgeLabel(place);
        switch (rule.Target)
        {
            case VerdictStatement { Verdict: { Chain: { } target } }:
                AddEdge(from, ChainNode(place.Table, target), label);
                break;
            case VerdictStatement { Verdict.Kind: VerdictKind.Drop }:
                AddEdge(from, Node(GraphNodeKind.DeadEnd, "drop", "dropped"), label);
                break;
            case RejectStatement:
                AddEdge(from, Node(GraphNodeKind.DeadEnd, "reject", "rejected"), label);
                break;
            case NatStatement { Kind: NatKind.Destination, Range: { HasAddress: true } range }:
                AddEdge(from, EndpointNode(new InetEndpoint(range.First, range.FirstPort).ToString()),
                    label.Length == 0 ? "DNAT" : label + ", DNAT");
                break;
            case NatStatement { Kind: NatKind.Destination, Operand: MapExpression { Map: AnonymousSet map } }:
                foreach (SetElement element in map.Elements)
                {
                    if (element.Data is ConcatExpression { Parts: [AddressValue address, NumberValue port] })
                        AddEdge(from, EndpointNode(new InetEndpoint(address.Address, (ushort)port.Value).ToString()),
                            ShareText.Of(1.0 / map.Elements.Length));
                }
                break;
            case VerdictMapStatement { Key: NumgenExpression, Map: AnonymousSet map }:
                foreach (SetElement element in map.Elements)
                {
                    if (element.Data is VerdictValue { Verdict.Chain: { } target })
                        AddEdge(from, ChainNode(place.Table, target), ShareText.Of(1.0 / map.Elements.Length));
                }
                break;
        }
    }

    /// <summary>IPVS stands behind INPUT and OUTPUT; no chain leads there.</summary>
    private void AddVirtualServers(ProgrammedService port)
    {
        string ipvs = Node(GraphNodeKind.Hook, "ipvs", "IPVS\nbehind INPUT, in OUTPUT");
        foreach (ProgrammedFrontend frontend in port.Frontends)
        {
            string label = $"{port.Protocol.ToRuleText()} to {frontend.Text}";
            if (frontend.State is ProgrammedState.Rejected or ProgrammedState.Dropped)
            {
                bool isRejected = frontend.State == ProgrammedState.Rejected;
                AddEdge(ipvs, Node(GraphNodeKind.DeadEnd, isRejected ? "reject" : "drop", isRejected ? "rejected" : "dropped"), label);
                continue;
            }
            foreach (ProgrammedEndpoint endpoint in frontend.Endpoints)
                AddEdge(ipvs, EndpointNode(endpoint.Text), $"{label}, {ShareText.Of(endpoint.Share)}");
        }
    }

    /// <summary>The arrows that maps make: from the hook's lookup to the chain or the endpoints of a frontend.</summary>
    private void AddMaps(ProgrammedService port)
    {
        string table = port.Writer == RuleWriter.Portolan ? PortolanTables.TableName : KubeProxyNftables.TableName;
        TableFamily family = port.Family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6;
        if (_rules.FindTable(family, table) is not { } found)
            return;
        string services = ChainNode(found, ServiceTables.EntryOf(found) ?? KubeProxyNftables.Services);
        foreach (Chain chain in found.Chains.Where(chain => chain.Base is { Type: ChainType.Nat, Hook: Hook.Prerouting or Hook.Output }))
            AddEdge(HookNode(found, chain.Base!), services, string.Empty);
        foreach (ProgrammedFrontend frontend in port.Frontends)
        {
            string label = $"{port.Protocol.ToRuleText()} to {frontend.Text}";
            if (frontend.State is ProgrammedState.Rejected or ProgrammedState.Dropped)
            {
                bool isRejected = frontend.State == ProgrammedState.Rejected;
                AddEdge(services, Node(GraphNodeKind.DeadEnd, isRejected ? "reject" : "drop", isRejected ? "rejected" : "dropped"),
                    label + " from outside");
            }
            if (port.Writer == RuleWriter.Portolan)
            {
                string pick = Node(GraphNodeKind.Chain, $"pick_{port.DisplayName}_{port.Protocol}_{frontend.Text}",
                    $"map endpoints\n{frontend.Text}");
                AddEdge(services, pick, label);
                foreach (ProgrammedEndpoint endpoint in frontend.Endpoints.IsEmpty ? port.Endpoints : frontend.Endpoints)
                    AddEdge(pick, EndpointNode(endpoint.Text), ShareText.Of(endpoint.Share));
            }
            else if (TargetInMap(found, frontend, port.Protocol) is { } target)
            {
                AddEdge(services, ChainNode(found, target), label);
            }
        }
    }

    private static string? TargetInMap(RuleTable table, ProgrammedFrontend frontend, IpProtocol protocol)
    {
        Expression[] tail = [new NumberValue((ulong)protocol), new NumberValue(frontend.Port)];
        Expression key = new ConcatExpression(frontend.Address.Family == IpFamily.None
            ? [.. tail] : [new AddressValue(frontend.Address), .. tail]);
        NamedSet? map = table.FindSet(frontend.Address.Family == IpFamily.None
            ? KubeProxyNftables.ServiceNodePorts : KubeProxyNftables.ServiceIPs);
        return map?.Elements.FirstOrDefault(element => element.Key.Equals(key))?.Data is VerdictValue { Verdict.Chain: { } chain }
            ? chain : null;
    }

    private void AddSkeleton(RuleTable table, Chain chain)
    {
        if (chain.Base is { } hook && !chain.Rules.IsEmpty)
            AddEdge(HookNode(table, hook), SkeletonNode(table, chain.Name), string.Empty);
        foreach (IGrouping<string, Rule> group in chain.Rules.Where(rule => ServiceChains.TargetOf(rule) is not null)
            .GroupBy(rule => SkeletonNode(table, ServiceChains.TargetOf(rule)!)))
        {
            int count = group.Count();
            string from = SkeletonNode(table, chain.Name);
            if (from != group.Key)
                AddCount(from, group.Key, count);
        }
    }

    private void AddCount(string from, string to, int count)
    {
        List<string> labels = Edge(from, to);
        int before = labels.Count == 1 && int.TryParse(labels[0].AsSpan(0, labels[0].IndexOf(' ', StringComparison.Ordinal)),
            NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        labels.Clear();
        labels.Add($"{(before + count).ToString(CultureInfo.InvariantCulture)} {(before + count == 1 ? "rule" : "rules")}");
    }

    private string SkeletonNode(RuleTable table, string chain)
    {
        bool isOneOfMany = _guide.ServiceOf(chain) is not null || KubeProxyIptables.RoleOf(chain) == KubeChainRole.Branch;
        int dash = isOneOfMany ? KindLength(chain) : -1;
        return dash < 0
            ? ChainNode(table, chain)
            : Node(GraphNodeKind.Chain, $"{table.Family}_{table.Name}_{chain[..dash]}",
                $"{chain[..dash]}-...\n{GraphLabels.Wrap(ChainPurposes.Of(chain) ?? "one for each service port")}");
    }

    private static int KindLength(string chain) => chain.StartsWith(KubeProxyIptables.Prefix, StringComparison.Ordinal)
        ? chain.IndexOf('-', KubeProxyIptables.Prefix.Length)
        : chain.IndexOf('-', StringComparison.Ordinal);

    private static string EdgeLabel(RuleRef place)
    {
        Rule rule = place.Rule;
        var words = new List<string>();
        foreach (Statement statement in rule.Statements)
        {
            // The port implies the protocol, and the rule's own probability misleads: the share is shown instead.
            if (statement is Match match and not (StatisticRandomMatch or AccountingMatch)
                && !(match is ProtocolMatch && rule.Statements.Any(other => other is PortMatch or NatStatement)))
                words.Add(RuleDescriptions.Condition(match));
        }
        if (ServiceChains.TargetOf(rule) is { } target && KubeProxyIptables.RoleOf(target) == KubeChainRole.Endpoint
            && !rule.Statements.Any(statement => statement is RecentMatch))
        {
            ProgrammedEndpoint? endpoint = new ServiceChains(place.Table)
                .OutsideOf(place.Chain.Name).Endpoints.FirstOrDefault(item => item.Chain == target);
            if (endpoint is not null)
                words.Add(ShareText.Of(endpoint.Share));
        }
        return string.Join(", ", words.Where(word => word.Length > 0));
    }

    private string HookNode(RuleTable table, BaseChain hook) =>
        Node(GraphNodeKind.Hook, $"hook_{hook.Hook}_{table.Family}_{table.Name}",
        $"{hook.Hook.ToString().ToUpperInvariant()}\n{table.Name}");

    private string ChainNode(RuleTable table, string chain)
    {
        string id = $"{table.Family}_{table.Name}_{chain}";
        if (table.FindChain(chain) is null)
            return Node(GraphNodeKind.Missing, id, $"{chain}\nnot in the input");
        // The box of an endpoint is beside that of its chain and shows the address.
        string purpose = KubeProxyIptables.RoleOf(chain) == KubeChainRole.Endpoint || _guide.PurposeOf(chain) is not { } words
            ? string.Empty : "\n" + GraphLabels.Wrap(words);
        return Node(KindOf(chain), id, $"{chain}{purpose}");
    }

    private static GraphNodeKind KindOf(string chain) => KubeProxyIptables.RoleOf(chain) switch
    {
        KubeChainRole.MarkMasquerade => GraphNodeKind.Mark,
        KubeChainRole.MarkDrop => GraphNodeKind.DeadEnd,
        _ => PortolanTables.TryParseChain(chain, out PortolanChain own) && own.Kind == PortolanChainKind.OffCluster
            ? GraphNodeKind.Mark : GraphNodeKind.Chain,
    };

    private string EndpointNode(string endpoint) => Node(GraphNodeKind.Endpoint, "endpoint_" + endpoint, endpoint);

    private string Node(GraphNodeKind kind, string key, string label)
    {
        if (!_nodes.TryGetValue(key, out GraphNode? node))
            _nodes[key] = node = new GraphNode($"n{_nodes.Count.ToString(CultureInfo.InvariantCulture)}", kind, label);
        return node.Id;
    }

    private List<string> Edge(string from, string to)
    {
        if (!_edges.TryGetValue((from, to), out List<string>? labels))
        {
            _edges[(from, to)] = labels = [];
            _order.Add((from, to));
        }
        return labels;
    }

    private void AddEdge(string from, string to, string label)
    {
        List<string> labels = Edge(from, to);
        if (label.Length > 0 && !labels.Contains(label))
            labels.Add(label);
    }

    private ServiceGraph Build(string title) => new()
    {
        Title = title,
        Nodes = [.. _nodes.Values],
        Edges = [.. _order.Select(edge => new GraphEdge(edge.From, edge.To, string.Join(" or ", _edges[edge])))],
    };
}
